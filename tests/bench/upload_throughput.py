"""Throughput beside panoptes-cli and a plain panoptes-client loop, in one run against one sandbox.

    python tests/bench/upload_throughput.py --subjects 1000 --size 30000 --latency 0.1

Every request waits as long as `--latency` says. Prints subjects a second, requests a subject and ratios.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
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


def timed(name: str, command: list[str], env: dict[str, str], subjects: int) -> float:
    began = time.monotonic()
    done = subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    took = time.monotonic() - began
    assert done.returncode == 0, (name, done.stderr[-2000:])
    rate = subjects / took
    print(f"{name}: {subjects} subjects in {took:.1f} s, {rate:.2f} a second", flush=True)
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--naive", type=int, default=60, help="subjects of the naive loop, which is slow")
    parser.add_argument("--cli", type=int, default=1000, help="subjects of panoptes-cli")
    parser.add_argument("--size", type=int, default=30_000)
    parser.add_argument("--latency", type=float, default=0.1)
    asked = parser.parse_args()
    options = ["--quota", "1000000", "--fault", f"latency:delay_s={asked.latency}"]
    with tempfile.TemporaryDirectory() as folder, running(options=options) as sandbox:
        home = Path(folder)
        run = make_run(home / "run", asked.subjects, seed=1, size=asked.size).path
        (home / ".panoptes").mkdir()
        (home / ".panoptes" / "config.yml").write_text(
            f"endpoint: {sandbox.endpoint}\nusername: owner\npassword: sandbox-password\n"
        )
        env = environment(sandbox.endpoint) | {"HOME": folder}
        zoocut = [sys.executable, "-m", "zoocut", "upload", str(run), "--project", "owner/rehearsal"]
        ours = timed("zoocut", [*zoocut, "--set", "bench", "--check", "none"], env, asked.subjects)
        panoptes = str(Path(sys.executable).with_name("panoptes"))
        cli_set = new_set(sandbox.endpoint, "cli", home)
        manifest = foreign_manifest(run, asked.cli)
        cli = [panoptes, "subject-set", "upload-subjects", cli_set, str(manifest)]
        theirs = timed("panoptes-cli 1.2.1", cli, env, asked.cli)
        naive_set = new_set(sandbox.endpoint, "naive", home)
        short = foreign_manifest(run, asked.naive)
        loop = [sys.executable, "-c", NAIVE, sandbox.endpoint, str(short), naive_set]
        naive = timed("panoptes-client, one after the other", loop, env, asked.naive)
        print(f"zoocut / panoptes-cli: {ours / theirs:.1f}   zoocut / plain loop: {ours / naive:.1f}")


if __name__ == "__main__":
    main()
