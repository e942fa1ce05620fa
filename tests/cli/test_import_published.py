"""From publishing to the proof: images and parts in a bucket or a served folder, imported, killed, resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from buckets import make_public, refusing
from hosts import Host, address_rows, serving
from uploads import Control, account, make_run, subjects

from zoocut.sandbox import Running

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
FAST = ("--settle", "1", "--import-stall", "1.5", "--give-up-after", "60", "--project", "owner/rehearsal")
ROWS = 60


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with serving(tmp_path / "www") as served:
        yield served


def bring(run: Path, name: str) -> tuple[str, ...]:
    return ("upload", str(run), "--import", *FAST, "--set", name)


def proved(server: Running, name: str, url_root: str) -> None:
    found = subjects(server, name)
    assert Counter(one["external_id"] for one in found) == Counter(str(1700 + n) for n in range(ROWS))
    for one in found:
        number = int(one["external_id"]) - 1700
        assert [where["url"] for where in one["locations"]] == [f"{url_root}/images/{number}-0.png"]
        assert one["metadata"]["band"] == "gr"[number % 2]


def killed_when(done: Callable[[], bool], words: tuple[str, ...], server: Running, home: Path) -> None:
    """Kill a command as soon as something has happened."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zoocut", *words],
        env=os.environ | account(server) | {"HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 240
    while not done():
        assert time.monotonic() < end
        assert process.poll() is None or done(), process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_bucket_killed_and_resumed_twice(
    zoocut: Zoocut, tmp_path: Path, s3: str, server: Running, control: Control
) -> None:
    make_public(s3)
    client, name, root = boto3.client("s3", endpoint_url=s3), "From a bucket", f"{s3}/images/night"
    run = address_rows(make_run(tmp_path / "night", ROWS), root)

    def held(prefix: str) -> list[dict[str, Any]]:
        return client.list_objects_v2(Bucket="images", Prefix=prefix).get("Contents", [])

    publish = ("publish", str(run), "--to", "s3://images/night", "--check", "all")
    killed_when(lambda: len(held("night/images")) >= 10, publish, server, tmp_path)
    assert zoocut(*publish).returncode == 0
    control("/faults", name="import-slow", route="POST /api/subject_set_imports", row_s=0.02, times=1)
    killed_when(lambda: len(subjects(server, name)) >= 5, bring(run, name), server, tmp_path)
    done = zoocut(*bring(run, name), **account(server))
    assert done.returncode == 0, done.stderr
    proved(server, name, root)
    (part,) = held("night/imports/")
    head = client.head_object(Bucket="images", Key=part["Key"])
    assert head["ContentType"] == "text/csv"
    text = requests.get(f"{s3}/images/{part['Key']}", timeout=240).text
    assert text.splitlines()[0] == "external_id,location:1,metadata:band,metadata:#zoocut"
    assert len(text.splitlines()) == ROWS + 1
    checked = zoocut("verify", run, "--check", "all", **account(server))
    assert checked.returncode == 0, checked.stdout
    for key in (f"night/images/{number}-0.png" for number in (3, 4)):
        client.delete_object(Bucket="images", Key=key)
    gone = zoocut("verify", run, "--check", "all", **account(server))
    assert gone.returncode == 6
    assert "1703" in gone.stdout
    assert "1704" in gone.stdout


def test_a_folder_named_from_elsewhere(
    zoocut: Zoocut,
    tmp_path: Path,
    host: Host,
    server: Running,
    control: Control,
) -> None:
    """Published to a path relative to one folder, imported from another, in parts; one answer is lost."""
    name, root = "From a folder", f"{host.endpoint}/night"
    run = address_rows(make_run(tmp_path / "night", ROWS), root)
    assert zoocut("publish", "night", "--to", "www/night").returncode == 0
    control("/faults", name="commit-then-close", route="POST /api/subject_set_imports", nth=2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "zoocut", *bring(run, name), "--import-rows", "25"],
        env=os.environ | account(server) | {"HOME": str(tmp_path)},
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    proved(server, name, root)
    assert not any(elsewhere.iterdir())
    assert len(list((tmp_path / "www/night/imports").iterdir())) == 3


@pytest.mark.parametrize(
    ("code", "exit_code", "told"),
    [
        ("RequestTimeTooSkewed", 3, "set the clock, then run again"),
        ("AccessDenied", 7, "it may be somebody else's"),
    ],
)
def test_a_bucket_that_is_not_to_be_had_any_more_is_told_before_anything_is_made(
    zoocut: Zoocut,
    tmp_path: Path,
    s3: str,
    server: Running,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    exit_code: int,
    told: str,
) -> None:
    make_public(s3)
    run = address_rows(make_run(tmp_path / "night", 3), f"{s3}/images/night")
    assert zoocut("publish", run, "--to", "s3://images/night").returncode == 0
    with refusing(code) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front)
        for more in ([], ["--dry-run"]):
            done = zoocut(*bring(run, f"Never {code}"), *more, **account(server))
            assert done.returncode == exit_code, done.stderr
            assert told in done.stderr
    assert _sets(server, f"Never {code}") == 0


def test_credentials_that_are_gone(
    zoocut: Zoocut, tmp_path: Path, s3: str, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_public(s3)
    run = address_rows(make_run(tmp_path / "night", 3), f"{s3}/images/night")
    assert zoocut("publish", run, "--to", "s3://images/night").returncode == 0
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    done = zoocut(*bring(run, "No keys"), **account(server))
    assert done.returncode == 7
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in done.stderr
    assert _sets(server, "No keys") == 0


def _sets(server: Running, name: str) -> int:
    truth = requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()
    return sum(one["display_name"] == name for one in truth["sets"])
