"""How fast cutouts are made, beside a floor, the program that zoocut replaces, matplotlib, and other packages.

`python tests/bench/cutouts.py` prints its tables; `--quick` takes a minute. Every contestant runs in a process of its
own that lives as long as the bench; they take turns, and medians and minima (in brackets) of their turns are told, in
processor time (user and system) and on the wall. Imports and what is prepared once are not counted, whole runs are.

- `--replaced FILE`: LSST's plotImageSubtractionCutouts.py.
- `--peers PYTHON`: an interpreter with cutana, fitsbolt and astrocut, which ask for other versions of common packages:
  `python -m venv peers; peers/bin/pip install cutana fitsbolt astrocut`.
- `--packets FOLDER`: a folder with ZTF packets; 400 copies of them under ids of their own are drawn.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "drawing"
sys.path.insert(0, str(HERE))

import simulated  # noqa: E402

VERSIONS = ("zoocut", "numpy", "astropy", "fitsio", "fastavro", "isal", "matplotlib")
PEERS = ("cutana", "fitsbolt", "astrocut")
DRAWN = {"plain": ((30,), False), "annotated": ((30,), True), "two sizes": ((30, 60), False)}
READERS = {"raw": ("map",), "gzip2": ("fitsio", "astropy"), "rice": ("fitsio", "astropy")}
PR_SET_CHILD_SUBREAPER = 36
FEW = 25
"""Sources that contestants which take a tenth of a second for one are given."""


@dataclass
class Turns:
    """Seconds that one contestant took, turn by turn."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    note: object = None

    def told(self, count: int) -> str:
        """Write microseconds a source: median and minimum of processor time, then of the wall."""
        each = [[1e6 * seconds / count for seconds in several] for several in (self.cpu, self.wall)]
        return "   ".join(f"{statistics.median(one):8.0f} ({min(one):8.0f})" for one in each)


class Contestant:
    """A process that takes jobs."""

    def __init__(self, module: str, python: str, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [python, str(HERE / "worker.py"), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environment},
        )

    def take(self, job: Mapping[str, Any], turns: Turns) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or "null")
        if answer is None:
            raise SystemExit(f"{self.process.args} has ended: run it by hand to see why")
        turns.wall.append(answer["wall"])
        turns.cpu.append(answer["cpu"])
        turns.note = answer["note"]

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Bench:
    """What all parts share."""

    folder: Path
    frames: simulated.Field
    options: argparse.Namespace
    contestants: dict[str, Contestant]
    number: int = 0

    def fresh(self) -> str:
        """Name a folder that is not there."""
        self.number += 1
        return str(self.folder / "runs" / str(self.number))

    def job(self, **more: Any) -> dict[str, Any]:
        return {"field": str(self.frames.folder), "side": self.frames.side, **more}

    def take_turns(
        self, jobs: Mapping[str, tuple[str, dict[str, Any]]], turns: int, cold: bool = False
    ) -> dict[str, Turns]:
        """Give each named job to its contestant in turn, so many times; the first turn is not counted."""
        found: dict[str, Turns] = defaultdict(Turns)
        for turn in range(turns + (not cold)):
            for name, (contestant, job) in jobs.items():
                if cold:
                    forget(self.frames.folder.glob("*.fits"))
                counted = found[name] if turn or cold else Turns()
                self.contestants[contestant].take({**job, "run": self.fresh()}, counted)
        return found


def forget(paths: Iterator[Path]) -> None:
    """Let the system drop files from its cache, once they are on disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def show(title: str, count: Mapping[str, int] | int, turns: Mapping[str, Turns], against: str) -> None:
    """Print what each contestant took, and how that compares with one of them."""
    counts = count if isinstance(count, Mapping) else dict.fromkeys(turns, count)
    base = turns[against]
    for name, one in turns.items():
        shares = [
            f"{pick(one.cpu) / counts[name] / (pick(base.cpu) / counts[against]):7.2f}"
            for pick in (statistics.median, min)
        ]
        walls = statistics.median(one.wall) / counts[name] / (statistics.median(base.wall) / counts[against])
        print(
            f"{title:26s} {name:18s} {one.told(counts[name])}   {shares[0]} ({shares[1]})  {walls:7.2f}",
            flush=True,
        )


def drawing(bench: Bench) -> None:
    """Draw stamps in memory to PNG in memory."""
    quick = bench.options.quick
    counts = {"zoocut": 256, "matplotlib": 4 if quick else 20, "replaced": 2 if quick else 6}
    for name, (sizes, annotated) in DRAWN.items():
        jobs = {
            one: (one, bench.job(kind="draw", sizes=sizes, annotated=annotated, count=counts[one]))
            for one in counts
            if one in bench.contestants
        }
        turns = bench.take_turns(jobs, 2 if quick else 5)
        show(f"drawing, {name}", counts, turns, "zoocut")
        print(f"{'':26s} bytes a picture: {', '.join(f'{one} {turns[one].note}' for one in jobs)}")


def whole_runs(bench: Bench) -> None:
    """Generate a run of one exposure, beside reading the bytes needed and writing the same files."""
    quick = bench.options.quick
    for storage, readers in READERS.items():
        for count in (200,) if quick else (20, 200, 2000):
            config = simulated.write_config(bench.frames, storage, count, bench.folder / f"{storage}{count}")
            run = bench.job(kind="run", config=str(config))
            wrote = {**run, "run": bench.fresh()}
            bench.contestants["zoocut"].take(wrote, Turns())
            jobs = {"zoocut": ("zoocut", run)}
            for reader in readers:
                floor = bench.job(storage=storage, reader=reader, count=count, wrote=wrote["run"])
                jobs[f"floor, {reader}"] = ("floor", floor)
            for cold in (False,) if quick else (False, True):
                turns = bench.take_turns(jobs, 2 if quick else 3, cold)
                lowest = min(
                    (name for name in jobs if name != "zoocut"), key=lambda name: min(turns[name].cpu)
                )
                show(f"run, {storage} {count}{' cold' if cold else ''}", count, turns, lowest)


def packets(bench: Bench) -> None:
    """Generate from ZTF packets, beside decoding them once."""
    survey = bench.options.packets
    if not any(survey.glob("*.avro")):
        print(f"packets: left out, {survey} has none")
        return
    count = 100 if bench.options.quick else 400
    config = simulated.write_packets(survey, bench.folder / "packets", count)
    run = bench.job(kind="run", config=str(config), storage="packets", wrote="")
    jobs = {"zoocut": ("zoocut", run), "fastavro, decoding": ("floor", run)}
    show(
        f"packets, ZTF {count}",
        count,
        bench.take_turns(jobs, 2 if bench.options.quick else 5),
        "fastavro, decoding",
    )


def peers(bench: Bench) -> None:
    """Cut and normalise to 8 bits in memory."""
    here = [name for name in PEERS if name in bench.contestants]
    if not here:
        print("peers: left out, give --peers the interpreter that has them")
        return
    quick = bench.options.quick
    for storage in READERS:
        for count in (200,) if quick else (200, 2000):
            config = simulated.write_config(
                bench.frames, storage, count, bench.folder / f"peers {storage}{count}"
            )
            for interval in ("zscale", "minmax"):
                job = bench.job(
                    kind="cut", config=str(config), storage=storage, count=count, interval=interval, few=FEW
                )
                names = [
                    "zoocut",
                    *(name for name in here if name != "astrocut" or (count == 200 and interval == "minmax")),
                ]
                turns = bench.take_turns({name: (name, job) for name in names}, 1 if quick else 3)
                show(
                    f"cut, {storage} {count} {interval}",
                    {**dict.fromkeys(names, count), "astrocut": FEW},
                    turns,
                    "zoocut",
                )


def processes(bench: Bench) -> None:
    """Run the command with one process and with two; what is told is the whole command, imports and all."""
    adopt_orphans()
    for count in (200,) if bench.options.quick else (200, 2000, 20000):
        config = simulated.write_config(
            bench.frames, "raw", count // 10, bench.folder / f"jobs{count}", exposures=10
        )
        turns: dict[str, Turns] = {"-j 1": Turns(), "-j 2": Turns()}
        for _ in range(1 if bench.options.quick else 3):
            for jobs, one in turns.items():
                before, start = os.times(), time.perf_counter()
                words = [
                    sys.executable,
                    "-m",
                    "zoocut",
                    "generate",
                    str(config),
                    "-o",
                    bench.fresh(),
                    *jobs.split(),
                ]
                subprocess.run(words, check=True, capture_output=True)
                one.wall.append(time.perf_counter() - start)
                await_orphans([*bench.contestants.values()])
                after = os.times()
                spent = after.children_user + after.children_system
                one.cpu.append(spent - before.children_user - before.children_system)
        show(f"command, raw {count}", count, turns, "-j 1")


def adopt_orphans() -> None:
    """Become the parent of what a command leaves behind: the server of its workers, which has their processor time."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def await_orphans(others: Sequence[Contestant]) -> None:
    """Wait until no child is left but some."""
    kept = {other.process.pid for other in others}
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while orphans := {int(word) for word in children.read_text().split()} - kept:
        for orphan in orphans:
            os.waitpid(orphan, 0)


def memory(bench: Bench) -> None:
    """Tell the largest memory of a run."""
    script = (
        "import resource, sys; from pathlib import Path; from zoocut.config.load import load; "
        "from zoocut.generating import generate; generate(load(Path(sys.argv[1])), Path(sys.argv[2])); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    planes_mb = 3 * bench.frames.side**2 * 4 / 2**20
    for count in (200,) if bench.options.quick else (200, 2000, 20000):
        config = simulated.write_config(bench.frames, "gzip2", count, bench.folder / f"memory{count}")
        words = [sys.executable, "-c", script, str(config), bench.fresh()]
        peak = float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        print(
            f"{'memory, gzip2 ' + str(count):26s} {peak:.0f} MB at most (planes of an exposure: {planes_mb:.0f} MB)"
        )


PARTS = {one.__name__: one for one in (drawing, whole_runs, packets, peers, processes, memory)}


def contestants(options: argparse.Namespace, stack: ExitStack) -> dict[str, Contestant]:
    """Start every contestant that is there."""
    wanted = {"zoocut": sys.executable, "floor": sys.executable, "matplotlib": sys.executable}
    if options.replaced is not None:
        wanted["replaced"] = sys.executable
    if options.peers is not None:
        wanted |= {name: options.peers for name in PEERS if has_module(options.peers, name)}
    environment = {
        "ZOOCUT_BENCH_REPLACED": str(options.replaced),
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
    }
    return {
        name: stack.enter_context(Contestant(f"by_{name}", python, environment))
        for name, python in wanted.items()
    }


def has_module(python: str, name: str) -> bool:
    found = subprocess.run([python, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0
    if not found:
        print(f"{name}: left out, {python} cannot import it")
    return found


def told_versions(options: argparse.Namespace) -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for name in VERSIONS:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} not installed"
    if options.peers is not None:
        script = f"from importlib.metadata import version; print(*(n + ' ' + version(n) for n in {PEERS!r}), sep=', ')"
        yield subprocess.run(
            [options.peers, "-c", script], capture_output=True, text=True, check=False
        ).stdout.strip()


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small frames, few turns: a minute's look")
    parser.add_argument("--side", type=int, help="width of the simulated frames")
    parser.add_argument(
        "--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="the parts to run"
    )
    parser.add_argument("--replaced", type=Path, help="LSST's plotImageSubtractionCutouts.py")
    parser.add_argument("--peers", help="an interpreter with cutana, fitsbolt and astrocut")
    parser.add_argument("--packets", type=Path, default=Path(__file__).parents[3] / "shared" / "data" / "ztf")
    parser.add_argument("--folder", type=Path, help="where to work: on the disk that is to be measured")
    return parser.parse_args(arguments)


def main() -> None:
    options = read_options()
    print("; ".join(told_versions(options)))
    with (
        tempfile.TemporaryDirectory(prefix="zoocut-bench-", dir=options.folder) as name,
        ExitStack() as stack,
    ):
        folder = Path(name)
        (folder / "runs").mkdir()
        frames = simulated.simulate(folder / "frames", options.side or (1024 if options.quick else 4096))
        bench = Bench(folder, frames, options, contestants(options, stack))
        print(
            "microseconds a source: CPU median (minimum), wall median (minimum); then both over the one compared with"
        )
        for part in options.only:
            print(f"-- {part}, load {os.getloadavg()[0]:.1f}", flush=True)
            PARTS[part](bench)
        print(f"-- load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
