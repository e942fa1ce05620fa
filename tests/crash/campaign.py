"""A long campaign: random faults of every kind, random kills, then the same command until done.

    python tests/crash/campaign.py --runs 200 --rows 40 --seed 1

Prints a line a run and the sums. A run ends when the command exits with 0 within the time given; the kills come
first, then the faults stay for as many further commands as `--patient` says, then they are taken away.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parent))

from rehearsal import make_run, start_upload
from truth import differences

from zoocut.sandbox import running

FAULTS: dict[str, dict[str, float]] = {
    "commit-then-500": {},
    "commit-then-504": {"delay_s": 0.3},
    "commit-then-close": {},
    "truncated": {},
    "bad-gateway": {},
    "unavailable": {},
    "late-commit": {"delay_s": 0.6},
    "conflict": {},
    "too-many": {"retry_after_s": 1.0},
    "unauthorised": {},
    "token-expired": {},
    "token-pruned": {},
    "url-expired": {},
    "blob-busy": {},
    "blob-reset": {},
    "blob-lost": {},
    "slow-body": {"delay_s": 0.3},
    "page-drift": {"rows": 2.0},
    "weak-etags": {},
    "stale-documents": {},
    "latency": {"delay_s": 0.0, "max_s": 0.1},
}
ANYWHERE = ("commit-then-500", "commit-then-close", "truncated", "bad-gateway", "unavailable")
OTHER_ROUTES = ("POST /api/subject_sets/*/links/subjects", "PUT /public/*", "PUT /api/subjects/*")
SETTLE_S = "1.5"


@dataclass
class Tally:
    """What a run came to."""

    seed: int
    kills: int
    commands: int
    ended: bool
    took_s: float
    wrong: dict[str, int]


def chosen_faults(dice: random.Random) -> list[dict[str, Any]]:
    faults = []
    for name in dice.sample(sorted(FAULTS), dice.randint(2, 5)):
        probability = 1.0 if name in ("weak-etags", "stale-documents", "latency") else dice.uniform(0.02, 0.3)
        rule: dict[str, Any] = {"name": name, "probability": probability, "seed": dice.randrange(1 << 30)}
        rule |= FAULTS[name]
        if name in ANYWHERE and dice.random() < 0.5:
            rule["route"] = dice.choice(OTHER_ROUTES)
        faults.append(rule)
    return faults


def one_run(seed: int, rows: int, endpoint: str, folder: Path, deadline_s: float) -> Tally:
    dice = random.Random(seed)
    run, set_name = make_run(folder / f"run-{seed}", rows, seed).path, f"campaign {seed}"
    for fault in chosen_faults(dice):
        requests.post(f"{endpoint}/sandbox/faults", json=fault, timeout=30).raise_for_status()
    began = time.monotonic()
    kills, commands, code = dice.randint(0, 3), 0, -1
    for _ in range(kills):
        kill_after(run, set_name, endpoint, dice.uniform(0.4, 2.5))
    while code != 0 and time.monotonic() - began < deadline_s:
        if commands == 3:
            requests.delete(f"{endpoint}/sandbox/faults", json={}, timeout=30)
        code = one_command(run, set_name, endpoint, deadline_s)
        commands += 1
    requests.delete(f"{endpoint}/sandbox/faults", json={}, timeout=30)
    wrong = asdict(differences(endpoint, run, set_name)) if code == 0 else {}
    return Tally(seed, kills, commands, code == 0, time.monotonic() - began, wrong)


def options() -> tuple[str, ...]:
    return "--settle", SETTLE_S, "--give-up-after", "20", "--answer", "10", "--check", "all"


def kill_after(run: Path, set_name: str, endpoint: str, seconds: float) -> None:
    process = start_upload(run, set_name, endpoint, *options())
    try:
        process.wait(seconds)
    except Exception:  # still at work, as hoped
        process.kill()
    process.communicate()


def one_command(run: Path, set_name: str, endpoint: str, deadline_s: float) -> int:
    process = start_upload(run, set_name, endpoint, *options())
    try:
        _, told = process.communicate(timeout=deadline_s)
    except Exception:
        process.kill()
        process.communicate()
        return -9
    if process.returncode:
        print("   ", process.returncode, told.strip()[-300:], flush=True)
    return process.returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--deadline", type=float, default=120)
    asked = parser.parse_args()
    tallies = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(asked.seed, asked.seed + asked.runs):
            with running(options=["--url-life", "60", "--quota", "1000000"]) as sandbox:
                tally = one_run(seed, asked.rows, sandbox.endpoint, Path(folder), asked.deadline)
            tallies.append(tally)
            print(tally, flush=True)
    print(
        f"{len(tallies)} runs, {sum(t.kills for t in tallies)} kills, {sum(t.commands for t in tallies)} commands"
    )
    print(f"did not end: {sum(not t.ended for t in tallies)}")
    for name in ("duplicates", "missing", "wrong_bytes", "linked_before_image", "ledger"):
        print(f"{name}: {sum(t.wrong.get(name, 0) for t in tallies)}")


if __name__ == "__main__":
    main()
