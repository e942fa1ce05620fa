"""What a power cut leaves of a run, and files that are empty, cut off or zeros: the same command again mends it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from power_cut import (
    Undisturbed,
    again,
    contents,
    cut_everywhere,
    identity,
    make_field,
    make_ledger,
    record_of,
)

from zoocut.config.load import load
from zoocut.errors import ConfigError, InputError
from zoocut.generating import Part, generate, generate_part
from zoocut.ledger import Ledger
from zoocut.run.folder import Run
from zoocut.uploading.folder import open_run

Zoocut = Callable[..., subprocess.CompletedProcess[str]]


def traces() -> bool:
    return (
        bool(shutil.which("strace")) and not subprocess.run(["strace", "-o", "/dev/null", "true"]).returncode
    )


@pytest.mark.parametrize(("scenario", "every"), [("fresh", 23), ("ledger", 23)])
def test_the_power_is_cut_at_some_writes(tmp_path: Path, scenario: str, every: int) -> None:
    """A sample of `python tests/crash/power_cut.py`, which cuts at every write."""
    if not traces():
        pytest.skip("strace is not there, or may not trace: apt install strace")
    outcome = cut_everywhere(scenario, tmp_path, every)
    assert outcome.faults == []
    assert outcome.states > 5


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_field(tmp_path_factory.mktemp("field") / "field")


@pytest.fixture(scope="module")
def drawn(field: Path) -> tuple[Path, Undisturbed]:
    """A run whose second call has not put its part together yet, and what it is to become."""
    run, whole = field.parent / "run", field.parent / "whole"
    generate(load(field / "first.toml"), run)
    shutil.copytree(run, whole)
    generate(load(field / "zoocut.toml"), whole)
    generate(load(field / "zoocut.toml"), run, limit=4)  # takes the settings, draws nothing
    generate_part(load(field / "zoocut.toml"), run, Part(1, 1))
    make_ledger(run)
    return run, Undisturbed(contents(whole), frozenset(), record_of(whole), identity(run))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda content: content[: len(content) // 2],
    "zeros": lambda content: bytes(len(content)),
    "most": lambda content: content[:-1],
}


@pytest.mark.parametrize("name", ["sources.parquet", ".sources/*.parquet"])
@pytest.mark.parametrize("at", ["begin", "end"])
def test_a_page_of_the_record_that_is_damaged_is_no_other_value(
    drawn: tuple[Path, Undisturbed], field: Path, tmp_path: Path, name: str, at: str
) -> None:
    """Its end, which is read first, is whole: a column is not as it was written. The remedy that is told works."""
    run = shutil.copytree(drawn[0], tmp_path / "a run")
    (path,) = run.glob(name)
    group = pq.ParquetFile(path).metadata.row_group(0)
    (column,) = [one for one in map(group.column, range(group.num_columns)) if one.path_in_schema == "ra"]
    begin = column.dictionary_page_offset or column.data_page_offset
    content = bytearray(path.read_bytes())
    content[begin if at == "begin" else begin + column.total_compressed_size - 1] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read") as refused:
        generate(load(field / "zoocut.toml"), run)
    subprocess.run(shlex.split(str(refused.value).split("`")[1]), check=True)
    # without sources.parquet all is drawn anew, and so in the catalog's order
    wanted = anew(field, tmp_path / "anew", run) if name == "sources.parquet" else drawn[1]
    assert again(run, field / "zoocut.toml", wanted) == ""


def anew(field: Path, path: Path, run: Path) -> Undisturbed:
    """What a run is to become of which nothing is recorded any more."""
    generate(load(field / "zoocut.toml"), path)
    return Undisturbed(contents(path), frozenset(), record_of(path), identity(run))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name",
    ["run.toml", "sources.parquet", "manifest.csv", "manifest-urls.csv", "rejected.csv", "*.png", "part"],
)
def test_a_damaged_file_is_rebuilt(
    drawn: tuple[Path, Undisturbed], field: Path, tmp_path: Path, name: str, damage: str
) -> None:
    run = shutil.copytree(drawn[0], tmp_path / "run")
    pattern = ".sources/*.parquet" if name == "part" else name
    path = next(run.rglob(pattern) if "/" not in pattern else run.glob(pattern))
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    # without sources.parquet all is drawn anew, and so in the catalog's order
    wanted = anew(field, tmp_path / "anew", run) if name == "sources.parquet" else drawn[1]
    assert again(run, field / "zoocut.toml", wanted) == ""


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_picture_is_looked_at_before_a_newer_record_takes_it_for_whole(
    drawn: tuple[Path, Undisturbed], field: Path, tmp_path: Path, damage: str
) -> None:
    """What is recorded in parts is compared with other inputs, or with none that are known, and put together then."""
    for says in ("settings lost", "other inputs"):
        run = shutil.copytree(drawn[0], tmp_path / says)
        assert list(run.glob(".sources/*.parquet"))
        for picture in sorted(run.glob("images/*/*.png"))[::3]:
            picture.write_bytes(DAMAGES[damage](picture.read_bytes()))
        config = field / "zoocut.toml"
        if says == "settings lost":
            (run / "run.toml").write_bytes(b"")
        else:
            config = field / "same.toml"
            (field / "same.csv").write_bytes((field / "zoocut.csv").read_bytes())
            config.write_text((field / "zoocut.toml").read_text().replace("zoocut.csv", "same.csv"))
        assert again(run, config, drawn[1]) == ""


def test_a_picture_without_a_record_is_drawn_again_whatever_it_is(
    drawn: tuple[Path, Undisturbed], field: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(drawn[0], tmp_path / "run")
    shutil.rmtree(run / ".sources")
    (run / "sources.parquet").unlink()
    first, second, third, *_ = sorted(run.glob("images/*/*.png"))
    first.write_bytes(b"")
    second.write_bytes(third.read_bytes())
    third.write_bytes(third.read_bytes()[:-20])
    wanted = anew(field, tmp_path / "anew", run)
    assert again(run, field / "zoocut.toml", wanted) == ""


def test_settings_that_nobody_knows_any_more_are_proved(
    drawn: tuple[Path, Undisturbed], field: Path, tmp_path: Path
) -> None:
    """With `run.toml` its settings are lost: others than it was drawn with are refused, by what they would draw."""
    run = shutil.copytree(drawn[0], tmp_path / "run")
    (run / "run.toml").write_bytes(b"")
    others = {
        "its pixels are others": {"draw": {"sizes": [12]}},
        "other metadata": {"metadata": {"!id": "diaSourceId"}},
    }
    for says, options in others.items():
        with pytest.raises(ConfigError, match=says):
            generate(load(field / "zoocut.toml", options), run)
    with pytest.raises(ConfigError, match="without --part"):
        generate_part(load(field / "zoocut.toml"), run, Part(1, 2))
    done = generate(load(field / "zoocut.toml"), run)
    assert [note for note in done.notes if f"its id is {drawn[1].run_id}" in note]
    assert again(run, field / "zoocut.toml", drawn[1]) == ""
    with pytest.raises(ConfigError, match=r"draw\.sizes"):
        generate(load(field / "zoocut.toml", {"draw": {"sizes": [12]}}), run)


def test_the_remedy_for_a_lost_run_toml_works(
    drawn: tuple[Path, Undisturbed], field: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(drawn[0], tmp_path / "a run")
    (run / "run.toml").unlink()
    with pytest.raises(InputError, match=r"if it is one whose run\.toml was lost") as refused:
        generate(load(field / "zoocut.toml"), run)
    subprocess.run(shlex.split(str(refused.value).split("`")[1]), check=True)
    assert again(run, field / "zoocut.toml", drawn[1]) == ""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"choose another folder with -o$"):
        generate(load(field / "zoocut.toml"), tmp_path / "mine")


def test_the_remedy_for_a_folder_of_another_tool_keeps_the_id(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("image,name\na.png,x\n")
    made = open_run(tmp_path)
    with Ledger.open(made.ledger, made.run_id):
        pass
    (tmp_path / "run.toml").write_bytes(b"")
    for attempt in (open_run, Run.open):
        with pytest.raises(InputError, match="then run `zoocut upload RUN` again") as refused:
            attempt(tmp_path)
    command = str(refused.value).split("`")[1]
    subprocess.run(shlex.split(command), check=True)
    assert open_run(tmp_path).run_id == made.run_id


def test_the_manifest_is_written_when_it_is_not_what_would_be_written(
    drawn: tuple[Path, Undisturbed], field: Path, tmp_path: Path
) -> None:
    run, config = shutil.copytree(drawn[0], tmp_path / "run"), load(field / "zoocut.toml")
    generate(config, run)
    manifest, addresses = run / "manifest.csv", run / "manifest-urls.csv"
    whole, written = manifest.read_bytes(), lambda: (manifest.stat().st_ino, addresses.stat().st_ino)
    before = written()
    assert generate(config, run).rows == 8
    assert written() == before
    for damaged in (whole[:-1], whole + b"\n", b""):
        manifest.write_bytes(damaged)
        generate(config, run)
        assert (manifest.read_bytes(), written() == before) == (whole, False)
    before = written()
    generate(load(field / "zoocut.toml", {"manifest": {"url_root": "https://elsewhere.org"}}), run)
    assert written() != before
    assert b"https://elsewhere.org/images" in addresses.read_bytes()
    addresses.unlink()
    generate(config, run)
    assert b"https://host.org/x/images" in addresses.read_bytes()
    before = written()
    sorted(run.glob("images/*/*.png"))[0].unlink()  # drawn again as it was: the manifest stays
    assert (generate(config, run).drawn, written() == before) == (1, True)
