"""`zoocut demo`, from a simulated field to what robots say of it, and the pages that Start shows of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from screens import differing

from zoocut.sandbox import running


@pytest.fixture(scope="module")
def said_and_made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("demo")
    for words in (("demo", "-o", "trial"), ("preview", "trial/run")):
        command = [sys.executable, "-m", "zoocut", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if words[0] == "demo":
            said = done.stdout
    return said, folder / "trial"


def test_from_field_to_results(said_and_made: tuple[str, Path]) -> None:
    said, trial = said_and_made
    assert "60 rows and subjects, every image the same bytes" in said
    page = (trial / "results.html").read_text(encoding="utf-8")
    assert "Is there a real change in the difference image?" in page
    table = pq.read_table(trial / "run" / "results.parquet")
    assert table.num_rows == 60
    assert min(table["T0.n"].to_pylist()) >= 6
    labels = table["T0.consensus_label"].to_pylist()
    agree = [label == answer for label, answer in zip(labels, table["answer"].to_pylist(), strict=True)]
    assert sum(agree) > 50


@contextmanager
def pages(trial: Path) -> Iterator[dict[str, str]]:
    """Give the address of each page that Start shows."""
    with running(trial / "sandbox") as server:
        yield {
            "preview.png": (trial / "run" / "preview.html").as_uri(),
            "results.png": (trial / "results.html").as_uri(),
            "sandbox.png": f"{server.endpoint}/sandbox/sets/1",
        }


def test_the_pages_look_as_start_shows_them(
    said_and_made: tuple[str, Path], tmp_path: Path, chromium_path: str | None
) -> None:
    with pages(said_and_made[1]) as addresses:
        assert len(addresses) == 3
        assert differing(addresses, tmp_path, 20, chromium_path) == []  # another page is beyond 50
