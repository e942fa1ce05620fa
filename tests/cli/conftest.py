"""Running the program as its users do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

sys.path.insert(0, str(Path(__file__).parent))

from uploads import Control

from zoocut.sandbox import Running, running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """A sandbox that these tests change and put right again."""
    with running(options=["--quota", "100000"]) as sandbox:
        yield sandbox


@pytest.fixture
def control(server: Running) -> Iterator[Control]:
    """Set a control of the sandbox; faults are taken away at the end."""

    def turn(path: str, **content: object) -> Any:
        answer = requests.post(f"{server.endpoint}/sandbox{path}", json=content, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    yield turn
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=30)
