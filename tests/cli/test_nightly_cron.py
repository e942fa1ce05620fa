"""Real nights of three surveys, by the line of docs/nightly.md as cron runs it: /bin/sh, a bare environment."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from surveys import held
from uploads import subjects

import zoocut
from zoocut.sandbox import Running

ROOT = Path(zoocut.__file__).parents[1]
PAGE = (ROOT / "docs" / "nightly.md").read_text()
LINE = re.compile(r"^(?:\S+\s+){5}(?P<command>cd .*)$", re.MULTILINE)
NIGHTS = {  # of each survey: its nights, with the packets of each
    "ztf": {
        "2020-01-11": ["1105522281015015000"],
        "2020-02-02": ["1127107111615015007", "1127174604415015005", "1127495406315015005"],
        "2023-10-12": ["2475433850015010009", "2475433850015015000"],
    },
    "winter": {"2024-03-11": ["3608694", "3608701"]},
    "lsst": {"2025-12-31": ["lsstcam_alerts_v10_0"]},
}
BEGUN_WITH = {"ztf": "ztf-alerts", "winter": "other-alerts", "lsst": "lsst-alerts"}
SHOWS = {
    "ztf": 'media = ["lightcurve", "frames"]\n[talk]\nattach = ["lightcurve_png", "annotated"]\n',
    "winter": 'media = ["triplet"]\n[talk]\nattach = ["annotated"]\n',
    "lsst": 'media = ["lightcurve", "frames"]\n[talk]\nattach = ["lightcurve_png", "annotated"]\n',
}
NIGHT = '[night]\ncreate = true\nobject = "every"\nmax_age = "100000 d"\nlimit = 10\n'


def configure(folder: Path, survey: str) -> None:
    """Take the configuration that zoocut ships for such packets, and say where it goes and what is shown."""
    text = (ROOT / "configs" / f"{BEGUN_WITH[survey]}.toml").read_text()
    text = re.sub(r"^path = .*$", 'path = "alerts"', text, count=1, flags=re.MULTILINE)
    where = f'[upload]\nproject = "owner/rehearsal"\nsubject_set = "{survey} {{night}}"\nsettle_s = 2\n'
    text = re.sub(r"^\[upload\]$", where, text, count=1, flags=re.MULTILINE)
    text = re.sub(r"^\[draw\]$", f"[draw]\n{SHOWS[survey].partition(chr(10))[0]}", text, flags=re.MULTILINE)
    (folder / "zoocut.toml").write_text(f"{text}\n{SHOWS[survey].partition(chr(10))[2]}\n{NIGHT}")


def cron(folder: Path, home: Path, server: Running) -> subprocess.CompletedProcess[str]:
    """Run the line in the environment that cron gives, the server's address aside."""
    found = LINE.search(PAGE)
    assert found is not None, "the page has no line for a crontab"
    zoocut_here = Path(sys.executable).parent / "zoocut"
    command = (
        found["command"]
        .replace("/data/survey", str(folder))
        .replace("/opt/venv/bin/zoocut", str(zoocut_here))
    )
    assert command != found["command"]
    assert "%" not in command, "which is the end of a line to cron"
    environment = {
        "HOME": str(home), "LOGNAME": "observer", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin",
        "PANOPTES_ENDPOINT": server.endpoint, "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    return subprocess.run(
        ["/bin/sh", "-c", command], env=environment, cwd=home, capture_output=True, text=True
    )


@pytest.mark.parametrize("survey", NIGHTS)
def test_real_nights_one_after_the_other(survey: str, shared: Path, server: Running, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / survey
    (folder / "alerts").mkdir(parents=True)
    home.mkdir()
    configure(folder, survey)
    login = subprocess.run(
        [str(Path(sys.executable).parent / "zoocut"), "login", "--username", "owner"],
        input="sandbox-password\n",
        env={
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
            "PANOPTES_ENDPOINT": server.endpoint,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
    )
    assert login.returncode == 0, login.stderr
    seen = {}
    for night, names in NIGHTS[survey].items():
        for name in names:
            (file,) = (shared / "data" / survey).glob(f"{name}.*")
            shutil.copy(file, folder / "alerts" / file.name)
        done = cron(folder, home, server)
        log = (folder / "night.log").read_text()
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), log
        assert f"{night}: " in log.splitlines()[-1], log
        assert "; done" in log.splitlines()[-1], log
        seen[f"{survey} {night}"] = min(10, len(names) if survey != "lsst" else 25)
        assert (folder / "nights" / night / "report.html").is_file()
        assert (folder / "nights" / night / "preview.html").is_file()
    assert {name: len(ids) for name, ids in held(server, survey).items()} == seen
    assert (folder / "night.jsonl").stat().st_size > 0
    attached = [len(subject["attached"]) for name in seen for subject in subjects(server, name)]
    assert set(attached) <= {1, 2}
    assert 2 in attached or survey == "winter"
    before = (folder / "night.log").read_text()
    assert cron(folder, home, server).returncode == 0
    assert (folder / "night.log").read_text() == before + "nothing is new\n"
