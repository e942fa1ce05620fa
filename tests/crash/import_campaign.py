"""Crash campaign of imports: runs of 200 rows, faults and kills at random, until the time is over.

    python tests/crash/import_campaign.py SECONDS [SEED]

Each run has one fault of the import, or none, and up to three kills at random moments; then it is run to its end. What
the sandbox then holds is compared with the manifest.
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

from zoocut.sandbox import Running, running

ROWS = 200
IMPORTS = "POST /api/subject_set_imports"
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
            run = address_rows(make_run(Path(folder) / name, ROWS), f"{host.endpoint}/{name}")
            told += one(run, server, chance, folder)
    return told


def one(run: Path, server: Running, chance: random.Random, home: str) -> Counter[str]:
    fault = dict(chance.choice(FAULTS))
    if fault.get("name") in ("import-dies", "import-stalls"):
        fault["row"] = chance.randint(1, ROWS)
    if fault:
        times = {} if fault["name"] == "import-stale-counts" else {"times": 1}
        assert requests.post(f"{server.endpoint}/sandbox/faults", json={**fault, **times}, timeout=30).ok
    kills = [chance.uniform(0.5, 6.0) for _ in range(chance.randint(0, 3))]
    words = [sys.executable, "-m", "zoocut", "upload", str(run), "--import", "--project", "owner/rehearsal"]
    words += ["--set", run.name, "--settle", "1", "--import-stall", "1.5", "--give-up-after", "60"]
    environment, code, calls, said = os.environ | account(server) | {"HOME": home}, None, 0, ""
    while code != 0 and calls < MOST_CALLS:
        calls += 1
        process = subprocess.Popen(words, env=environment, stdout=-1, stderr=-1, text=True)
        try:
            said = process.communicate(timeout=kills.pop() if kills else 120)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            said = process.communicate()[1]
        code = process.returncode
        if code == 4 and "zoocut adopt" in said:
            adopt = [*words[:3], "adopt", str(run), "--yes"]
            subprocess.run(adopt, env=environment, capture_output=True, check=False)
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=30)
    own = [one for one in subjects(server, run.name) if "#zoocut" in one["metadata"]]
    held = Counter(one["external_id"] for one in own)
    wanted = {str(1700 + number) for number in range(ROWS)}
    found: Counter[str] = Counter(runs=1, calls=calls, ended=int(code == 0))
    found["missing"] = len(wanted - held.keys())
    found["duplicates"] = sum(held.values()) - len(held)
    found["wrong"] = sum(
        f"/images/{int(one['external_id']) - 1700}-0.png" not in json.dumps(one["locations"]) for one in own
    )
    if code != 0 or found["missing"] or found["duplicates"] or found["wrong"]:
        print(run.name, fault, code, calls, dict(found), said[-600:], flush=True)
    return found


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    told = campaign(time.monotonic() + seconds, random.Random(seed))
    print(
        json.dumps({key: told[key] for key in ("runs", "calls", "ended", "missing", "duplicates", "wrong")})
    )
