"""A classification export finds its sources again."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from zoocut.errors import InputError
from zoocut.join import join, load_sources
from zoocut.ledger import Image, Ledger, PlannedRow, State
from zoocut.model import Value
from zoocut.run.folder import Run
from zoocut.run.sources import DrawnSource, DrawnWriter, put_together

ID = 170059034123456789
"""Two ids that are the same number when read as floating point."""
NEXT = ID + 1


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run.create(tmp_path / "run")
    with DrawnWriter(run.sources) as drawn:
        for number in (ID, NEXT):
            columns: dict[str, Value] = {
                "diaSourceId": number,
                "ra": 10.5,
                "note": f'"{number}",\n',
                "expert": None,
            }
            drawn.add(DrawnSource(columns, ("images/a.png",), ("0" * 64,)), number)
    put_together(run.sources)
    return run


def export(path: Path, *subject_data: str, header: str = "classification_id,expert,subject_data") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(header + "\n")
        csv.writer(file).writerows([n, "yes", data] for n, data in enumerate(subject_data))
    return path


def joined(run: Run, tmp_path: Path, *subject_data: str) -> list[dict[str, str]]:
    output = tmp_path / "joined.csv"
    join(export(tmp_path / "export.csv", *subject_data), output, load_sources([run]))
    with output.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "key", ["diaSourceId", "#diaSourceId", "!diaSourceId", "//diaSourceId", "#DIASOURCEID"]
)
@pytest.mark.parametrize("value", [NEXT, str(NEXT), f" {NEXT} "])
def test_id_is_exact_under_any_prefix(run: Run, tmp_path: Path, key: str, value: object) -> None:
    told = {"retired": None, "diaSourceID": None, key: value}  # an import's empty cell tells nothing
    (row,) = joined(run, tmp_path, json.dumps({"91": told}))
    assert row["diaSourceId"] == str(NEXT)
    assert row["join"] == "joined"
    assert row["note"] == f'"{NEXT}",\n'
    assert (row["expert"], row["catalog_expert"], row["ra"]) == ("yes", "", "10.5")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ('{"91": {"#diaSourceId": "17', "subject_data is broken"),
        ("[1]", "subject_data is broken"),
        ('{"91": null}', "subject_data is broken"),
        ("", "subject_data is broken"),
        ("[" * 100_000, "subject_data is broken"),
        ('{"91": {"Filename": "a.png"}}', "subject has no diaSourceId"),
        ('{"91": {"diaSourceId": null}}', "subject has no diaSourceId"),
        ('{"91": {"#diaSourceId": 1.7005903412345678e17}}', "diaSourceId is not a whole number"),
        ('{"91": {"#diaSourceId": "' + "9" * 5000 + '"}}', "diaSourceId is not a whole number"),
        ('{"91": {"#diaSourceId": "1", "diaSourceId": "2"}}', "several subjects or ids in one row"),
        (
            f'{{"91": {{"diaSourceId": {ID}}}, "92": {{"diaSourceId": {ID}}}}}',
            "several subjects or ids in one row",
        ),
        ('{"91": {"diaSourceId": "12"}}', "diaSourceId is not in the run"),
    ],
)
def test_row_without_a_source_says_why(run: Run, tmp_path: Path, data: str, reason: str) -> None:
    good = json.dumps({"92": {"diaSourceId": ID}})
    bad, following = joined(run, tmp_path, data, good)
    assert bad["join"] == reason
    assert bad["subject_data"] == data
    assert (bad["ra"], bad["note"]) == ("", "")
    assert following["diaSourceId"] == str(ID)


def upload(run: Run, endpoint: str, subject_id: str, number: int | str) -> None:
    with Ledger.open(run.ledger, run.run_id) as ledger:
        target = ledger.add_target(endpoint, "1", "owner/name", "5", "Night")
        ledger.plan(target, [PlannedRow(str(number), {}, (Image("images/a.png", "image/png"),))], "0")
        (entry,) = ledger.entries(target, State.PLANNED)
        ledger.save([replace(entry, state=State.CREATED, subject_id=subject_id, attempt=1)])


def test_ledger_knows_subjects_whose_metadata_does_not_tell(run: Run, tmp_path: Path) -> None:
    upload(run, "http://127.0.0.1:1", "91", NEXT)
    path = tmp_path / "extracts.csv"
    told = json.dumps({"91": {"diaSourceId": str(ID)}}).replace('"', '""')
    path.write_text(f'subject_ids,subject_data\n91,broken\n92,{{}}\n91,"{told}"\n')
    joined = join(path, tmp_path / "joined.csv", load_sources([run], ["ra"]))
    assert joined.outcomes == {
        "joined": 1, "subject has no diaSourceId": 1, "subject_data names another source than the ledger": 1
    }  # fmt: skip
    assert (tmp_path / "joined.csv").read_text().splitlines()[1] == f"91,broken,{NEXT},joined,10.5"
    upload(run, "http://127.0.0.1:2", "92", NEXT)
    with pytest.raises(InputError, match="several servers: say with --endpoint"):
        load_sources([run])
    assert load_sources([run], endpoint="http://127.0.0.1:2").subjects == {"92": str(NEXT)}


def test_lines_of_another_width_are_left_out_and_named(run: Run, tmp_path: Path) -> None:
    path = export(tmp_path / "export.csv", json.dumps({"92": {"diaSourceId": ID}}))
    path.write_text(path.read_text() + "5,no\n6,no,{},more\n")
    result = join(path, tmp_path / "joined.csv", load_sources([run]))
    assert result.unread_lines == [3, 4]
    assert (result.rows, result.whole, result.outcomes["joined"]) == (3, False, 1)
    assert len((tmp_path / "joined.csv").read_text().splitlines()) == 1 + 2


@pytest.mark.parametrize(
    ("encoding", "separator", "said"),
    [("cp1252", ",", "cp1252"), ("utf-16", "\t", None), ("utf-8-sig", ";", None), ("utf-8-sig", ",", None)],
)
def test_an_export_however_it_was_saved(
    run: Run, tmp_path: Path, encoding: str, separator: str, said: str | None
) -> None:
    path = tmp_path / "export.csv"
    data = json.dumps({"92": {"diaSourceId": ID}}).replace('"', '""')
    path.write_bytes(f'user_name{separator}subject_data\nMüller{separator}"{data}"\n'.encode(encoding))
    done = join(path, tmp_path / "joined.csv", load_sources([run], ["ra"]), encoding=said)
    assert done.whole
    assert bool(done.recognised) == ((encoding, separator) != ("utf-8-sig", ","))
    header, row = (tmp_path / "joined.csv").read_text(encoding="utf-8").splitlines()
    assert header == "user_name,subject_data,diaSourceId,join,ra"
    assert row.startswith("Müller,")
    assert row.endswith(f",{ID},joined,10.5")


def test_an_export_in_another_encoding_is_refused_and_nothing_written(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(b'user_name,subject_data\nM\xfcller,"{}"\n')
    with pytest.raises(InputError, match=r"line 2 holds the bytes 0xfc.*--encoding cp1252"):
        join(path, tmp_path / "joined.csv", load_sources([run], ["ra"]))
    assert not (tmp_path / "joined.csv").exists()


@pytest.mark.parametrize(
    "told", [f"0{ID}", f"+{ID}", f"{ID}.0", f"{str(ID)[:3]}_{str(ID)[3:]}", f"{ID}e0", "１７"]
)
def test_an_id_written_otherwise_is_no_id(run: Run, tmp_path: Path, told: str) -> None:
    (row,) = joined(run, tmp_path, json.dumps({"92": {"diaSourceId": told}}))
    assert (row["diaSourceId"], row["join"]) == ("", "diaSourceId is not a whole number")


def test_chosen_columns_only_and_unknown_ones_refused(run: Run) -> None:
    assert load_sources([run], ["note"]).columns == ("note",)
    with pytest.raises(InputError, match="no column snr: choose from ra, note, expert"):
        load_sources([run], ["snr"])


def test_export_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    path = export(tmp_path / "export.csv", "{}")
    before = path.read_bytes()
    with pytest.raises(InputError, match="is the export itself"):
        join(path, path, load_sources([run]))
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["user_name,answer\nx,y\n", ""])
def test_another_kind_of_table_is_refused_and_nothing_written(run: Run, tmp_path: Path, content: str) -> None:
    path, output = tmp_path / "export.csv", tmp_path / "joined.csv"
    path.write_text(content)
    output.write_text("earlier")
    with pytest.raises(InputError, match="neither subject_data nor subject_ids"):
        join(path, output, load_sources([run]))
    assert output.read_text() == "earlier"


def test_missing_files_are_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv cannot be read"):
        join(tmp_path / "gone.csv", tmp_path / "joined.csv", load_sources([run]))
    empty = Run.create(tmp_path / "empty")
    with pytest.raises(InputError, match=r"neither sources\.parquet nor manifest\.csv"):
        load_sources([empty])


def test_a_run_that_was_only_uploaded_is_joined_with_its_manifest(tmp_path: Path) -> None:
    """A manifest that another tool wrote, whose rows have names of their own, in a ledger and a manifest alone."""
    run = Run.create(tmp_path / "uploaded")
    (run.path / "a.png").write_bytes(b"")
    run.manifest.write_text(
        f"external_id,location:1,metadata:#diaSourceId,metadata:!snr\nrow-1,a.png,{ID},7.5\n"
    )
    upload(run, "http://127.0.0.1:1", "91", "row-1")
    path = tmp_path / "extracts.csv"
    told = json.dumps({"92": {"#diaSourceId": str(ID)}}).replace('"', '""')
    path.write_text(f'subject_ids,subject_data\n91,{{}}\n92,"{told}"\n93,{{}}\n')
    joined = join(path, tmp_path / "joined.csv", load_sources([run]))
    assert joined.outcomes == {"joined": 2, "subject has no diaSourceId": 1}
    with (tmp_path / "joined.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["diaSourceId"], row["snr"]) for row in rows] == [(str(ID), "7.5")] * 2 + [("", "")]


@pytest.mark.parametrize("name", ["ZTF18abcdefg", "000123", "12_34"])
def test_rows_that_another_tool_names_are_found_by_that_name(tmp_path: Path, name: str) -> None:
    run = Run.create(tmp_path / "uploaded")
    run.manifest.write_text(f"external_id,location:1,metadata:band\n{name},a.png,g\n")
    path = tmp_path / "extracts.csv"
    told = json.dumps({"92": {"diaSourceId": name}}).replace('"', '""')
    path.write_text(f'subject_ids,subject_data\n92,"{told}"\n')
    assert join(path, tmp_path / "joined.csv", load_sources([run])).outcomes == {"joined": 1}
    assert f",{name},joined,g" in (tmp_path / "joined.csv").read_text()


def test_a_manifest_of_another_name_is_found_by_the_ledger(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "uploaded")
    (run.path / "mine.csv").write_text(f"external_id,location:1,metadata:band\n{ID},a.png,g\n")
    with Ledger.open(run.ledger, run.run_id) as ledger:
        ledger.add_target("http://127.0.0.1:1", "1", "owner/name", "5", "Night", manifest="mine.csv")
    assert load_sources([run]).lines == {str(ID): "g"}
