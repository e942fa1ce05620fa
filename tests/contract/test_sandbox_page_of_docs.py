"""docs/sandbox.md: the faults it lists, and the commands it shows."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import requests

from zoocut.sandbox import running
from zoocut.sandbox.faults.reading import read_faults
from zoocut.sandbox.faults.registry import FAULTS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"
TEXT = DOCS.read_text()


def test_every_fault_is_described() -> None:
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", TEXT, re.MULTILINE))
    assert rows.keys() == FAULTS.keys()
    for name, fault in FAULTS.items():
        shown = ", ".join(f"`{key} = {value:g}`" for key, value in fault.settings.items())
        assert rows[name] == f"`{fault.route}` | {shown} | {fault.does}"


def test_the_file_of_faults_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "faults.toml"
    path.write_text(example)
    assert [rule.name for rule in read_faults(path)] == [
        table["name"] for table in tomllib.loads(example)["fault"]
    ]


@pytest.mark.parametrize("line", re.findall(r"^zoocut sandbox .*--fault '.*$", TEXT, re.MULTILINE))
def test_options(line: str) -> None:
    with running(options=shlex.split(line)[2:]) as server:
        answer = requests.get(f"{server.endpoint}/sandbox/faults", timeout=240).json()
        assert len(answer["faults"]) == line.count("--fault")


def test_calls_while_it_runs(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        for method, path, body in re.findall(
            r"^curl -X (\S+) http://127\.0\.0\.1:8642(\S+)(?: -d \'(.*)\')?$", TEXT, re.MULTILINE
        ):
            answer = requests.request(method, server.endpoint + path, data=body or None, timeout=240)
            assert answer.ok, answer.text
        for path in re.findall(r"^\| `GET (/sandbox/\w+)`", TEXT, re.MULTILINE):
            assert requests.get(server.endpoint + path, timeout=240).ok
