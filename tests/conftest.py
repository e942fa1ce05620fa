"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoocut.sandbox import Running, running

os.environ["PANOPTES_ENDPOINT"] = "http://127.0.0.1:9"
"""Nothing answers there: a test that forgets its own endpoint fails instead of reaching the real site."""

for secret in ("PANOPTES_USERNAME", "PANOPTES_PASSWORD", "PANOPTES_CLIENT_ID", "PANOPTES_CLIENT_SECRET"):
    os.environ.pop(secret, None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of survey files and recorded exchanges beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}, which is not on this machine")
    return folder


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Running]:
    """One sandbox in a process of its own, without faults, for all tests that leave none behind."""
    with running() as server:
        yield server
