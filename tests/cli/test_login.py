"""Signing in, being asked who one is, and what the doctor says."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoocut.sandbox import Running, running

PASSWORD = "sandbox-password"
BACKEND = """
import json, os, pathlib
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked
FILE = pathlib.Path(os.environ["RING"])
class Ring(KeyringBackend):
    priority = 5
    def all(self):
        if os.environ.get("RING_LOCKED"):
            raise KeyringLocked("locked")
        return json.loads(FILE.read_text()) if FILE.exists() else {}
    def get_password(self, service, username):
        return self.all().get(service)
    def set_password(self, service, username, password):
        FILE.write_text(json.dumps({**self.all(), service: password}))
    def delete_password(self, service, username):
        FILE.write_text(json.dumps({k: v for k, v in self.all().items() if k != service}))
"""


class Person:
    """Somebody at a terminal without credentials in the environment."""

    def __init__(self, home: Path, endpoint: str) -> None:
        self.home, self.endpoint = home, endpoint
        self.environment = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}

    def types(self, *words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        own = {"HOME": str(self.home), "PANOPTES_ENDPOINT": self.endpoint, "COLUMNS": "250"}
        return subprocess.run(
            [sys.executable, "-m", "zoocut", *words],
            cwd=self.home, env=os.environ | own | self.environment | more, input=stdin,
            capture_output=True, text=True, timeout=240,
        )  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture
def person(server: Running, tmp_path: Path) -> Person:
    return Person(tmp_path, server.endpoint)


def test_without_a_key_ring_a_private_file_with_a_warning(person: Person) -> None:
    done = person.types("login", "-u", "owner", stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    file = person.home / ".config" / "zoocut" / "credentials.json"
    assert "no key ring" in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in done.stdout + done.stderr
    assert json.loads(person.types("whoami", "--json").stdout)["login"] == "owner"
    for mode in (0o644, 0o640, 0o604, 0o620, 0o602, 0o610):
        file.chmod(mode)
        done = person.types("whoami")
        assert (done.returncode, "chmod 600" in done.stderr) == (7, True), oct(mode)
    file.chmod(0o600)
    assert "forgot the account" in person.types("logout").stdout
    assert "no account was kept" in person.types("logout").stdout
    done = person.types("whoami")
    assert done.returncode == 7
    assert f"run `zoocut login --endpoint {person.endpoint}`" in done.stderr


def test_key_ring_keeps_the_account_and_may_be_locked(person: Person) -> None:
    (person.home / "ownring.py").write_text(BACKEND)
    person.environment = {
        "PYTHON_KEYRING_BACKEND": "ownring.Ring",
        "PYTHONPATH": str(person.home),
        "RING": str(person.home / "ring"),
    }
    done = person.types("login", "-u", "collab", stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert not (person.home / ".config").exists()
    assert "collab (id" in person.types("whoami").stdout
    done = person.types("whoami", RING_LOCKED="1")
    assert (done.returncode, "unlock it" in done.stderr) == (7, True)
    assert "owner (id" in person.types("whoami", PANOPTES_USERNAME="owner", PANOPTES_PASSWORD=PASSWORD).stdout
    assert "forgot" in person.types("logout").stdout


def test_refused_password_is_not_kept(person: Person) -> None:
    done = person.types("login", "-u", "owner", stdin="wrong-word\n")
    assert done.returncode == 7
    assert "wrong-word" not in done.stdout + done.stderr
    assert not (person.home / ".config").exists()


def test_file_of_panoptes_cli_is_read(person: Person) -> None:
    (person.home / ".panoptes").mkdir()
    file = person.home / ".panoptes" / "config.yml"
    file.write_text(f"username: stranger\npassword: {PASSWORD}\n")
    said = person.types("whoami").stdout
    assert "stranger (id" in said
    assert f"the account is that of {file}" in said
    file.write_text("username: stranger\npassword: stale\n")
    done = person.types("whoami")
    assert (done.returncode, f"found in {file}: correct it there" in done.stderr) == (7, True)


def test_remedies_name_where_the_account_was_found(person: Person) -> None:
    done = person.types("whoami", PANOPTES_USERNAME="owner", PANOPTES_PASSWORD="stale")
    assert "PANOPTES_USERNAME and PANOPTES_PASSWORD in the environment: correct it there" in done.stderr
    done = person.types("whoami", PANOPTES_USERNAME="owner")
    assert (done.returncode, "PANOPTES_PASSWORD is not" in done.stderr) == (7, True)
    person.types("login", "-u", "owner", stdin=f"{PASSWORD}\n")
    file = person.home / ".config" / "zoocut" / "credentials.json"
    file.write_text(file.read_text().replace(PASSWORD, "stale"))
    done = person.types("doctor", "--json")
    checks = {one["what"]: one for one in json.loads(done.stdout)["checks"]}
    assert checks["credentials"]["found"] == f"found in {file}"
    assert f"found in {file}: correct it there" in checks[f"sign-in at {person.endpoint}"]["found"]


@pytest.mark.parametrize(
    "project",
    [
        "owner/rehearsal",
        "https://www.zooniverse.org/projects/owner/rehearsal",
        "https://www.zooniverse.org/projects/owner/rehearsal/about/research?language=en",
    ],
)
def test_a_project_may_be_given_as_its_web_address_or_in_the_environment(
    person: Person, project: str
) -> None:
    account = {"PANOPTES_USERNAME": "owner", "PANOPTES_PASSWORD": PASSWORD}
    for words, more in ((["-p", project], {}), ([], {"ZOOCUT_PROJECT": project})):
        done = person.types("doctor", *words, "--json", **account, **more)
        rights = [one for one in json.loads(done.stdout)["checks"] if one["what"] == "rights"]
        assert rights[0]["verdict"] == "good"


def test_doctor_finds_everything_in_order(person: Person) -> None:
    account = {"PANOPTES_USERNAME": "owner", "PANOPTES_PASSWORD": PASSWORD}
    done = person.types("doctor", "--project", "owner/rehearsal", "--json", **account)
    assert done.returncode == 0, done.stderr
    checks = {one["what"]: one for one in json.loads(done.stdout)["checks"]}
    assert {one["verdict"] for one in checks.values()} == {"good"}
    assert set(checks) == {"versions", "disk", "credentials", "account", "quota", "clock", "rights"}
    assert "of 10000 subjects uploaded" in checks["quota"]["found"]


def test_doctor_says_what_to_do(person: Person) -> None:
    done = person.types("doctor", "--csv")
    assert done.returncode == 1
    assert 'credentials,bad,"no Zooniverse account to sign in with at ' in done.stdout
    stranger = {"PANOPTES_USERNAME": "stranger", "PANOPTES_PASSWORD": PASSWORD}
    done = person.types("doctor", "--project", "owner/rehearsal", **stranger)
    assert "ask its owner for the role of collaborator" in " ".join(done.stdout.split())
    banned = {"PANOPTES_USERNAME": "banned", "PANOPTES_PASSWORD": PASSWORD}
    done = person.types("doctor", **banned)
    assert (done.returncode, "write to Zooniverse" in done.stdout) == (1, True)
    done = person.types("doctor", "--endpoint", "http://127.0.0.1:9", **banned)
    assert (done.returncode, "cannot be reached" in " ".join(done.stdout.split())) == (1, True)
