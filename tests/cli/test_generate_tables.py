"""Tables through the real command: what reaches manifest, paths and `sources.parquet`, and what is told."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from frames import write_frame
from uploads import Zoocut

ID = 170059034123456789
CONFIG = """
[catalog]
kind = "table"
path = "s.csv"

[images]
kind = "frames"
template = "{field}/f.fits"
science = "{field}/f.fits"
difference = "{field}/f.fits"

[draw]
sizes = [30]

[metadata]
field = "field"
"!c" = "c"
"""


def project(folder: Path, *cells: tuple[str, str], encoding: str = "utf-8") -> None:
    (folder / "z.toml").write_text(CONFIG)
    lines = [f"{ID + n},150.0,2.0,{field},{cell}" for n, (field, cell) in enumerate(cells)]
    (folder / "s.csv").write_bytes("\n".join(["diaSourceId,ra,dec,field,c", *lines]).encode(encoding))
    for field in dict(cells):
        write_frame(folder / field / "f.fits")


def values(run: Path, key: str) -> list[str]:
    with (run / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return [row[f"metadata:{key}"] for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (("170059034123456701", "170059034123456702.0", ""), "not written as whole numbers"),
        (("18446744073709551615", "170059034123456701", "5"), "beyond 64 bits"),
        (("2024E10", "1E5", "NA"), "not written as numbers"),
        (("true", "FALSE", "1"), None),
        (("1.50", "2.00", "3.25"), None),
        (("2024-11-09", "2024-11-11 00:00", "null"), None),
    ],
)
def test_cells_reach_everything_letter_by_letter(
    zoocut: Zoocut, tmp_path: Path, cells: tuple[str, str, str], told: str | None
) -> None:
    fields = ("007", "008", "009")
    project(tmp_path, *zip(fields, cells, strict=True))
    done = zoocut("generate", "z.toml", "-o", "run", "--json")
    assert done.returncode == 0, done.stderr
    assert values(tmp_path / "run", "field") == list(fields)
    assert values(tmp_path / "run", "!c") == list(cells)
    recorded = pq.read_table(tmp_path / "run" / "sources.parquet").to_pylist()
    assert [row["c"] or "" for row in recorded] == list(cells)
    notes = json.loads(done.stdout)["recognised"]
    assert [str(told) in note for note in notes] == ([] if told is None else [True])
    assert all(f"note: {note}" in done.stderr for note in notes)
    only = zoocut("generate", "z.toml", "-o", "only", "--set", 'select.cuts.field={ one_of = ["008"] }')
    assert only.returncode == 0, only.stderr
    assert values(tmp_path / "only", "field") == ["008"]


@pytest.mark.parametrize("option", [["--encoding", "cp1252"], ["--set", "catalog.encoding=cp1252"]])
def test_an_encoding_that_is_named(zoocut: Zoocut, tmp_path: Path, option: list[str]) -> None:
    project(tmp_path, ("a", "Größe €"), ("b", "x"), encoding="cp1252")
    refused = zoocut("generate", "z.toml", "-o", "run")
    assert refused.returncode == 3
    assert "s.csv line 2 holds the bytes 0xf6, which are not UTF-8" in refused.stderr
    assert "--encoding cp1252" in refused.stderr
    assert not (tmp_path / "run").exists()
    done = zoocut("generate", "z.toml", "-o", "run", *option)
    assert done.returncode == 0, done.stderr
    assert "note: s.csv: read as CP1252" in done.stderr
    assert values(tmp_path / "run", "!c") == ["Größe €", "x"]


def test_a_configuration_with_a_byte_order_mark(zoocut: Zoocut, tmp_path: Path) -> None:
    project(tmp_path, ("a", "x"))
    (tmp_path / "z.toml").write_text(CONFIG, encoding="utf-8-sig")
    assert zoocut("generate", "z.toml", "-o", "run").returncode == 0
