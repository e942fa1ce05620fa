"""Killed at every named point of the machine, then the same command again: each row exactly once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rehearsal import environment, make_run, start_upload
from server_state import Differences, differences

from zoocut.sandbox import Running

ROWS = 9
FIRST_TIME = [
    f"{when} {what}"
    for what in (
        "create_subject_set",
        "add_target",
        "plan",
        "newest_subject_id",
        "save intent",
        "create_subject",
        "save created",
        "put",
        "save stored",
        "link",
        "linked",
        "save linked",
        "note_error",
    )
    for when in ("before", "after")
]
AFTER_A_KILL = {
    "before save in_doubt": "after create_subject",
    "after save in_doubt": "after create_subject",
    "before newest_subjects": "after create_subject",
    "after newest_subjects": "after create_subject",
    "before renewed_addresses": "after save created",
    "after renewed_addresses": "after save created",
}


def perish(point: str, countdown: int, run: Path, set_name: str, endpoint: str) -> None:
    command = [sys.executable, str(Path(__file__).with_name("perish.py")), point, str(countdown)]
    done = subprocess.run(
        [*command, str(run), set_name, endpoint],
        env=environment(endpoint),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == -signal.SIGKILL, f"{point} was not reached: {done.stderr}"


def finish(run: Path, set_name: str, endpoint: str) -> None:
    process = start_upload(run, set_name, endpoint)
    told = process.communicate(timeout=240)
    assert process.returncode == 0, told


@pytest.mark.parametrize("point", FIRST_TIME)
def test_killed_once_then_finished(point: str, tmp_path: Path, sandbox: Running) -> None:
    run, set_name = make_run(tmp_path, ROWS, seed=1).path, f"killed {point}"
    often = point.endswith(("save intent", "create_subject", "save created", "put"))
    perish(point, 2 if often else 1, run, set_name, sandbox.endpoint)
    finish(run, set_name, sandbox.endpoint)
    assert differences(sandbox.endpoint, run, set_name) == Differences(0, 0, 0, 0, 0)


@pytest.mark.parametrize(("second", "first"), AFTER_A_KILL.items())
def test_killed_again_while_resuming(second: str, first: str, tmp_path: Path, sandbox: Running) -> None:
    run, set_name = make_run(tmp_path, ROWS, seed=2).path, f"killed {first} and {second}"
    perish(first, 2, run, set_name, sandbox.endpoint)
    perish(second, 1, run, set_name, sandbox.endpoint)
    finish(run, set_name, sandbox.endpoint)
    assert differences(sandbox.endpoint, run, set_name) == Differences(0, 0, 0, 0, 0)
