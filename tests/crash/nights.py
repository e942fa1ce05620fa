"""Sixty nights of a survey against the sandbox, as cron would take them: `python tests/crash/nights.py --seed 1`.

Sources of a night arrive late or twice, half of the calls are killed at a random moment, once a week two calls run at
once, and for two nights the server is away. Afterwards every source that is due must be in the set of its night once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import requests
from astropy.io import fits
from astropy.wcs import WCS

from zoocut.sandbox import Running, running

TODAY = datetime.now(UTC).date()
COMMAND = [sys.executable, "-m", "zoocut", "night", "zoocut.toml"]


def write_survey(folder: Path, sections: str) -> None:
    """Write three frames and a configuration with further sections."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150.0, -30.0], [100, 100], [-1e-4, 1e-4]
    random_pixels = np.random.default_rng(1).normal(100, 10, (3, 200, 200)).astype(np.float32)
    for plane, image in zip(("template", "science", "difference"), random_pixels, strict=True):
        fits.writeto(folder / f"{plane}.fits", image, wcs.to_header())
    frames = "".join(f'{plane} = "{plane}.fits"\n' for plane in ("template", "science", "difference"))
    (folder / "zoocut.toml").write_text(
        f'[catalog]\nkind = "table"\npath = "sources.csv"\n[images]\nkind = "frames"\n{frames}'
        '[upload]\nproject = "owner/rehearsal"\nsubject_set = "Night {night}"\nsettle_s = 1.5\n'
        f'{sections}[night]\ncreate = true\nobject = "every"\nmax_age = "100 d"\n'
    )


class Survey:
    """What the telescope has seen so far, and what volunteers should see of it."""

    def __init__(self, folder: Path, dice: random.Random, most: int) -> None:
        self._folder, self._dice, self._most = folder, dice, most
        self._lines: list[str] = []
        self._late: list[str] = []
        self.due: dict[str, str] = {}
        self._number = 10**17

    def observe(self, night: object) -> int:
        """Add a night's sources: some come with the next night, some come twice."""
        count = self._dice.choice([0, self._dice.randint(1, 20), self._dice.randint(1, self._most)])
        late, self._late = self._late, []
        self._lines += late
        for _ in range(count):
            self._number += self._dice.randint(1, 5)
            ra, dec = (self._dice.uniform(-5e-3, 5e-3) for _ in range(2))
            line = f"{self._number},{150 + ra:.6f},{-30 + dec:.6f},{night:%Y%m%d}00001"
            self.due[str(self._number)] = f"Night {night}"
            (self._late if self._dice.random() < 0.05 else self._lines).append(line)
        self._dice.shuffle(self._lines)
        self._write()
        return count

    def deliver(self) -> None:
        """Let the catalog have what is still late: nothing more will come."""
        self._lines += self._late
        self._late = []
        self._write()

    def _write(self) -> None:
        text = "\n".join(["diaSourceId,ra,dec,visit", *self._lines]) + "\n"
        (self._folder / "sources.csv").write_text(text)


def start(folder: Path, endpoint: str) -> subprocess.Popen[str]:
    """Start `zoocut night` as cron would."""
    account = {
        "PANOPTES_ENDPOINT": endpoint,
        "PANOPTES_USERNAME": "owner",
        "PANOPTES_PASSWORD": "sandbox-password",
    }
    return subprocess.Popen(
        COMMAND,
        cwd=folder,
        env=os.environ | account,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def call(folder: Path, server: Running, dice: random.Random, killed: bool, away: bool) -> str:
    """Make one call, and kill it at a random moment where that is asked for."""
    account = {
        "PANOPTES_ENDPOINT": "http://127.0.0.1:9" if away else server.endpoint,
        "PANOPTES_USERNAME": "owner",
        "PANOPTES_PASSWORD": "sandbox-password",
    }
    process = subprocess.Popen(
        COMMAND,
        cwd=folder,
        env=os.environ | account,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if killed:
        time.sleep(dice.uniform(0.5, 12.0))
        process.send_signal(signal.SIGKILL)
    said, _ = process.communicate()
    return f"{process.returncode} {said.strip().splitlines()[-1] if said.strip() else ''}"


def compare(server: Running, survey: Survey) -> Counter[str]:
    """Count what is in the sets and what should be."""
    said = requests.get(f"{server.endpoint}/sandbox/truth", timeout=120).json()
    names = {one["id"]: one["display_name"] for one in said["sets"]}
    held = Counter(
        (subject["external_id"], names[number]) for subject in said["subjects"] for number in subject["sets"]
    )
    due = set(survey.due.items())
    return Counter(
        due=len(due),
        missing=len(due - held.keys()),
        foreign=len(held.keys() - due),
        duplicates=sum(count - 1 for count in held.values()),
        strays=sum(not subject["sets"] for subject in said["subjects"]),
        on_talk=sum(len(subject["attached"]) for subject in said["subjects"]),
        talk_not_once=sum(len(subject["attached"]) != 1 for subject in said["subjects"]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=500, help="most sources of a night")
    parser.add_argument("--talk", action="store_true", help="attach a file for Talk to each subject")
    options = parser.parse_args()
    dice, codes = random.Random(options.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as name, running(options=["--quota", "1000000"]) as server:
        folder = Path(name)
        write_survey(folder, '[talk]\nattach = ["annotated"]\n' if options.talk else "")
        survey = Survey(folder, dice, options.most)
        for number in range(options.nights):
            count = survey.observe(TODAY - timedelta(days=options.nights - 1 - number))
            killed, away = dice.random() < 0.5, number in (options.nights // 3, options.nights // 3 + 1)
            if number % 7 == 6:
                beside = start(folder, server.endpoint)
            said = call(folder, server, dice, killed, away)
            codes[said.split()[0]] += 1
            if number % 7 == 6:
                beside.communicate()
                codes[f"beside {beside.returncode}"] += 1
            print(f"night {number}: {count} sources, {said}", flush=True)
        survey.observe(TODAY)
        survey.deliver()
        for _ in range(2):
            print("at the end:", call(folder, server, dice, killed=False, away=False))
        found = compare(server, survey)
        if not options.talk:
            del found["talk_not_once"]
        print(json.dumps({"seed": options.seed, **found, "exit codes": codes}))


if __name__ == "__main__":
    main()
