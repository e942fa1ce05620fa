"""What a sandbox keeps, whom it answers, and what it says when it cannot start."""

from __future__ import annotations

import hashlib
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from zoocut.sandbox import Running, running

BYTES = b"some bytes"


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zoocut", "sandbox", *words], capture_output=True, text=True, timeout=240
    )


def test_everything_survives_a_kill(tmp_path: Path, at: Callable[..., Any]) -> None:
    """Whatever was acknowledged before a SIGKILL is there after it."""
    acknowledged: list[str] = []
    with running(tmp_path) as server:
        me = at(server.endpoint, "owner")
        project = me.project()
        set_id, subject = me.new_set(project), me.new_subject(project)
        assert me.put(me.url(subject), BYTES).status_code == 201
        assert me.link(set_id, subject["id"]).status_code == 200
        enough = threading.Event()

        def create_until_killed() -> None:
            other = at(server.endpoint, "owner")
            try:
                while len(acknowledged) < 5000:
                    acknowledged.append(other.new_subject(project)["id"])
                    if len(acknowledged) > 100:
                        enough.set()
            except requests.ConnectionError:
                pass

        with ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(create_until_killed)
            assert enough.wait(240)
            server.process.kill()
    with running(tmp_path) as server:
        me.endpoint = server.endpoint
        truth = me.control("GET", "/truth")
        assert {s["id"] for s in truth["subjects"]} >= {int(one) for one in acknowledged}
        (kept,) = [s for s in truth["subjects"] if s["id"] == int(subject["id"])]
        assert kept["sets"] == [int(set_id)]
        assert kept["locations"][0]["blob"]["md5"] == hashlib.md5(BYTES).hexdigest()
        address = me.url(me.found(f"/subjects/{subject['id']}"))
        assert requests.get(address, timeout=240).content == BYTES


def test_the_order_of_events_is_kept(owner: Any) -> None:
    project = owner.new_project()
    set_id, subject = owner.new_set(project), owner.new_subject(project)
    owner.put(owner.url(subject), BYTES)
    owner.link(set_id, subject["id"])
    truth = owner.control("GET", "/truth")
    (row,) = [s for s in truth["subjects"] if s["id"] == int(subject["id"])]
    path = row["locations"][0]["path"]
    kinds = [e["kind"] for e in truth["events"] if e.get("subject") == row["id"] or e.get("path") == path]
    assert kinds == ["subject-created", "blob-stored", "linked"]


def test_parallel_clients_see_one_server(owner: Any, person: Callable[[str], Any]) -> None:
    """Every link that was answered with 200 is there, every 409 left nothing."""
    project = owner.new_project()
    set_id = owner.new_set(project)
    batches = [[owner.new_subject(project)["id"] for _ in range(3)] for _ in range(8)]
    people = [person("owner") for _ in batches]
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda one, batch: one.link(set_id, *batch), people, batches)
        statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 409}
    linked = {one for batch, status in zip(batches, statuses, strict=True) if status == 200 for one in batch}
    members = owner.call("GET", f"/subjects?subject_set_id={set_id}&page_size=100").json()["subjects"]
    assert {row["id"] for row in members} == linked


@pytest.mark.parametrize(
    "host", ["panoptes.zooniverse.org", "www.zooniverse.org", "example.org:80", "10.0.0.1", ""]
)
def test_other_hosts_are_not_answered_for(sandbox: Running, host: str) -> None:
    answer = requests.get(f"{sandbox.endpoint}/api/me", headers={"Host": host}, timeout=240)
    assert answer.status_code == 421


def test_loopback_names_are_answered_for(sandbox: Running) -> None:
    port = sandbox.endpoint.rsplit(":", 1)[1]
    for host in ("localhost", f"localhost:{port}", "127.0.0.1", "[::1]:1"):
        answer = requests.get(f"{sandbox.endpoint}/users/sign_in", headers={"Host": host}, timeout=240)
        assert answer.status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::", "example.org"])
def test_it_listens_on_loopback_only(host: str) -> None:
    done = command("--port", "0", "--host", host)
    assert done.returncode == 2
    assert "loopback only" in done.stderr
    assert done.stdout == ""


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Give the one line that a command said when it ended."""
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command("--port", str(port))
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in sentence(done)
    assert "--port" in sentence(done)


def test_a_newer_data_folder_is_one_sentence(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "sandbox.sqlite3")) as db, db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    done = command("--port", "0", "--data", str(tmp_path))
    assert done.returncode == 3
    assert all(part in sentence(done) for part in ("newer", "99", str(tmp_path)))


def test_a_data_folder_of_something_else_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "sandbox.sqlite3").write_bytes(b"not a database, but long enough to be looked at " * 50)
    done = command("--port", "0", "--data", str(tmp_path))
    assert done.returncode == 3
    assert all(part in sentence(done) for part in (str(tmp_path), "--data"))
    file = tmp_path / "file"
    file.write_text("")
    done = command("--port", "0", "--data", str(file))
    assert (done.returncode, str(file) in sentence(done)) == (3, True)


def test_an_unknown_fault_is_one_sentence() -> None:
    done = command("--port", "0", "--fault", "comit-then-500")
    assert done.returncode == 2
    assert all(part in sentence(done) for part in ("comit-then-500", "'commit-then-500'"))


def test_more_accounts_can_be_had(at: Callable[..., Any]) -> None:
    with running(options=["--account", "ada", "--account", "grace"]) as server:
        for login in ("ada", "grace", "owner", "collab", "stranger", "banned"):
            assert at(server.endpoint, login).found("/me")["login"] == login


def test_the_endpoint_is_a_line_of_its_own(sandbox: Running) -> None:
    assert sandbox.endpoint.startswith("http://127.0.0.1:")
    assert requests.get(f"{sandbox.endpoint}/users/sign_in", timeout=240).status_code == 200


BACK_TO_1 = """
DROP TABLE workflow_versions; DROP VIEW all_media; DROP TABLE media; DROP TABLE classifications;
DROP TABLE subject_set_imports; DROP INDEX subjects_of_external_id;
ALTER TABLE projects DROP COLUMN state; ALTER TABLE projects DROP COLUMN completeness;
UPDATE roles SET names = names ->> 0; ALTER TABLE roles RENAME COLUMN names TO role;
CREATE TABLE attached_images (id INTEGER PRIMARY KEY AUTOINCREMENT, subject_id INTEGER NOT NULL,
    content_type TEXT NOT NULL, path TEXT NOT NULL, metadata TEXT NOT NULL, created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL);
INSERT INTO attached_images VALUES (7, 1, 'image/png', 'subject_attached_image/a.png', '{}', 1, 1);
PRAGMA user_version = 1;
"""


def test_a_data_folder_of_the_first_version_is_brought_up_to_date(
    tmp_path: Path, at: Callable[..., Any]
) -> None:
    with running(tmp_path) as server:
        me = at(server.endpoint, "owner")
        assert me.new_subject(me.project())["id"] == "1"
    with closing(sqlite3.connect(tmp_path / "sandbox.sqlite3")) as db, db:
        db.executescript(BACK_TO_1)
    db.close()
    with running(tmp_path) as server:
        me = at(server.endpoint, "owner")
        (medium,) = me.call("GET", "/subjects/1/attached_images").json()["media"]
        assert (medium["id"], medium["metadata"]) == ("7", {})
        assert me.found(f"/project_roles?project_id={me.project()}")["roles"] == ["owner"]
        assert me.try_subject(me.project()).status_code == 201
