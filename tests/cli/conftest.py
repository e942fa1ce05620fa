"""Running the program as its users do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Zoocut = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def zoocut(tmp_path: Path) -> Zoocut:
    """Run `zoocut ARGS` in `tmp_path` and give what it printed and its exit code."""

    def run(*args: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "zoocut", *map(str, args)]
        env = os.environ | {"HOME": str(tmp_path), "COLUMNS": "200"} | environment
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)

    return run
