"""How many requests a subject costs."""

from __future__ import annotations

import re
from pathlib import Path

import requests
from rehearsal import make_run, start_upload

from zoocut.sandbox import running

ROWS = 200
APART = re.compile(r"/sandbox/.*|/users/sign_in|/oauth/token|/api/subject_sets/\d+")


def test_at_most_two_and_a_tenth_a_subject(tmp_path: Path) -> None:
    """Sign-in and the lease apart, which cost as much for one subject as for thousands, and by the minute."""
    with running() as sandbox:
        process = start_upload(
            make_run(tmp_path, ROWS, seed=4).path, "counted", sandbox.endpoint, "--check", "none"
        )
        told = process.communicate(timeout=240)
        assert process.returncode == 0, told
        log = requests.get(f"{sandbox.endpoint}/sandbox/requests", timeout=240).json()["requests"]
    counted = [one["path"] for one in log if not APART.fullmatch(one["path"])]
    assert len(counted) <= 2.1 * ROWS, len(counted)
    assert len(counted) >= 2 * ROWS, "the sandbox's log no longer holds them all"
