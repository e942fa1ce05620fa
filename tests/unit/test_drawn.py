"""`sources.parquet` grows over calls, keeps ids exact, and brings columns of different types together."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from zoocut.errors import InputError
from zoocut.model import Value
from zoocut.run.sources import ROWS_AT_ONCE, DrawnSource, DrawnWriter, read_drawn, recorded_checksums


def drawn(number: int, **columns: Value) -> DrawnSource:
    return DrawnSource({"diaSourceId": number, **columns}, (f"images/{number}.png",), (f"{number:064x}",))


def write(path: Path, *sources: DrawnSource) -> None:
    with DrawnWriter(path) as writer:
        for source in sources:
            writer.add(source)


def test_rows_come_back_in_order_over_several_calls(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    first, second = drawn(2**62 + 1, snr=1.5), drawn(2**62, snr=None)
    write(path, first)
    write(path, second)
    assert list(read_drawn(path)) == [first, second]
    assert recorded_checksums(path) == {2**62 + 1: first.sha256, 2**62: second.sha256}


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


def test_an_error_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    write(path, drawn(1))
    before = path.read_bytes()
    with contextlib.suppress(RuntimeError), DrawnWriter(path) as writer:
        writer.add(drawn(2))
        raise RuntimeError
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["sources.parquet"]


def test_not_a_table(tmp_path: Path) -> None:
    path = tmp_path / "sources.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        list(read_drawn(path))
