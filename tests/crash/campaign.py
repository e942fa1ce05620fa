"""A long campaign: faults by a proxy, kills, older ledgers, copied folders, other hands; then an audit of it all.

    nice python tests/crash/campaign.py --minutes 40 --rows 40 --seed 1 --workers 2

Prints a line a run and the sums. A run ends when the command exits with 0 within the time given: the kills come
first, then the faults stay for three further commands, then they are taken away. What a command advises is done
(`adopt`, `--retry-rejected`), as its user would.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from audit import audit, strays
from hands import other_hands
from mischief import Mischief
from proxy import Recorder, md5_of
from redirect import redirected
from rehearsal import environment, make_run
from server_state import differences, members_of

from zoocut.run.manifest import read_manifest
from zoocut.sandbox import running

SETTLE_S = 1.5
OPTIONS = ("--settle", str(SETTLE_S), "--give-up-after", "12", "--answer", "5", "--check", "all", "--yes")
PATIENT = 3
RUNS_A_SANDBOX = 8
KILLS = ("SIGKILL", "SIGKILL", "SIGKILL", "SIGTERM", "SIGINT twice", "SIGSTOP")
PLOTS = ("none", "none", "none", "older ledger", "copied folder", "other hands", "stopped beside a copy")


@dataclass
class Tally:
    """What a run came to."""

    seed: int
    plot: str
    kills: list[str] = field(default_factory=list)
    commands: int = 0
    ended: bool = False
    took_s: float = 0.0
    exits: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    audited: dict[str, int] = field(default_factory=dict)
    strays: dict[str, int] = field(default_factory=dict)
    faults: int = 0
    notes: list[str] = field(default_factory=list)


class CampaignRun:
    """One run of the campaign.

    Parameters
    ----------
    seed : int
        Of everything that is chosen.
    rows : int
        Of its manifest.
    endpoint : str
        The sandbox.
    folder : Path
        Where the run's folder is made.
    deadline_s : float
        How long it may take.
    """

    plots: tuple[str, ...] = PLOTS
    latest_kill = 90
    """At which request of a command, at most, it is killed."""

    def __init__(self, seed: int, rows: int, endpoint: str, folder: Path, deadline_s: float) -> None:
        self.dice = random.Random(seed)
        self.tally = Tally(seed, self.dice.choice(self.plots))
        self.set_name, self.endpoint = f"campaign {seed}", endpoint
        self.run = self._made(folder / f"run-{seed}", rows, seed)
        self.mischief = self._mischief(seed)
        self.record = Recorder(endpoint, self.mischief)
        self.began = time.monotonic()
        self.deadline_s = deadline_s
        self.restored: list[float] = []
        self._started = 0

    def _made(self, path: Path, rows: int, seed: int) -> Path:
        return make_run(path, rows, seed, images=1 + (self.dice.random() < 0.2)).path

    def _mischief(self, seed: int) -> Mischief:
        return Mischief(seed, SETTLE_S)

    def go(self) -> Tally:
        """Carry it out and look at what became of it."""
        tally = self.tally
        hands = threading.Event()
        if tally.plot == "other hands":
            threading.Thread(
                target=other_hands, args=(self.endpoint, self.set_name, hands), daemon=True
            ).start()
        for number in range(self.dice.randint(0, 3)):
            self._kill(self.dice.choice(KILLS))
            if number == 0:
                self._plot()
        if self.tally.plot in ("older ledger", "copied folder", "stopped beside a copy") and not tally.kills:
            self._kill("SIGKILL")
            self._plot()
        self._finish(hands)
        hands.set()
        self.record.await_late()
        self._judge()
        return tally

    def _plot(self) -> None:
        match self.tally.plot:
            case "older ledger":
                self._older_ledger()
            case "copied folder":
                self._two_at_once(stopped=False)
            case "stopped beside a copy":
                self._two_at_once(stopped=True)

    def _older_ledger(self) -> None:
        kept = self.run / "kept.sqlite3"
        if not (self.run / "ledger.sqlite3").exists():
            return
        with (
            closing(sqlite3.connect(self.run / "ledger.sqlite3")) as now,
            closing(sqlite3.connect(kept)) as then,
        ):
            now.backup(then)
        self._kill("SIGKILL")
        for name in ("ledger.sqlite3-wal", "ledger.sqlite3-shm"):
            (self.run / name).unlink(missing_ok=True)
        kept.replace(self.run / "ledger.sqlite3")
        self.restored.append(time.monotonic())

    def _two_at_once(self, *, stopped: bool) -> None:
        """Start the run and a copy of its folder; the first is stopped for longer than a lease lasts, or not."""
        copy = self.run.with_name(f"{self.run.name}-copy")
        shutil.copytree(self.run, copy)
        with self._actor() as one, self._actor() as other:
            first = self._start(self.run, one[1])
            time.sleep(self.dice.uniform(0.0, 1.5))
            if stopped:
                first.send_signal(signal.SIGSTOP)
            second = self._start(copy, other[1])
            if stopped:
                time.sleep(self.dice.uniform(4.0, 7.0))
                first.send_signal(signal.SIGCONT)
            for process, actor in ((first, one[0]), (second, other[0])):
                self._wait(process)
                self.record.ended(actor)
        self.restored.append(time.monotonic())  # what the copy did, this ledger does not know

    def _actor(self) -> Any:
        self._started += 1
        return Named(self.record, f"command {self._started}")

    def _start(self, run: Path, proxy: str, *words: str) -> subprocess.Popen[str]:
        command = words or ("upload", str(run), *OPTIONS)
        where = ("--project", "owner/rehearsal", "--set", self.set_name)
        return subprocess.Popen(
            [sys.executable, "-m", "zoocut", *command, *where],
            env=environment(self.endpoint) | self._way(proxy),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _way(self, proxy: str) -> dict[str, str]:
        """Have half of the runs told of the proxy: the others send as if there were none, which is another path."""
        if self.tally.seed % 4 < 2:
            return {"http_proxy": proxy, "no_proxy": "", "NO_PROXY": ""}
        return redirected(self.endpoint, proxy)

    def _wait(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        left = max(5.0, self.deadline_s - (time.monotonic() - self.began))
        try:
            told, _ = process.communicate(timeout=left)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.tally.notes.append("hung")
            return -9, ""
        code = str(process.returncode)
        self.tally.exits[code] = self.tally.exits.get(code, 0) + 1
        if process.returncode != 0 or "Traceback" in told:
            self.tally.notes.append(f"{code}: {' '.join(told.split())[-300:]}")
        return process.returncode, told

    def _kill(self, how: str) -> None:
        self.tally.kills.append(how)
        with self._actor() as (actor, proxy):
            process = self._start(self.run, proxy)
            self._until_it_is_at_work(process, actor)
            match how:
                case "SIGINT twice":
                    process.send_signal(signal.SIGINT)
                    time.sleep(self.dice.uniform(0.0, 0.3))
                    process.send_signal(signal.SIGINT)
                case "SIGSTOP":
                    process.send_signal(signal.SIGSTOP)
                    time.sleep(self.dice.uniform(0.2, 2.5))
                    process.send_signal(signal.SIGCONT)
                    time.sleep(self.dice.uniform(0.0, 1.0))
                    process.kill()
                case _:
                    process.send_signal(getattr(signal, how))
            self._wait(process)

    def _until_it_is_at_work(self, process: subprocess.Popen[str], actor: str) -> None:
        """Wait for a number of its requests, so that a slow machine is killed at the same points."""
        wanted = self.dice.randint(2, self.latest_kill)
        while process.poll() is None and time.monotonic() - self.began < self.deadline_s:
            if sum(one.actor == actor for one in list(self.record.exchanges)) >= wanted:
                return
            time.sleep(0.01)

    def _finish(self, hands: threading.Event) -> None:
        code, tally = -1, self.tally
        words: tuple[str, ...] = ()
        while code != 0 and time.monotonic() - self.began < self.deadline_s:
            if tally.commands == PATIENT:
                self.mischief.on = False
                hands.set()
            with self._actor() as (_, proxy):
                code, told = self._wait(self._start(self.run, proxy, *words))
            tally.commands += 1
            words, code = self._advised(code, told, words)
        tally.ended = code == 0

    def _advised(self, code: int, told: str, was: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
        """Do as the command says."""
        if was[:1] == ("adopt",):
            return (), -1
        if code == 4 and "zoocut adopt" in told:
            return ("adopt", str(self.run), "--yes"), code
        if code == 3:
            return ("upload", str(self.run), *OPTIONS, "--retry-rejected"), code
        return (), code

    def _judge(self) -> None:
        tally = self.tally
        tally.took_s = round(time.monotonic() - self.began, 1)
        tally.faults = sum(bool(one.fault) for one in self.record.exchanges)
        checksums = {
            row.external_id: [md5_of((self.run / name).read_bytes()) for name in row.locations]
            for row in read_manifest(self.run / "manifest.csv")
        }
        found = audit(self.record.exchanges, checksums, SETTLE_S, self.restored)
        tally.audited = found.counts()
        tally.notes += [*found.made_again_unasked[:3], *found.under_a_linked_subject[:3]]
        tally.notes += [*found.linked_unproved[:3], *found.two_at_once[:3]]
        members = members_of(self.endpoint, self.set_name)
        tally.strays = dict(strays(self.record.exchanges, members, self.restored))
        if tally.ended:
            wrong = asdict(differences(self.endpoint, self.run, self.set_name))
            tally.wrong = {
                name: count for name, count in wrong.items() if name != "strays"
            }  # told by their causes


class Named:
    """An actor's name together with its address."""

    def __init__(self, record: Recorder, name: str) -> None:
        self._name, self._context = name, record.actor(name)

    def __enter__(self) -> tuple[str, str]:
        return self._name, self._context.__enter__()

    def __exit__(self, *what: Any) -> None:
        self._context.__exit__(*what)


def batch(
    kind: type[CampaignRun],
    first: int,
    step: int,
    rows: int,
    deadline_s: float,
    until: float,
    most: int,
    out: str,
) -> int:
    """Make runs on one sandbox after the other, until the time is over."""
    made, seed = 0, first
    while time.time() < until and made < most:
        with running(options=["--url-life", "60", "--quota", "1000000"]) as sandbox:
            for _ in range(RUNS_A_SANDBOX):
                if time.time() >= until or made >= most:
                    break
                with tempfile.TemporaryDirectory() as folder:
                    tally = kind(seed, rows, sandbox.endpoint, Path(folder), deadline_s).go()
                with Path(out).open("a") as file:
                    file.write(json.dumps(asdict(tally)) + "\n")
                print(tally, flush=True)
                made, seed = made + 1, seed + step
    return made


def sums(tallies: list[dict[str, Any]]) -> str:
    """Write the table."""
    total: Counter[str] = Counter()
    for name in ("wrong", "audited"):
        for tally in tallies:
            total.update({f"{name}: {key}": value for key, value in tally[name].items()})
    causes: Counter[str] = Counter()
    exits: Counter[str] = Counter()
    kills: Counter[str] = Counter()
    for tally in tallies:
        causes.update(tally["strays"])
        exits.update(tally["exits"])
        kills.update(tally["kills"])
    lines = [
        f"runs: {len(tallies)} (seeds {min(t['seed'] for t in tallies)} to {max(t['seed'] for t in tallies)})",
        f"plots: {dict(Counter(t['plot'] for t in tallies))}",
        f"kills: {dict(kills)}; commands until the end: {sum(t['commands'] for t in tallies)}; exits: {dict(exits)}",
        f"faults: {sum(t['faults'] for t in tallies)}",
        f"did not end: {[t['seed'] for t in tallies if not t['ended']]}",
        *(f"{name}: {count}" for name, count in sorted(total.items())),
        f"strays by cause: {dict(causes)}",
    ]
    return "\n".join(lines)


def main(kind: type[CampaignRun] = CampaignRun, words: str | None = __doc__) -> None:
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--runs", type=int, default=10_000, help="no more than so many")
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--deadline", type=float, default=120)
    parser.add_argument("--out", default="campaign.jsonl")
    asked = parser.parse_args()
    until = time.time() + 60 * asked.minutes
    Path(asked.out).unlink(missing_ok=True)
    most = -(-asked.runs // asked.workers)
    with ProcessPoolExecutor(asked.workers) as pool:
        waiting = [
            pool.submit(
                batch, kind, asked.seed + n, asked.workers, asked.rows, asked.deadline, until, most, asked.out
            )
            for n in range(asked.workers)
        ]
        for future in waiting:
            future.result()
    print(sums([json.loads(line) for line in Path(asked.out).read_text().splitlines()]))


if __name__ == "__main__":
    main()
