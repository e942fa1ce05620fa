"""What is written down: levels, JSON lines without secrets, faults of the program, bug reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from uploads import WHERE, Zoocut, account, make_run

from zoocut.sandbox import Running


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_log_of_json_lines_names_step_row_status_and_time(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    make_run(tmp_path / "run", 3)
    done = zoocut(
        "upload", "run", *WHERE, "Logged", "--settle", 1, "--log-file", "log.jsonl", **account(server)
    )
    assert done.returncode == 0, done.stderr
    log = lines(tmp_path / "log.jsonl")
    creates = [line for line in log if line.get("step") == "create" and "POST" in str(line["says"])]
    assert {"1700", "1701", "1702"} <= {line["row"] for line in creates}
    assert any(line["status"] == 201 for line in creates)
    assert all(isinstance(line["milliseconds"], int) for line in creates)
    assert all(str(line["time"]).endswith("Z") for line in log)
    text = (tmp_path / "log.jsonl").read_text()
    assert "sandbox-password" not in text
    assert "Bearer" not in text
    assert "sig=" not in text


def test_options_of_the_program_may_stand_behind_the_command(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    make_run(tmp_path / "run", 1)
    loud = zoocut("upload", "run", *WHERE, "Loud", "-vv", **account(server))
    assert "POST" in loud.stderr
    assert "201 in" in loud.stderr
    calm = zoocut("-v", "upload", "run", *WHERE, "Loud", **account(server))
    assert "GET" not in calm.stderr
    quiet = zoocut("status", "run", "--quiet")
    assert (quiet.stderr, "1 linked" in quiet.stdout) == ("", True)
    refused = zoocut("status", "nowhere", "-q")
    assert "error:" in refused.stderr


BROKEN = """
class Broken:
    expected = None
    def __init__(self, settings, folder): pass
    def sources(self):
        token = "hunter2"
        raise KeyError("unforeseen")
        yield
"""


def test_a_fault_of_the_program_says_so(tmp_path: Path) -> None:
    """The catalog of another package raises what nobody foresees: it stands for a fault of the program."""
    (tmp_path / "broken.py").write_text(BROKEN)
    package = tmp_path / "broken-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[zoocut.catalogs]\nbroken = broken:Broken\n")
    frames = "".join(f'{plane} = "{plane}.fits"\n' for plane in ("template", "science", "difference"))
    (tmp_path / "zoocut.toml").write_text(f'[catalog]\nkind = "broken"\n[images]\nkind = "frames"\n{frames}')
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        [sys.executable, "-m", "zoocut", "generate", "zoocut.toml", "-o", "run"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "this is a fault of zoocut (KeyError: 'unforeseen')" in done.stderr
    assert "zoocut bug-report RUN" in done.stderr
    assert "Traceback" not in done.stderr
    (file,) = tmp_path.glob("zoocut-fault-*.txt")
    assert "Traceback" in file.read_text()
    assert file.read_text().startswith("zoocut generate\n")


def test_a_bug_report_holds_versions_settings_counts_and_the_log(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    make_run(tmp_path / "run", 2)
    zoocut("upload", "run", *WHERE, "Reported", "--log-file", "log.jsonl", **account(server))
    done = zoocut("bug-report", "run", "--log", "log.jsonl")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "zoocut-bug-report.zip") as archive:
        names = set(archive.namelist())
        status = json.loads(archive.read("status.json"))
        versions = json.loads(archive.read("versions.json"))
        everything = b"".join(archive.read(name) for name in names)
    assert names == {"versions.json", "status.json", "rejected.json", "run.toml", "log.jsonl"}
    assert status["targets"][0]["states"]["linked"] == 2
    assert versions["packages"]["panoptes-client"]
    assert b"sandbox-password" not in everything


def test_a_log_file_that_is_not_named_takes_no_other_word_for_it(zoocut: Zoocut, tmp_path: Path) -> None:
    done = zoocut("status", "sets", "--log-file")
    assert (done.returncode, "requires an argument" in done.stderr) == (2, True)
    assert not (tmp_path / "status").exists()
