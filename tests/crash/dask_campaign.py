"""Crash campaign of Dask: scheduler and workers in two network namespaces, workers and the client killed at random.

    python tests/crash/dask_campaign.py [--seeds 20] [--loopback] [--out-of-memory]

The scheduler and one worker are in one namespace, the client and two workers in another; a pair of virtual interfaces
joins them, the folder is shared. In each run some workers are killed at random moments, and replaced as a cluster does;
in two of three the client too, and the same command goes on. The run's files must be, byte by byte, those that one
process makes. Namespaces need root; where the machine refuses them everything is on loopback, and that is said.

With --out-of-memory the only worker may have less memory than drawing takes, so that its nanny kills it again and
again; the command must say so, and complete the run when there is one with more.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shares import contents, difference, kill, make_field, zoocut_words

EXPOSURES, SOURCES = 24, 60
LONGEST_S = 12.0
"""Kills are within so many seconds of the first picture: a run takes about as long."""
MOST_CALLS = 6
TOO_LITTLE = "270MB"
"""Enough to start a worker, too little to draw large pictures."""
Process = subprocess.Popen[bytes]


@dataclass
class Network:
    """Where processes run: the words before a command on each of two hosts, and their addresses."""

    far: Sequence[str] = ()
    near: Sequence[str] = ()
    far_address: str = "127.0.0.1"
    near_address: str = "127.0.0.1"
    told: str = "on loopback"


@contextmanager
def namespaces(tag: str) -> Iterator[Network]:
    """Make two network namespaces that a pair of virtual interfaces joins."""
    names = (f"zc{tag}a", f"zc{tag}b")
    addresses = ("10.93.7.1", "10.93.7.2")
    try:
        for name in names:
            ip("netns", "add", name)
        ip(
            "link",
            "add",
            f"v{names[0]}",
            "netns",
            names[0],
            "type",
            "veth",
            "peer",
            "name",
            f"v{names[1]}",
            "netns",
            names[1],
        )
        for name, address in zip(names, addresses, strict=True):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", f"v{name}")
            ip("-n", name, "link", "set", f"v{name}", "up")
            ip("-n", name, "link", "set", "lo", "up")
        far, near = (("ip", "netns", "exec", name) for name in names)
        yield Network(far, near, *addresses, f"in namespaces {names[0]} and {names[1]}")
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, stderr=subprocess.PIPE)


@dataclass
class Cluster:
    """A scheduler and workers; those that die are replaced."""

    folder: Path
    network: Network
    processes: list[Process] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)
    address: str = ""

    def __enter__(self) -> Cluster:
        file = self.folder / "scheduler.json"
        words = ["--host", self.network.far_address, "--port", "0", "--scheduler-file", str(file)]
        self.processes.append(self.start(self.network.far, "scheduler", *words))
        while not (file.exists() and file.read_text().strip()):
            assert self.processes[0].poll() is None
            time.sleep(0.05)
        import json

        self.address = json.loads(file.read_text())["address"]
        return self

    def add_all(self) -> None:
        """Start the workers of a campaign."""
        for place in (self.network.far, self.network.near, self.network.near):
            self.add(place)

    def __exit__(self, *_: object) -> None:
        for process in [*self.workers, *self.processes]:
            kill(process)

    def add(self, place: Sequence[str]) -> None:
        """Start a worker on one of the hosts."""
        address = self.network.far_address if place is self.network.far else self.network.near_address
        words = [self.address, "--host", address, "--nthreads", "1", "--no-nanny"]
        self.workers.append(self.start(place, "worker", *words))

    def start(self, place: Sequence[str], kind: str, *words: str) -> Process:
        command = [*place, sys.executable, "-m", f"distributed.cli.dask_{kind}", *words, "--no-dashboard"]
        with (self.folder / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)

    def lose_one(self, chance: random.Random) -> None:
        """Kill a worker and start another."""
        kill(self.workers.pop(chance.randrange(len(self.workers))))
        self.add(chance.choice((self.network.far, self.network.near)))


def draw(config: Path, run: Path, cluster: Cluster, chance: random.Random) -> str:
    """Draw a run, with kills; tell what was killed, and how many calls it took."""
    words = [*cluster.network.near, *zoocut_words(config, run, "--dask", cluster.address)]
    lost, clients = 0, 0
    kill_client = [chance.random() < 0.67]
    for calls in range(1, MOST_CALLS + 1):
        client = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        await_picture(run, client)
        begun = time.monotonic()
        moments = sorted(chance.uniform(0, LONGEST_S) for _ in range(chance.randint(1, 2)))
        dies = chance.uniform(0, LONGEST_S) if any(kill_client) else float("inf")
        while client.poll() is None:
            now = time.monotonic() - begun
            if moments and now >= moments[0]:
                moments.pop(0)
                cluster.lose_one(chance)
                lost += 1
            if now >= dies:
                kill(client)
                clients += 1
            time.sleep(0.02)
        said = client.communicate()[1].decode()
        kill_client = [False]
        if client.returncode == 0:
            return f"{lost} workers and {clients} clients killed, {calls} calls"
        if client.returncode != -9:
            print(f"  call {calls} ended with {client.returncode}: {said.strip()}", flush=True)
    raise AssertionError(f"not done after {MOST_CALLS} calls")


def await_picture(run: Path, client: Process) -> None:
    before = sum(1 for _ in run.glob("images/*/[0-9]*.png"))
    while client.poll() is None and sum(1 for _ in run.glob("images/*/[0-9]*.png")) <= before:
        time.sleep(0.02)


def campaign(seeds: int, network: Network, folder: Path) -> int:
    """Draw with every seed; return how many runs were not those of one process."""
    config = make_field(folder / "field", EXPOSURES, SOURCES)
    subprocess.run(zoocut_words(config, folder / "whole"), check=True, stdout=subprocess.DEVNULL)
    whole = contents(folder / "whole")
    failed = 0
    with Cluster(folder, network) as cluster:
        cluster.add_all()
        print(f"{network.told}: {EXPOSURES} exposures of {SOURCES} sources", flush=True)
        for seed in range(seeds):
            begun = time.monotonic()
            run = folder / f"run-{seed}"
            told = draw(config, run, cluster, random.Random(seed))
            wrong = difference(run, whole)
            failed += bool(wrong)
            took = f"{time.monotonic() - begun:.0f} s, load {os.getloadavg()[0]:.1f}"
            print(f"seed {seed}: {told}: {wrong or 'same bytes'} ({took})", flush=True)
    print(
        f"{seeds - failed} of {seeds} runs have the bytes of one process ({len(whole)} files), {network.told}"
    )
    return failed


def run_out_of_memory(folder: Path) -> int:
    """Draw with a worker that has too little memory, then with one that has enough; return 0 when all was right."""
    config = make_field(folder / "field", 6, SOURCES)
    large = ("--set", "draw.panel_pix=1200", "--set", "draw.sizes=[30, 60, 90, 120]")
    subprocess.run(zoocut_words(config, folder / "whole", *large), check=True, stdout=subprocess.DEVNULL)
    with Cluster(folder, Network()) as cluster:
        words = zoocut_words(config, folder / "run", *large, "--dask", cluster.address)
        few = [cluster.address, "--nthreads", "1", "--memory-limit", TOO_LITTLE, "--name", "small"]
        cluster.workers.append(cluster.start((), "worker", *few))
        await_workers(cluster.address)
        first = subprocess.run(words, capture_output=True, text=True)
        print(f"memory of {TOO_LITTLE}: exit {first.returncode}: {first.stderr.strip()}")
        cluster.workers[0].terminate()
        cluster.workers.pop().wait()
        cluster.add(())
        await_workers(cluster.address)
        second = subprocess.run(words, capture_output=True, text=True)
        wrong = difference(folder / "run", contents(folder / "whole")) or second.returncode
        print(
            f"with enough of it: exit {second.returncode}: {wrong or 'same bytes'}: {second.stdout.splitlines()[:1]}"
        )
    return int(bool(wrong) or first.returncode != 3 or "for want of memory" not in first.stderr)


def await_workers(address: str) -> None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(1)


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--seeds", type=int, default=20)
    given.add_argument("--loopback", action="store_true")
    given.add_argument("--out-of-memory", action="store_true")
    options = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.out_of_memory:
            return run_out_of_memory(Path(folder))
        if not options.loopback:
            try:
                with namespaces(f"{os.getpid() % 10**6}") as network:
                    return int(campaign(options.seeds, network, Path(folder)) > 0)
            except (subprocess.CalledProcessError, FileNotFoundError) as error:
                print(f"this machine refuses network namespaces ({error}): on loopback instead")
        return int(campaign(options.seeds, Network(), Path(folder)) > 0)


if __name__ == "__main__":
    sys.exit(main())
