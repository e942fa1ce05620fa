"""A sandbox in a process of its own, for tests and demonstrations."""

from __future__ import annotations

import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from zoocut.error_kinds import SandboxOptions

__all__ = ["Running", "running"]


@dataclass(frozen=True)
class Running:
    """A sandbox that answers.

    Attributes
    ----------
    endpoint : str
        Where it answers, as ``http://127.0.0.1:43210``.
    process : subprocess.Popen
        The process it runs in.
    """

    endpoint: str
    process: subprocess.Popen[str]


@contextmanager
def running(
    data: Path | None = None, options: Sequence[str] = (), port: int = 0, within_s: float = 120
) -> Iterator[Running]:
    """Run `zoocut sandbox` while the block lasts.

    Parameters
    ----------
    data : Path or None
        The folder that keeps its state; a temporary one when left out.
    options : sequence of str
        More options of the command.
    port : int
        Where it listens; 0 takes a free port.
    within_s : float
        How long it may take to answer.

    Raises
    ------
    ConfigError
        When it does not start; the message holds what it said.
    """
    folder = [] if data is None else ["--data", str(data)]
    command = [sys.executable, "-m", "zoocut", "sandbox", "--port", str(port), *folder, *options]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
        yield from _until_left(process, said, within_s)


def _until_left(process: subprocess.Popen[str], said: IO[str], within_s: float) -> Iterator[Running]:
    try:
        yield Running(_endpoint(process, said, within_s), process)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _endpoint(process: subprocess.Popen[str], said: IO[str], within_s: float) -> str:
    assert process.stdout is not None
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if select.select([process.stdout], [], [], 0.1)[0]:
            line = process.stdout.readline().strip()
            if line.startswith("http://"):
                return line
            if process.poll() is not None or not line:
                break
    process.kill()
    process.communicate()
    said.seek(0)
    words = said.read().strip() or "it said nothing"
    raise SandboxOptions(f"the sandbox did not start within {within_s:g} s: {words}")
