"""Crash campaign of imports: runs of 200 rows, faults and kills at random, until the time is over.

    python tests/crash/import_campaign.py SECONDS [SEED]

Each run has one fault of the import, or none, up to three kills at random moments, parts of some random size, and rows
of one or two images of which some hold more than ASCII; every second run is published to a folder before. Then it is
run to its end. What the sandbox then holds is compared with the manifest: external ids, locations, metadata.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from hosts import address_rows, serving
from uploads import account, make_run, subjects

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import Running, running

ROWS = 200
IMPORTS = "POST /api/subject_set_imports"
OVER_LIMIT = "over-limit"
"""An import that dies in an account which then meets its limit; it is raised when that was told."""

FAULTS: list[dict[str, Any]] = [
    {},
    {"name": "import-dies", "route": IMPORTS},
    {"name": "import-stalls", "route": IMPORTS},
    {"name": "import-stalls", "route": IMPORTS, "wake_s": 3},
    {"name": "import-slow", "route": IMPORTS, "row_s": 0.01},
    {"name": "import-twice", "route": IMPORTS},
    {"name": "import-strangers", "route": IMPORTS, "rows": 1},
    {"name": "import-no-manifest", "route": IMPORTS},
    {"name": "import-slow-host", "route": IMPORTS, "delay_s": 0.5},
    {"name": "import-stale-counts"},
    {"name": "commit-then-500", "route": IMPORTS},
    {"name": "commit-then-close", "route": IMPORTS},
    {"name": "late-commit", "route": IMPORTS, "delay_s": 0.7},
    {"name": OVER_LIMIT, "route": IMPORTS},
]
MOST_CALLS = 12


def campaign(until: float, chance: random.Random) -> Counter[str]:
    told: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as host,
        running(options=["--quota", "1000000"]) as server,
    ):
        while time.monotonic() < until:
            name = f"r{told['runs']}"
            run = address_rows(varied(Path(folder) / name, chance), f"{host.endpoint}/www/{name}")
            if told["runs"] % 2:
                publish(run, Path(folder) / "www" / name)
            else:
                (Path(folder) / "www").mkdir(exist_ok=True)
                (Path(folder) / "www" / name).symlink_to(run)
            told += one(run, server, chance, folder)
            subprocess.run(["rm", "-rf", str(run), f"{folder}/www/{name}"], check=True)
    return told


def varied(path: Path, chance: random.Random) -> Path:
    """Make a run of rows with one or two images, of which some hold more than ASCII."""
    run, rows = Run.open(make_run(path, ROWS, 2)), list[ManifestRow]()
    two, odd = chance.choice([0.0, 0.1]), chance.choice([0.0, 0.05])
    for row in run.rows():
        images = row.locations if chance.random() < two else row.locations[:1]
        note = "\u03b3 Dor" if chance.random() < odd else chance.choice(["plain", 'a "b", c', "two\nlines"])
        rows.append(ManifestRow(row.external_id, images, {**row.metadata, "note": note}))
    write_manifest(run.manifest, rows, ["band", "note"], max(len(one.locations) for one in rows))
    return path


def publish(run: Path, to: Path) -> None:
    words = [sys.executable, "-m", "zoocut", "publish", str(run), "--to", str(to)]
    subprocess.run(words, capture_output=True, check=True)


def arranged(fault: dict[str, Any], server: Running, chance: random.Random) -> None:
    """Have the fault happen."""
    if fault.get("name") in ("import-dies", "import-stalls", OVER_LIMIT):
        fault["row"] = chance.randint(1, 50)
    if fault.get("name") == OVER_LIMIT:
        fault["name"] = "import-dies"
        _limit(server, 1 + fault["row"])
    if fault:
        times = {} if fault["name"] == "import-stale-counts" else {"times": 1}
        assert requests.post(f"{server.endpoint}/sandbox/faults", json={**fault, **times}, timeout=30).ok


def _limit(server: Running, most: int) -> None:
    path = f"{server.endpoint}/sandbox/users/owner"
    assert requests.post(path, json={"subject_limit": most}, timeout=30).ok


def one(run: Path, server: Running, chance: random.Random, home: str) -> Counter[str]:
    fault = dict(chance.choice(FAULTS))
    arranged(fault, server, chance)
    kills = [chance.uniform(0.5, 9.0) for _ in range(chance.randint(0, 3))]
    words = [sys.executable, "-m", "zoocut", "upload", str(run), "--import", "--project", "owner/rehearsal"]
    words += ["--set", run.name, "--settle", "1", "--import-stall", "1.5", "--give-up-after", "60"]
    words += ["--import-rows", str(chance.choice([60, 150, 1000]))]
    environment, code, calls, said = os.environ | account(server) | {"HOME": home}, None, 0, ""
    while code != 0 and calls < MOST_CALLS:
        calls += 1
        process = subprocess.Popen(words, env=environment, stdout=-1, stderr=-1, text=True)
        try:
            said = process.communicate(timeout=kills.pop() if kills else 300)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            said = process.communicate()[1]
        code = process.returncode
        if code == 8:
            _limit(server, 1_000_000)
        if code == 4 and "zoocut adopt" in said:
            adopt = [*words[:3], "adopt", str(run), "--yes"]
            subprocess.run(adopt, env=environment, capture_output=True, check=False)
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=30)
    _limit(server, 1_000_000)
    found = Counter(runs=1, calls=calls, ended=int(code == 0)) + compared(run, server)
    if code != 0 or found["missing"] or found["duplicates"] or found["wrong"]:
        print(run.name, fault, code, calls, dict(found), said[-600:], flush=True)
    return found


def compared(run: Path, server: Running) -> Counter[str]:
    """Hold what the sandbox has against the manifest."""
    wanted = {one.external_id: one for one in Run.open(run).by_addresses().rows()}
    own = [one for one in subjects(server, run.name) if "#zoocut" in one["metadata"]]
    held = Counter(one["external_id"] for one in own)
    wrong = sum(_differs(wanted[one["external_id"]], one) for one in own)
    return Counter(
        missing=len(wanted.keys() - held.keys()), duplicates=sum(held.values()) - len(held), wrong=wrong
    )


def _differs(row: ManifestRow, subject: dict[str, Any]) -> bool:
    shown = {key: value for key, value in subject["metadata"].items() if key != "#zoocut"}
    return shown != dict(row.metadata) or [one["url"] for one in subject["locations"]] != list(row.locations)


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    told = campaign(time.monotonic() + seconds, random.Random(seed))
    print(
        json.dumps({key: told[key] for key in ("runs", "calls", "ended", "missing", "duplicates", "wrong")})
    )
