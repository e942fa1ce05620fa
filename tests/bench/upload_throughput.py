"""Throughput beside panoptes-cli and a plain panoptes-client loop, at equal numbers of subjects, against one sandbox.

    python tests/bench/upload_throughput.py --subjects 200 1000 --size 30000 --latency 0.1 --requests 64

Every request waits as long as `--latency` says. For each number the tools take turns, each with a set of its own.
Prints subjects a second with start and sign-in, processor time and requests a subject, the load, and ratios. Requests
of sign-in and of the lease are counted apart: there are as many for one subject as for thousands.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from rehearsal import environment, make_run

from zoocut.sandbox import running

NAIVE = """
import sys, csv, os
from panoptes_client import Panoptes, Project, Subject, SubjectSet
Panoptes.connect(endpoint=sys.argv[1], username="owner", password="sandbox-password")
project = Project.find(slug="owner/rehearsal")
made = SubjectSet.find(sys.argv[3])
for row in csv.DictReader(open(sys.argv[2])):
    subject = Subject()
    subject.links.project = project
    subject.add_location(os.path.join(os.path.dirname(sys.argv[2]), row["image"]))
    subject.metadata["id"] = row["id"]
    subject.save()
    made.add(subject)
"""


def foreign_manifest(run: Path, count: int) -> Path:
    path = run / "cli.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image"])
        writer.writerows([str(n), f"images/{n}-0.png"] for n in range(count))
    return path


def new_set(endpoint: str, name: str, home: Path) -> str:
    script = (
        "import sys; from panoptes_client import Panoptes, Project, SubjectSet\n"
        "Panoptes.connect(endpoint=sys.argv[1], username='owner', password='sandbox-password')\n"
        "s = SubjectSet(); s.links.project = Project.find(slug='owner/rehearsal')\ns.display_name = sys.argv[2]; "
        "s.save(); print(s.id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, endpoint, name], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@dataclass(frozen=True)
class Timed:
    """What uploading so many subjects took."""

    subjects: int
    wall_s: float
    processor_s: float

    @property
    def rate(self) -> float:
        return self.subjects / self.wall_s

    def told(self, name: str) -> str:
        return (
            f"{name}: {self.subjects} subjects in {self.wall_s:.1f} s, {self.rate:.2f} a second, "
            f"{1000 * self.processor_s / self.subjects:.2f} ms of a processor each, load {os.getloadavg()[0]:.1f}"
        )


def timed(name: str, command: list[str], env: dict[str, str], subjects: int) -> Timed:
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, env=env, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        took = Timed(subjects, time.monotonic() - began, used.ru_utime + used.ru_stime)
        said.seek(0)
        assert os.waitstatus_to_exitcode(status) == 0, (name, said.read()[-2000:])
    print(took.told(name), flush=True)
    return took


def requests_told(log: Path, endpoint: str, subjects: int) -> str:
    """Count what `--log-file` has written down."""
    lines = [json.loads(line)["says"] for line in log.read_text().splitlines()]
    paths = [words.partition(f" {endpoint}")[::2] for words in lines if f" {endpoint}" in words]
    apart = [
        path
        for method, path in paths
        if path.startswith(("/users/sign_in", "/oauth"))
        or (path.startswith("/api/subject_sets/") and "links" not in path)
    ]
    counted = len(paths) - len(apart)
    return f"{counted / subjects:.3f} requests a subject, beside {len(apart)} of sign-in and lease"


class Bench:
    """One sandbox, and the tools that upload to it."""

    def __init__(self, asked: argparse.Namespace, home: Path, endpoint: str) -> None:
        self.asked, self.home, self.endpoint = asked, home, endpoint
        self.env = environment(endpoint) | {"HOME": str(home)}
        (home / ".panoptes").mkdir()
        (home / ".panoptes" / "config.yml").write_text(
            f"endpoint: {endpoint}\nusername: owner\npassword: sandbox-password\n"
        )

    def zoocut(self, run: Path, subjects: int, turn: str) -> Timed:
        log = self.home / f"log-{turn}"
        words = [sys.executable, "-m", "zoocut", "--log-file", str(log), "upload", str(run)]
        words += ["--project", "owner/rehearsal", "--set", f"bench {turn}", "--check", "none"]
        if self.asked.requests:
            words += ["--requests", str(self.asked.requests)]
        took = timed(
            f"zoocut, at most {self.asked.requests or 64} requests at once", words, self.env, subjects
        )
        print(f"  {requests_told(log, self.endpoint, subjects)}", flush=True)
        return took

    def panoptes_cli(self, run: Path, subjects: int, turn: str) -> Timed:
        made = new_set(self.endpoint, f"cli {turn}", self.home)
        panoptes = str(Path(sys.executable).with_name("panoptes"))
        words = [panoptes, "subject-set", "upload-subjects", made, str(foreign_manifest(run, subjects))]
        return timed("panoptes-cli 1.2.1", words, self.env, subjects)

    def plain_loop(self, run: Path, subjects: int) -> Timed:
        made = new_set(self.endpoint, "naive", self.home)
        words = [sys.executable, "-c", NAIVE, self.endpoint, str(foreign_manifest(run, subjects)), made]
        return timed("panoptes-client, one after the other", words, self.env, subjects)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--pairs", type=int, default=1, help="turns of both tools for each number")
    parser.add_argument("--cli", type=int, help="panoptes-cli only up to so many subjects: it takes minutes")
    parser.add_argument("--naive", type=int, default=0, help="subjects of a plain loop, which is slow")
    parser.add_argument("--size", type=int, default=30_000)
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--requests", type=int, help="zoocut's --requests")
    asked = parser.parse_args()
    options = ["--quota", "1000000", "--fault", f"latency:delay_s={asked.latency}"]
    with tempfile.TemporaryDirectory() as folder, running(options=options) as sandbox:
        bench = Bench(asked, Path(folder), sandbox.endpoint)
        for subjects in asked.subjects:
            run = make_run(Path(folder) / f"run-{subjects}", subjects, seed=1, size=asked.size).path
            for pair in range(asked.pairs):
                turn = f"{subjects} {pair}"
                shutil.copytree(run, copy := run.with_name(f"run-{subjects}-{pair}"))
                ours = bench.zoocut(copy, subjects, turn)
                if asked.cli is None or subjects <= asked.cli:
                    theirs = bench.panoptes_cli(run, subjects, turn)
                    print(f"  zoocut / panoptes-cli at {subjects}: {ours.rate / theirs.rate:.1f}", flush=True)
            if asked.naive:
                print(f"  zoocut / plain loop: {ours.rate / bench.plain_loop(run, asked.naive).rate:.1f}")


if __name__ == "__main__":
    main()
