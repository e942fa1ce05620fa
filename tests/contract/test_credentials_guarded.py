"""Passwords stay where they belong: not in messages, not from ~/.netrc, and not readable by others without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoocut.errors import ConfigError
from zoocut.sandbox import Running
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.credentials import Credentials, find_credentials, normalise_endpoint

ODD = [
    "http://127.0.0.1:99999",
    "http://[::1",
    "http://127.0.0.1:abc",
    "https://me:hunter2@host",
    "https://hunter2@host",
    "https://me:hunter2@host:bad",
    "http://me:hunter2@example.org",
]


@pytest.mark.parametrize("endpoint", ODD)
def test_an_odd_endpoint_is_told_without_its_password(endpoint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        normalise_endpoint(endpoint)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "entry", ["default login netuser password netsecret", "machine {host} login a password b"]
)
def test_netrc_is_not_sent_in_the_place_of_the_token(
    entry: str, sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text(entry.format(host="127.0.0.1") + "\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    panoptes, _ = connect(sandbox.endpoint, Credentials("owner", "sandbox-password"))
    assert panoptes.account().login == "owner"


def test_a_file_that_others_may_read_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / ".panoptes" / "config.yml"
    file.parent.mkdir()
    file.write_text("endpoint: https://www.zooniverse.org\nusername: me\npassword: hunter2\n")
    file.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600") as warned:
        found = find_credentials({}, tmp_path, "https://www.zooniverse.org")
    assert found.username == "me"
    assert "hunter2" not in str(warned[0].message)
