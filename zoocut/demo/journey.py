"""Commands typed on the user's behalf, each a process of its own."""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoocut.error_kinds import DemoFailed
from zoocut.errors import VerificationFailed
from zoocut.ledger import State
from zoocut.run.folder import Run
from zoocut.run.manifest import read_manifest
from zoocut.sandbox import running
from zoocut.status_report import status

__all__ = ["Journey"]

ACCOUNT = {"PANOPTES_USERNAME": "owner", "PANOPTES_PASSWORD": "sandbox-password"}
SLOWED = ("--fault", "latency:delay_s=0.1")
"""The sandbox takes a while over each request, so that there is a half way to be killed at."""
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Journey:
    """A user at a terminal.

    Parameters
    ----------
    folder : Path
        Where the journey's files lie.
    tell : callable
        Told every command and every line it prints.
    """

    folder: Path
    tell: Callable[[str], None]

    def type(self, *words: object) -> None:
        """Run `zoocut WORDS` to its end.

        Raises
        ------
        ZoocutError
            When it fails.
        """
        self._show(words)
        done = subprocess.run(_command(words), env=_environment(), capture_output=True, text=True)
        self._repeat(done.stdout)
        if done.returncode:
            raise DemoFailed(
                f"`{_typed(words)}` ended with exit code {done.returncode}: {done.stderr.strip()}"
            )

    def kill_half_way(self, words: Sequence[object], run: Path) -> None:
        """Run `zoocut WORDS` and kill it, without warning, when half of the run's images are stored."""
        self._show(words)
        process = subprocess.Popen(
            _command(words), env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while process.poll() is None and _share_stored(run) < 0.5:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.tell(f"# kill -9 {process.pid}: stopped half way, on purpose")

    @contextmanager
    def sandbox(self) -> Iterator[str]:
        """Run a sandbox for the length of the block and give its endpoint."""
        data = self.folder / "sandbox"
        options = (*SLOWED, "--volunteers", "6")
        self._show(("sandbox", "--data", data, *options), end=" &")
        with running(data, options) as server:
            self.tell(server.endpoint)
            self.tell("$ export " + " ".join(f"{name}={value}" for name, value in ACCOUNT.items()))
            yield server.endpoint

    def compare_with_sandbox(self, endpoint: str, run: Path) -> int:
        """Compare what the sandbox holds with the run, byte by byte of the images.

        Returns
        -------
        int
            How many rows agree: all of them.

        Raises
        ------
        VerificationFailed
            When a row has no subject or several, or an image differs.
        """
        import requests

        truth = requests.get(f"{endpoint}/sandbox/truth", timeout=PATIENCE_S).json()
        held = sorted(_held(subject) for subject in truth["subjects"] if subject["sets"])
        expected = sorted(
            (row.external_id, *map(_md5, _images(run, row.locations)))
            for row in read_manifest(run / "manifest.csv")
        )
        if held != expected:
            raise VerificationFailed(
                f"the sandbox holds {len(held)} subjects that differ from the {len(expected)} rows of {run}"
            )
        self.tell(f"# compared with the sandbox: {len(held)} rows and subjects, every image the same bytes")
        return len(held)

    def _show(self, words: Sequence[object], end: str = "") -> None:
        self.tell(f"$ {_typed(words)}{end}")

    def _repeat(self, text: str) -> None:
        for line in text.splitlines():
            self.tell(line)


def _typed(words: Sequence[object]) -> str:
    return shlex.join(["zoocut", *map(str, words)])


def _command(words: Sequence[object]) -> list[str]:
    return [sys.executable, "-m", "zoocut", *map(str, words)]


def _environment() -> dict[str, str]:
    return os.environ | ACCOUNT


def _share_stored(run: Path) -> float:
    """Return which share of the run's rows has its images at the server."""
    for target in status(Run.open(run)):
        states = target.states
        return (states[State.STORED] + states[State.LINKED]) / max(1, sum(states.values()))
    return 0.0


def _images(run: Path, locations: Sequence[str]) -> list[Path]:
    return [run / location for location in locations]


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def _held(subject: dict[str, Any]) -> tuple[str, ...]:
    blobs = (location["blob"] or {} for location in subject["locations"])
    return (subject["external_id"], *(blob.get("md5", "no image") for blob in blobs))
