"""Crash campaign of job arrays: sixteen shares as processes, killed at random, some of them twice at once.

    python tests/crash/parts_campaign.py [SEEDS]

As many shares run at a time as a machine has cores, and one more, in a random order; a third of them is killed at a
random moment and half of those are started again, some shares are started twice at once. A call without --part then
completes the run: its files must be, byte by byte, those that one process makes.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from shares import contents, difference, kill, make_field, zoocut_words

SHARES = 16
EXPOSURES, SOURCES = 48, 300
LONGEST_S = 8.0
"""A killed share lives so long at most: from before it has read the catalog to near its end."""


def main(seeds: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        config = make_field(Path(folder) / "field", EXPOSURES, SOURCES)
        subprocess.run(zoocut_words(config, Path(folder) / "whole"), check=True, stdout=subprocess.DEVNULL)
        whole = contents(Path(folder) / "whole")
        failed = 0
        for seed in range(seeds):
            begun = time.monotonic()
            run = Path(folder) / f"run-{seed}"
            told = draw_shares(config, run, random.Random(seed))
            missing = EXPOSURES * SOURCES - sum(1 for _ in run.glob("images/**/[0-9]*.png"))
            completed = subprocess.run(zoocut_words(config, run), capture_output=True, text=True)
            wrong = difference(run, whole) if completed.returncode == 0 else [completed.stderr]
            failed += bool(wrong)
            took = f"{time.monotonic() - begun:.0f} s, load {os.getloadavg()[0]:.1f}"
            print(
                f"seed {seed}: {dict(told)}, {missing} left to the last call: {wrong or 'same bytes'} ({took})",
                flush=True,
            )
        print(f"{seeds - failed} of {seeds} runs have the bytes of one process ({len(whole)} files)")
        return int(failed > 0)


def draw_shares(config: Path, run: Path, chance: random.Random) -> Counter[str]:
    """Start all shares, a few at a time, and kill some; tell how they ended."""
    waiting = list(range(1, SHARES + 1))
    chance.shuffle(waiting)
    waiting += chance.sample(waiting, SHARES // 8)  # shares that a scheduler has started a second time
    beside: dict[subprocess.Popen[bytes], tuple[int, float]] = {}
    told: Counter[str] = Counter()
    while waiting or beside:
        while waiting and len(beside) < (os.cpu_count() or 2) + 1:
            number = waiting.pop(0)
            twice = chance.random() < 0.2
            dies = time.monotonic() + chance.uniform(0, LONGEST_S) if chance.random() < 0.33 else float("inf")
            for _ in range(1 + twice):
                words = zoocut_words(config, run, "--part", f"{number}/{SHARES}")
                process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                beside[process] = (number, dies)
        for process, (number, dies) in list(beside.items()):
            if time.monotonic() >= dies and process.poll() is None:
                kill(process)
                waiting += [number] if chance.random() < 0.5 else []
            if process.poll() is not None:
                told[ending(process)] += 1
                del beside[process]
        time.sleep(0.02)
    return told


def ending(process: subprocess.Popen[bytes]) -> str:
    """Name the way in which a share ended."""
    said = process.communicate()[1].decode()
    if process.returncode == 3 and "another zoocut is generating" in said:
        return "refused beside its like"
    return {0: "done", -9: "killed"}.get(process.returncode or 0, f"exit {process.returncode}: {said}")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
