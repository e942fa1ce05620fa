"""A full standard output is told in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from uploads import make_run


def test_a_full_standard_output_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "zoocut", "status", str(run)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, "cannot be written" in " ".join(done.stderr.split())) == (1, True), done.stderr
    assert "fault of zoocut" not in done.stderr
