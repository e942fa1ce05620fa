"""What this machine refuses an upload: files, memory, locks, its disk. It ends well or in a sentence, and goes on.

The limits are the system's own. A file system without locks, and a disk that fails, are made by a small library that is
loaded before the C library's functions and answers for them; without a C compiler these tests are skipped.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import requests
from uploads import WHERE, Control, Zoocut, account, await_states, make_run, start, states, subjects

from zoocut.sandbox import Running

ROWS = 60

FAILING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int synced = 0;

static int fails(int file) {
    char link[64], path[4096];
    char *after = getenv("LEDGER_FAILS_AFTER");
    if (after == NULL) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "ledger.sqlite3") && ++synced > atoi(after);
}

int flock(int file, int operation) {
    if (getenv("NO_LOCKS")) { errno = ENOLCK; return -1; }
    int (*real)(int, int) = dlsym(RTLD_NEXT, "flock");
    return real(file, operation);
}

int fdatasync(int file) {
    if (fails(file)) { errno = EIO; return -1; }
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    return real(file);
}

int fsync(int file) {
    if (fails(file)) { errno = EIO; return -1; }
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return real(file);
}
"""


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that fails where the environment says so."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler, and Linux")
    folder = tmp_path_factory.mktemp("failing")
    (folder / "failing.c").write_text(FAILING)
    made = folder / "failing.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, folder / "failing.c", "-ldl"], check=True)
    return made


def upload(
    server: Running,
    run: Path,
    *words: str,
    limit: Callable[[], object] | None = None,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zoocut", "upload", str(run), "--settle", "1", *words],
        env=os.environ | account(server) | environment,
        capture_output=True,
        text=True,
        timeout=240,
        preexec_fn=limit,
    )


def limited(kind: int, most: int) -> Callable[[], object]:
    return partial(resource.setrlimit, kind, (most, most))


def all_there(server: Running, name: str, rows: int = ROWS) -> bool:
    return sorted(one["external_id"] for one in subjects(server, name)) == [
        str(1700 + n) for n in range(rows)
    ]


def test_few_files_are_few_requests(server: Running, tmp_path: Path) -> None:
    """Connections that are kept open would leave none for pictures: fewer requests leave at once, and all arrive."""
    run, name = make_run(tmp_path / "run", ROWS), "few files"
    done = upload(server, run, *WHERE, name, limit=limited(resource.RLIMIT_NOFILE, 24))
    assert done.returncode == 0, done.stderr
    assert "since this process may not open more files: `ulimit -n 1024`" in done.stderr
    assert all_there(server, name)


@pytest.mark.parametrize("megabytes", [260, 700])
def test_little_memory_ends_in_a_sentence(
    server: Running, tmp_path: Path, zoocut: Zoocut, megabytes: int
) -> None:
    """Threads reserve eight megabytes each; what is refused first depends on what else is loaded.

    Where a thread cannot even report its fault, the interpreter itself aborts: nothing is lost by that either.
    """
    run, name = make_run(tmp_path / "run", ROWS), f"{megabytes} MB"
    done = upload(server, run, *WHERE, name, limit=limited(resource.RLIMIT_AS, megabytes << 20))
    assert done.returncode in (0, 1, -signal.SIGABRT), done.stderr
    if done.returncode == 1:
        assert "[Z002]" in done.stderr, done.stderr
        assert "give --requests" in done.stderr
        assert "Traceback" not in done.stderr
    assert states(zoocut, run).get("rejected", 0) == 0
    assert upload(server, run, *WHERE, name).returncode == 0
    assert all_there(server, name)


def test_a_file_system_without_locks_names_the_remedy(server: Running, tmp_path: Path, failing: Path) -> None:
    run, name, elsewhere = make_run(tmp_path / "run", 3), "no locks", tmp_path / "local"
    elsewhere.mkdir()
    done = upload(server, run, *WHERE, name, LD_PRELOAD=str(failing), NO_LOCKS="1")
    assert done.returncode == 4, done.stderr
    assert "keeps no locks" in done.stderr
    assert "--ledger FOLDER" in done.stderr
    assert subjects(server, name) == []
    assert upload(server, run, *WHERE, name, "--ledger", str(elsewhere)).returncode == 0
    assert all_there(server, name, 3)


@pytest.mark.parametrize("after", [0, 25])
def test_a_disk_that_fails_under_the_ledger_stops_the_upload(
    server: Running, tmp_path: Path, failing: Path, after: int
) -> None:
    """Nothing leaves that is not on disk, so what was made before is known or found, and nothing is made twice."""
    run, name = make_run(tmp_path / "run", ROWS), f"disk fails after {after}"
    few = ("--requests", "2")  # more of them are written down together, and the disk is asked less often
    done = upload(server, run, *WHERE, name, *few, LD_PRELOAD=str(failing), LEDGER_FAILS_AFTER=str(after))
    assert done.returncode == 4, (done.returncode, done.stderr)
    assert "disk I/O error" in done.stderr
    assert "Traceback" not in done.stderr
    assert upload(server, run, *WHERE, name).returncode == 0
    assert all_there(server, name)


@pytest.mark.parametrize("route", ["GET /api/me", "POST /api/subjects"])
def test_ctrl_c_on_a_slow_server(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control, route: str
) -> None:
    """The second Ctrl-C waits for no answer, neither before the first row nor amid them, and the run goes on."""
    run, name = make_run(tmp_path / "run", 20), f"slow {route.rpartition('/')[2]}"
    control("/faults", name="latency", delay_s=1000.0, route=route)
    process = start(run, server, "--set", name, "--settle", "1")
    if route.startswith("POST"):
        await_states(zoocut, run, "intent", process)
    process.send_signal(signal.SIGINT)
    if _said(process, "once more stops at once"):
        process.send_signal(signal.SIGINT)
    # Python ends as the signal does where it came while text was compiled; to a shell both are 130
    process.communicate(timeout=240)
    assert process.returncode in (130, -signal.SIGINT)
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    assert upload(server, run, *WHERE, name).returncode == 0
    assert all_there(server, name, 20)


def _said(process: subprocess.Popen[str], words: str) -> bool:
    """Read on until a program says something; tell whether it did before its end."""
    assert process.stderr is not None
    return any(words in line for line in process.stderr)
