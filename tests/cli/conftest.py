"""Running the program as its users do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

sys.path.insert(0, str(Path(__file__).parent))

from surveys import Night, Survey
from uploads import Control, Zoocut, account

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
        answer = requests.post(f"{server.endpoint}/sandbox{path}", json=content, timeout=240)
        assert answer.status_code == 200, answer.text
        return answer.json()

    yield turn
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    """A survey whose sets have the night's name and the test's own."""
    return Survey(tmp_path, f"{tmp_path.name} {{night}}")


@pytest.fixture
def night(zoocut: Zoocut, server: Running) -> Night:
    """Run `zoocut night zoocut.toml`, signed in."""

    def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return zoocut("night", "zoocut.toml", *words, **{**account(server), **environment})

    return run


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 server with an empty bucket, to which the environment has the credentials; gives its address."""
    from buckets import AWS, bucket_server  # which takes a second, and few of these tests need it

    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    with bucket_server() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield endpoint
