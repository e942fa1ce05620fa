"""A small run, the account of the sandbox, and a folder for the ledger's neighbours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoocut.demo.field import simulate_field
from zoocut.sandbox import Running, running

TOML = """
[catalog]
kind = "table"
path = "field/sources.csv"
[images]
kind = "frames"
template = "field/{visit}_{detector}_template.fits"
science = "field/{visit}_{detector}_science.fits"
difference = "field/{visit}_{detector}_difference.fits"
[select]
limit = 12
[metadata]
"!diaSourceId" = "diaSourceId"
"#band" = "band"
[upload]
settle_s = 2
"""


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration file, three exposures and their sources."""
    folder = tmp_path_factory.mktemp("night")
    simulate_field(folder / "field", 3)
    (folder / "zoocut.toml").write_text(TOML)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """A sandbox of these tests' own."""
    with running(options=["--quota", "100000"]) as sandbox:
        yield sandbox


@pytest.fixture
def account(server: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The owner of `owner/rehearsal`, as a program finds it; gives the endpoint."""
    monkeypatch.setenv("PANOPTES_ENDPOINT", server.endpoint)
    monkeypatch.setenv("PANOPTES_USERNAME", "owner")
    monkeypatch.setenv("PANOPTES_PASSWORD", "sandbox-password")
    monkeypatch.setitem(os.environ, "HOME", str(tmp_path))
    return server.endpoint
