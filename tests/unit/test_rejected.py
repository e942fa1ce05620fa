"""`rejected.csv` over several calls: what was drawn since is no longer refused, everything else stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoocut.model import Rejection
from zoocut.run.rejected import merge_rejected, read_rejected


def told(path: Path) -> list[tuple[str, str]]:
    return [(one.dia_source_id, one.reason) for one in read_rejected(path)]


def test_refusals_of_several_calls(tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    assert told(path) == []
    merge_rejected(path, [Rejection(n, f"row {n}", "at the edge") for n in ("1", "2", "")], set)
    assert told(path) == [("1", "at the edge"), ("2", "at the edge"), ("", "at the edge")]
    merge_rejected(
        path, [Rejection("2", "row 2", "no data"), Rejection("3", "row 3", "no data")], lambda: {1}
    )
    assert told(path) == [("2", "no data"), ("", "at the edge"), ("3", "no data")]
    merge_rejected(path, [], lambda: {2, 3})
    assert told(path) == [("", "at the edge")]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("diaSourceId,row,reason\n1,row 1,edge\n", [("1", "edge")]),
        ("\ufeffdiaSourceId,row,reason\n1,row 1,edge\n", [("1", "edge")]),
        ("reason,diaSourceId\nedge,1\n", [("1", "edge")]),
        ("diaSourceId,row,reason\n1\n", [("1", "")]),
        ('diaSourceId,row,reason\n1,row 1,"a\r\nb, c"\n', [("1", "a\r\nb, c")]),
        ("", []),
    ],
)
def test_the_file_is_read_as_it_comes(tmp_path: Path, text: str, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "rejected.csv"
    path.write_bytes(text.encode())
    assert told(path) == rows
