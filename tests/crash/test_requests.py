"""How many requests a subject costs."""

from __future__ import annotations

from pathlib import Path

import requests
from rehearsal import make_run, start_upload

from zoocut.sandbox import running

ROWS = 200


def test_at_most_two_and_a_seventh_a_subject(tmp_path: Path) -> None:
    with running() as sandbox:
        process = start_upload(
            make_run(tmp_path, ROWS, seed=4).path, "counted", sandbox.endpoint, "--check", "none"
        )
        told = process.communicate(timeout=60)
        assert process.returncode == 0, told
        log = requests.get(f"{sandbox.endpoint}/sandbox/requests", timeout=30).json()["requests"]
    made = [one for one in log if not one["path"].startswith("/sandbox/")]
    assert len(made) <= 2.15 * ROWS, len(made)
    assert len(made) >= 2 * ROWS, "the sandbox's log no longer holds them all"
