"""`sources.parquet` grows over calls, keeps ids exact, and brings columns of different types together."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from zoocut.errors import InputError
from zoocut.model import Value
from zoocut.run.recorded import DamagedRecord, Recorded
from zoocut.run.sources import ROWS_AT_ONCE, DrawnSource, DrawnWriter, put_together, read_drawn


def drawn(number: int, **columns: Value) -> DrawnSource:
    return DrawnSource({"diaSourceId": number, **columns}, (f"images/{number}.png",), (f"{number:064x}",))


def write(path: Path, *sources: DrawnSource) -> None:
    with DrawnWriter(path) as writer:
        for position, source in enumerate(sources):
            writer.add(source, position)
    put_together(path)


def test_rows_come_back_in_order_over_several_calls(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    first, second = drawn(2**62 + 1, snr=1.5), drawn(2**62, snr=None)
    write(path, first)
    write(path, second)
    assert list(read_drawn(path)) == [first, second]
    recorded, at_ns = Recorded(path), path.stat().st_mtime_ns
    found = [recorded.get(2**62 + n) for n in (1, 0)]
    assert [(one.sha256, one.at_ns) for one in found if one] == [
        (first.sha256, at_ns),
        (second.sha256, at_ns),
    ]
    assert 2**62 + 2 not in recorded


def test_new_and_missing_columns(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    write(path, drawn(1, band="g"))
    write(path, drawn(2, snr=3.0))
    assert pq.read_table(path).to_pylist()[1]["band"] is None
    assert [source.columns["snr"] for source in read_drawn(path)] == [None, 3.0]


def test_types_that_do_not_go_together_become_text(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    write(path, drawn(1, visit=2**60 + 1), drawn(2, visit=None))
    write(path, drawn(3, visit="v3"))
    write(path, drawn(4, visit=1.5), drawn(5, visit="late"))
    assert [source.columns["visit"] for source in read_drawn(path)] == [
        str(2**60 + 1),
        None,
        "v3",
        "1.5",
        "late",
    ]


def test_more_rows_than_are_held_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    write(path, *(drawn(n) for n in range(2 * ROWS_AT_ONCE + 1)))
    assert [source.dia_source_id for source in read_drawn(path)] == list(range(2 * ROWS_AT_ONCE + 1))
    assert [p.name for p in tmp_path.iterdir()] == ["sources.parquet"]


def test_what_was_drawn_before_an_error_is_recorded_in_a_part(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    write(path, drawn(1))
    before = path.read_bytes()
    with contextlib.suppress(RuntimeError), DrawnWriter(path) as writer:
        writer.add(drawn(2), 1)
        raise RuntimeError
    assert path.read_bytes() == before
    recorded = Recorded(path)
    assert [number in recorded for number in (1, 2, 3)] == [True, True, False]
    found = recorded.get(2)
    assert found is not None
    assert (found.sha256, found.at_ns) == (
        drawn(2).sha256,
        next(tmp_path.glob(".sources/*")).stat().st_mtime_ns,
    )


def test_parts_of_several_jobs_are_put_together_in_the_catalogs_order(tmp_path: Path) -> None:
    alone, shared = tmp_path / "alone.parquet", tmp_path / "jobs" / "sources.parquet"
    sources = [drawn(7 * n % 1013, snr=n / 8) for n in range(1013)]
    write(alone, *sources)
    shared.parent.mkdir()
    for job in range(3):
        with DrawnWriter(shared) as writer:
            for position in range(job, len(sources), 3):
                writer.add(sources[position], position)
    put_together(shared)
    assert shared.read_bytes() == alone.read_bytes()
    assert [p.name for p in shared.parent.iterdir()] == ["sources.parquet"]


@pytest.mark.parametrize("names", [False, True])
def test_parts_that_were_not_removed_after_they_were_put_together_add_nothing(
    tmp_path: Path, names: bool
) -> None:
    path, left = tmp_path / "sources.parquet", tmp_path / "left"
    sources = [
        DrawnSource({"diaSourceId": f"ZTF{n}" if names else 2**62 + n}, (f"images/{n}.png",), (f"{n:064x}",))
        for n in range(5)
    ]
    with DrawnWriter(path) as writer:
        for position, source in enumerate(sources[:4]):
            writer.add(source, position)
    shutil.copytree(tmp_path / ".sources", left)
    put_together(path)
    before = path.read_bytes()
    left.rename(tmp_path / ".sources")  # as a kill behind the renaming leaves them
    put_together(path)
    assert path.read_bytes() == before
    write(path, sources[4])
    assert list(read_drawn(path)) == sources
    assert [p.name for p in tmp_path.iterdir()] == ["sources.parquet"]


def test_a_source_that_two_jobs_have_drawn_has_one_row(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    sources = [drawn(n) for n in range(9)]
    for positions in (range(0, 9, 2), range(0, 9, 3), range(9)):
        with DrawnWriter(path) as writer:
            for position in positions:
                writer.add(sources[position], position)
    put_together(path)
    assert list(read_drawn(path)) == sources


def test_columns_of_several_jobs_whose_types_do_not_go_together_become_text(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    values: list[Value] = [2**60 + 1, "v3", 1.5, None]
    for position, value in enumerate(values):
        with DrawnWriter(path) as writer:
            writer.add(drawn(position, visit=value), position)
    put_together(path)
    assert [source.columns["visit"] for source in read_drawn(path)] == [str(2**60 + 1), "v3", "1.5", None]


def test_parts_that_come_while_others_are_put_together_stay(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    with DrawnWriter(path) as writer:
        writer.add(drawn(1), 0)
    (tmp_path / ".sources" / "sources.damaged").write_bytes(b"")
    put_together(path)
    assert [p.name for p in tmp_path.glob(".sources/*")] == ["sources.damaged"]


def test_a_row_group_does_not_tell_in_how_many_calls_a_run_was_drawn(tmp_path: Path) -> None:
    once, grown = tmp_path / "once.parquet", tmp_path / "grown.parquet"
    sources = [drawn(n) for n in range(ROWS_AT_ONCE + 100)]
    write(once, *sources)
    for first in range(0, len(sources), 1700):
        write(grown, *sources[first : first + 1700])
    assert grown.read_bytes() == once.read_bytes()


def test_ids_alone_and_several_images(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    sums = ("ab" * 32, "0" * 63 + "1")
    write(path, DrawnSource({"diaSourceId": 5}, ("images/5-1.png", "images/5-2.png"), sums), drawn(3))
    recorded = Recorded(path)
    found = [recorded.get(number) for number in (5, 3)]
    assert [record.sha256 for record in found if record] == [sums, drawn(3).sha256]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\0" * 4096, b"PAR1" + b"\0" * 400 + b"PAR1"])
def test_a_damaged_record_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sources.parquet"
    path.write_bytes(content)
    with pytest.raises(DamagedRecord) as caught:
        Recorded(path)
    assert caught.value.path == path


def test_not_a_table(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        list(read_drawn(path))


def test_rows_are_found_in_whatever_order_they_were_recorded_and_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    ids = [7, 3, 2**62, 5, 4, 6]
    write(path, *(drawn(number) for number in ids[:4]))
    lacking = DrawnSource({"diaSourceId": 4}, ("images/4.png", None), (f"{4:064x}", None))
    with DrawnWriter(path) as writer:
        writer.add(lacking, 4)
        writer.add(drawn(6), 5)
        writer.add(
            drawn(3), 6
        )  # a second time, as a call leaves it that is killed before it has put parts together
    recorded = Recorded(path)
    for asked in (ids, sorted(ids), ids[::-1]):
        found = {number: recorded.get(number) for number in asked}
        assert {n: one.sha256 for n, one in found.items() if one} == {n: (f"{n:064x}",) for n in ids}
    assert [recorded.find(number) for number in (0, 8, 2**62 + 1)] == [None] * 3
    assert recorded.find(3) == 1
    files = {number: one.of_all for number, one in found.items() if one}
    assert files == {7: 1, 3: 1, 2**62: 1, 5: 1, 4: None, 6: None}
