"""What it costs to draw a run with others: Dask's workers, sixteen shares, and a worker that is lost.

    python tests/bench/shared_drawing.py [cpu] [merge] [lost]

cpu: user and system time of all processes, two Dask workers against `-j 2`, in turns; at most 1.1 times.
merge: the call that puts sixteen shares together against the CPU time of drawing them; at most 5 %.
lost: exposures that were drawn twice because a worker was killed in mid-run; at most the one that it was drawing.
Figures are CPU time, which other work on the machine alters less than the clock; the load is printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "crash"))

from shares import contents, make_field, zoocut_words

TURNS = 3
SHARES = 16
FEW = "1000"
LOST_AMONG = 3000
EXPOSURES, SOURCES = 40, 300


def adopt_orphans() -> None:
    """Let processes whose parents end become this one's, so that their time is counted: Linux's child subreaper."""
    import ctypes

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER of linux/prctl.h


def cpu_s(words: list[str]) -> float:
    """Run a command to its end; return the CPU time of it and of all processes that it started."""
    before = os.times()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def compare_cpu(config: Path, folder: Path) -> None:
    """Print CPU of `--dask local:2` and of `-j 2`, in turns; what a few sources take is told as the start."""
    ratios, without_start = [], []
    for turn in range(TURNS):
        used, start = {}, {}
        for name, more in (("jobs", ("-j", "2")), ("dask", ("--dask", "local:2"))):
            start[name] = cpu_s(zoocut_words(config, folder / f"{name}-few-{turn}", *more, "--limit", FEW))
            used[name] = cpu_s(zoocut_words(config, folder / f"{name}-{turn}", *more))
        same = contents(folder / f"dask-{turn}") == contents(folder / f"jobs-{turn}")
        ratios.append(used["dask"] / used["jobs"])
        without_start.append((used["dask"] - start["dask"]) / (used["jobs"] - start["jobs"]))
        told = ", ".join(f"{name} {used[name]:.1f} s, of it {start[name]:.1f} s to start" for name in used)
        print(
            f"turn {turn}: {told}: {ratios[-1]:.3f}, without the start {without_start[-1]:.3f}; same: {same}"
        )
    rows, whole = EXPOSURES * SOURCES, statistics.median(ratios)
    rest = statistics.median(without_start)
    print(
        f"cpu: Dask's two workers {whole:.3f} times -j 2 for {rows} sources, {rest:.3f} beside the start",
        load(),
    )


def compare_merge(config: Path, folder: Path) -> None:
    """Print CPU of the call that puts shares together, what starting takes apart, and of drawing them."""
    run = folder / "shares"
    drawing = sum(cpu_s(zoocut_words(config, run, "--part", f"{n}/{SHARES}")) for n in range(1, SHARES + 1))
    one = cpu_s(zoocut_words(config, folder / "one"))
    merging = cpu_s(zoocut_words(config, run))
    again = cpu_s(zoocut_words(config, run))
    print(f"merge: {merging:.2f} s CPU; drawing {drawing:.1f} s in {SHARES} shares, {one:.1f} s in one call")
    print(
        f"merge: {merging / drawing:.1%} of the shares' drawing, {merging / one:.1%} of one call's; "
        f"a call that finds nothing to do takes {again:.2f} s",
        load(),
    )


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and two workers on loopback."""
    file = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "distributed.cli.dask_"]

    def start(kind: str, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*dask[:-1], dask[-1] + kind, *words, "--no-dashboard"], cwd=folder, **quiet)

    started = [start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))]
    while not (file.exists() and file.read_text().strip()):
        time.sleep(0.05)
    address = json.loads(file.read_text())["address"]
    workers = [start("worker", address, "--nthreads", "1", "--no-nanny") for _ in range(2)]
    await_workers(address, 2)
    try:
        yield address, workers
    finally:
        for process in [*workers, *started]:
            process.kill()
            process.wait()


def await_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(count)


def count_drawn_twice(config: Path, folder: Path) -> None:
    """Print how many exposures are drawn a second time when one of two workers is killed."""
    run, some = folder / "lost", ("--limit", str(LOST_AMONG))
    cpu_s(zoocut_words(config, folder / "some", *some))
    with cluster(folder) as (address, workers):
        words = zoocut_words(config, run, "--dask", address, *some)
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(written(run)) < LOST_AMONG // 3:
            time.sleep(0.1)
        assert process.poll() is None, "it ended before a worker could be lost"
        workers[0].kill()
        workers[0].wait()
        before = written(run)
        process.wait()
    after = written(run)
    twice = [name for name, at_ns in before.items() if after[name] != at_ns]
    exposures = {(int(name.split(".")[0]) - 2**60) // 1000 for name in twice}
    same = contents(run) == contents(folder / "some")
    told = f"{len(exposures)} of {LOST_AMONG // SOURCES} exposures drawn twice ({len(twice)} of {len(after)} pictures)"
    print(f"lost: killed at {len(before)}: {told}, same: {same}", load())


def written(run: Path) -> dict[str, int]:
    """Tell when each picture of a run was written; one that is written anew has another time."""
    return {path.name: path.stat().st_mtime_ns for path in run.glob("images/*/[0-9]*.png")}


def load() -> str:
    return f"(load {os.getloadavg()[0]:.1f})"


def main(asked: list[str]) -> None:
    adopt_orphans()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = make_field(folder / "field", EXPOSURES, SOURCES)
        for word, figure in (("cpu", compare_cpu), ("merge", compare_merge), ("lost", count_drawn_twice)):
            if not asked or word in asked:
                figure(config, folder)
                sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
