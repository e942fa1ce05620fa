"""`zoocut demo`, from a simulated field to what robots say of it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from uploads import Zoocut


def test_from_field_to_results(zoocut: Zoocut, tmp_path: Path) -> None:
    done = zoocut("demo", "-o", "trial")
    assert done.returncode == 0, done.stderr
    assert "60 rows and subjects, every image the same bytes" in done.stdout
    page = (tmp_path / "trial" / "results.html").read_text(encoding="utf-8")
    assert "Is there a real change in the difference image?" in page
    table = pq.read_table(tmp_path / "trial" / "run" / "results.parquet")
    assert table.num_rows == 60
    assert min(table["T0.n"].to_pylist()) >= 6
    said = table["T0.consensus_label"].to_pylist()
    agree = [label == answer for label, answer in zip(said, table["answer"].to_pylist(), strict=True)]
    assert sum(agree) > 50
