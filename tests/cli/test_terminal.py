"""Commands on a terminal: the bars are drawn, and leave nothing behind."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from uploads import account, make_run

from zoocut.demo.field import simulate_field
from zoocut.sandbox import Running

LINKS = "POST /api/subject_sets/*/links/subjects"

CONFIGURATION = """
[catalog]
kind = "table"
path = "field/sources.csv"
[images]
kind = "frames"
template = "field/{visit}_{detector}_template.fits"
science = "field/{visit}_{detector}_science.fits"
difference = "field/{visit}_{detector}_difference.fits"
"""


def type_in(folder: Path, *words: object, **environment: str) -> tuple[int, str]:
    """Run a command on a terminal of its own; give its exit code and all that the terminal got."""
    terminal, end = pty.openpty()
    env = os.environ | {"HOME": str(folder), "TERM": "xterm", "COLUMNS": "80"} | environment
    command = [sys.executable, "-m", "zoocut", *map(str, words)]
    with subprocess.Popen(command, cwd=folder, env=env, stdin=end, stdout=end, stderr=end) as process:
        os.close(end)
        shown = bytearray()
        while True:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # the last one who could write is gone
                break
    os.close(terminal)
    return process.returncode, shown.decode()


@pytest.mark.parametrize("jobs", [1, 2])
def test_generate_shows_a_bar(tmp_path: Path, jobs: int) -> None:
    simulate_field(tmp_path / "field", 4)
    (tmp_path / "zoocut.toml").write_text(CONFIGURATION)
    code, shown = type_in(tmp_path, "generate", "zoocut.toml", "-o", "run", "-j", jobs)
    assert code == 0, shown
    assert "drawing" in shown
    assert "60/60" in shown
    assert "run: 60 drawn, 0 already there, 0 rejected" in shown


@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_is_closed(tmp_path: Path, ignored: bool) -> None:
    """Its process is told by SIGHUP, and can write there no more; `nohup` has that ignored, and writes to a file."""
    simulate_field(tmp_path / "field", 4)
    (tmp_path / "zoocut.toml").write_text(CONFIGURATION)
    large = ("--set", "draw.panel_pix=600", "--set", "draw.sizes=[20, 30, 40, 50, 60]")
    command = [sys.executable, "-m", "zoocut", "generate", "zoocut.toml", "-o", "run", *large]
    terminal, end = pty.openpty()

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)

    with (tmp_path / "said").open("wb") as said:
        shown = said if ignored else end
        process = subprocess.Popen(
            command, cwd=tmp_path, stdin=end, stdout=shown, stderr=shown, preexec_fn=own_terminal
        )
    os.close(end)
    os.set_blocking(terminal, False)
    pictures = (tmp_path / "run").glob
    while process.poll() is None and not any(pictures("images/*/*.png")):
        with suppress(OSError):
            os.read(terminal, 4096)
        time.sleep(0.005)
    os.close(terminal)
    code = process.wait(240)
    whole = (tmp_path / "run" / "manifest.csv").exists()
    assert (code, whole) in ([(0, True)] if ignored else [(129, False), (0, True)])
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "the manifest has 60 rows" in again.stdout, again.stderr


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_a_hangup_where_output_was_closed_before(closed: str) -> None:
    told, write = os.pipe()
    script = (
        "import os, signal\nfrom zoocut.cli.stopping import Stop\n"
        "with Stop().taking_signals() as flag:\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        f"    os.write({write}, str(flag.wait(240)).encode())\n"
    )
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", script]
    done = subprocess.run(command, pass_fds=[write], capture_output=True, check=False)
    os.close(write)
    with os.fdopen(told) as words:
        assert (words.read(), done.returncode) == ("True", 0), done.stderr


def test_upload_shows_a_bar(tmp_path: Path, server: Running) -> None:
    run = make_run(tmp_path / "run", 5)
    where = ("--project", "owner/rehearsal", "--set", "terminal")
    code, shown = type_in(tmp_path, "upload", run, *where, **account(server))
    assert code == 0, shown
    assert "5 linked" in shown
    assert "5/5" in shown


def test_an_upload_says_at_once_what_it_looks_at(tmp_path: Path, server: Running) -> None:
    """Also where it is refused before a bar is drawn, as by an address that nobody answers at."""
    run = make_run(tmp_path / "run", 2)
    where = ("--project", "owner/rehearsal", "--set", "at once")
    code, shown = type_in(tmp_path, "upload", run, *where, **account(server, "banned"))
    assert code == 7, shown
    assert shown.startswith("looking at the run, the account, the project and the set")
    assert "is banned" in shown


def test_a_reason_is_never_cut(tmp_path: Path, server: Running) -> None:
    requests.post(
        f"{server.endpoint}/sandbox/faults",
        json={"name": "unavailable", "route": LINKS, "times": 3},
        timeout=240,
    ).raise_for_status()
    run = make_run(tmp_path / "run", 3)
    where = ("--project", "owner/rehearsal", "--set", "a reason")
    code, shown = type_in(tmp_path, "upload", run, *where, **account(server))
    assert code == 0, shown
    plain = "".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).split())
    assert re.search(r"answered503toPOST[^;]{20,}links/subjects:triedagainat\d\d:\d\d:\d\d", plain), shown
