"""The same campaign for panoptes-cli 1.2.1: same seeds, same faults, same kills, resumed as its users do.

    python tests/crash/peer.py --runs 20 --seed 1 --deadline 300

After a kill its users run the same manifest again; after a failure they answer its question, keep the state it
writes and give that to the next command. A run that is not through within the deadline did not end.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).parent))

from campaign import PATIENT, SETTLE_S
from mischief import Mischief
from proxy import Recorder
from rehearsal import make_run

from zoocut.run.manifest import read_manifest
from zoocut.sandbox import running
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.credentials import Credentials

PANOPTES = str(Path(sys.executable).with_name("panoptes"))
STATE = "state.yaml"


def foreign_manifest(run: Path) -> Path:
    path = run / "peer.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["diaSourceId", "image"])
        writer.writerows([row.external_id, row.locations[0]] for row in read_manifest(run / "manifest.csv"))
    return path


def one_run(seed: int, rows: int, endpoint: str, folder: Path, deadline_s: float) -> dict[str, int]:
    dice, mischief = random.Random(seed), Mischief(seed, SETTLE_S)
    run = make_run(folder / f"run-{seed}", rows, seed).path
    panoptes, _ = connect(endpoint, Credentials("owner", "sandbox-password"))
    project = panoptes.project("owner/rehearsal")
    set_id = panoptes.create_subject_set(project, f"peer {seed}", {}).set_id
    (folder / ".panoptes").mkdir(exist_ok=True)
    (folder / ".panoptes" / "config.yml").write_text(
        f"endpoint: {endpoint}\nusername: owner\npassword: sandbox-password\n"
    )
    began, manifest, code, commands = time.monotonic(), foreign_manifest(run), -1, 0
    record = Recorder(endpoint, mischief)
    with record.actor("panoptes-cli") as proxy:
        for _ in range(dice.randint(0, 3)):
            command(run, folder, set_id, manifest, dice.uniform(2, 8), proxy)
        while code != 0 and time.monotonic() - began < deadline_s:
            if commands == PATIENT:
                mischief.on = False
            kept = run / STATE
            left = deadline_s - (time.monotonic() - began)
            code = command(run, folder, set_id, kept if kept.exists() else manifest, left, proxy)
            commands += 1
    record.await_late()
    made = sum(
        reply.status == 201 for one in record.exchanges if one.kind == "create" for _, reply in one.done
    )
    found = differences(endpoint, run, set_id)
    return {"ended": int(code == 0), "commands": commands, "made": made} | found


def command(run: Path, home: Path, set_id: str, manifest: Path, seconds: float, proxy: str) -> int:
    process = subprocess.Popen(
        [PANOPTES, "subject-set", "upload-subjects", set_id, str(manifest)],
        cwd=run,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "http_proxy": proxy},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        process.communicate(f"y\n{STATE}\ny\n", timeout=max(0.1, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode


def differences(endpoint: str, run: Path, set_id: str) -> dict[str, int]:
    truth = requests.get(f"{endpoint}/sandbox/truth", timeout=60).json()
    members = [s for s in truth["subjects"] if int(set_id) in s["sets"] and s["external_id"] != "drift"]
    md5 = {
        row.external_id: hashlib.md5((run / row.locations[0]).read_bytes()).hexdigest()
        for row in read_manifest(run / "manifest.csv")
    }
    held = Counter(member["metadata"].get("diaSourceId") for member in members)
    wrong = [
        m
        for m in members
        if [(place["blob"] or {}).get("md5") for place in m["locations"]]
        != [md5.get(m["metadata"].get("diaSourceId", ""))]
    ]
    return {
        "duplicates": sum(count - 1 for count in held.values()),
        "missing": sum(name not in held for name in md5),
        "wrong_bytes": len(wrong),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--deadline", type=float, default=300)
    asked = parser.parse_args()
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(asked.seed, asked.seed + asked.runs):
            with running(options=["--url-life", "60", "--quota", "1000000"]) as sandbox:
                found = one_run(seed, asked.rows, sandbox.endpoint, Path(folder), asked.deadline)
            total.update(found)
            print(seed, found, flush=True)
    print("sums", dict(total))


if __name__ == "__main__":
    main()
