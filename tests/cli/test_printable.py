"""Text of servers, manifests and files reaches the terminal as text: no control character, no markup."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from uploads import Zoocut, account, make_run

from zoocut.printing import printable
from zoocut.sandbox import Running

TRICK = "\x1b]0;OWNED\x07\x1b[2J\x9b31m\u202e[red]:warning:\r\n"
"""Renames the window, clears it, colours, turns the direction, is markup and an emoji of rich, and ends the line."""

SHOWN = "\\u001b]0;OWNED\\u0007\\u001b[2J\\u009b31m\\u202e[red]:warning:\\u000d\\u000a"
FORBIDDEN = ("\x1b", "\x07", "\x9b", "\u202e", "\r")


def is_plain(text: str) -> bool:
    return not any(one in text for one in FORBIDDEN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TRICK, SHOWN),
        ("Größe ☉ 星 12 µJy", "Größe ☉ 星 12 µJy"),
        ("\U000e0041\x00", "\\U000e0041\\u0000"),
        ("", ""),
    ],
)
def test_what_is_not_printable_is_written_as_its_code(text: str, expected: str) -> None:
    assert printable(text) == expected


def trick_manifest(run: Path) -> None:
    """Let a row name an image that is not there, by a name that plays tricks."""
    with (run / "manifest.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    where = rows[0].index("location:1")
    rows[1][where] = f"images/{TRICK.strip()}.png"
    with (run / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def test_paths_of_a_manifest(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 3)
    trick_manifest(run)
    words = ("upload", run, "--project", "owner/rehearsal", "--set", "tricks")
    for more in (("--dry-run",), (), ("--dry-run", "--json"), ("--json", "--retry-rejected")):
        done = zoocut(*words, *more, **account(server))
        assert done.returncode == 3, done.stderr
        assert "\\u001b]0;OWNED" in done.stdout
        assert is_plain(done.stdout + done.stderr)
        if "--json" in more:
            assert "OWNED" in str(json.loads(done.stdout))


def test_words_of_a_server(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    set_name = "tricks [bold] :warning:"
    run = make_run(tmp_path / "run", 2)
    done = zoocut("upload", run, "--project", "owner/rehearsal", "--set", set_name, **account(server))
    assert f"{set_name!r}" in done.stdout
    shown = zoocut("status", run, **account(server))
    assert f"{set_name!r}" in shown.stdout
    listed = zoocut("sets", "list", "-p", "owner/rehearsal", "--csv", **account(server))
    assert set_name in {row["name"] for row in csv.DictReader(io.StringIO(listed.stdout))}


def test_an_error_that_quotes_what_was_given(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    done = zoocut("sets", "show", TRICK.strip(), "-p", "owner/rehearsal", **account(server))
    assert done.returncode != 0
    assert "OWNED" in done.stderr
    assert is_plain(done.stderr)
    folder = tmp_path / TRICK.strip().replace("/", "")
    lost = zoocut("status", folder)
    assert "is not a folder" in lost.stderr
    assert is_plain(lost.stderr)
