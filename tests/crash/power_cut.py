"""Cut the power at every write of a small `zoocut generate`, and run the same command again.

Run: python tests/crash/power_cut.py [--quick] [--scenario fresh grown shares ledger lost]

The system calls of a real run are recorded with strace. Replayed up to each of them they give what a disk may hold
after a power cut there, by four models:

    written   everything that was written so far, the last write by half
    named     every name, but of each file only what was synced: renames without data leave empty files
    synced    only names and data that were synced
    mixed     of names and data that were not synced any part, by chance

On each of these folders the same command runs again. No picture that a manifest names may be another than the
undisturbed run's, before or after, and the end must be the same manifest, record and pictures.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

CALLS = (
    "openat,open,creat,write,pwrite64,writev,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,"
    "ftruncate,fsync,fdatasync,syncfs,sync,lseek"
)
MODELS = ("written", "named", "synced", "mixed")
FIRST_MTIME_NS = 1_700_000_000_000_000_000


# ---------------------------------------------------------------- recording


@dataclass(frozen=True)
class Call:
    """A system call that succeeded, with its arguments as strace prints them."""

    name: str
    args: str
    result: int
    opened: str = ""


LINE = re.compile(r"^(\d+)\s+(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)$")
ENDED = re.compile(r"^(.*)\)\s+= (-?\d+)(?:<(.*?)>)?(?: .*)?$")
UNFINISHED = " <unfinished ...>"
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
DESCRIPTOR = re.compile(r"^(\d+)<([^>]*)>")
AT = re.compile(r'(?:AT_FDCWD(?:<([^>]*)>)?|\d+<([^>]*)>), "')


def plain(text: str) -> str:
    return os.fsdecode(raw(text)) if "\\x" in text else text


def raw(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def read_log(path: Path) -> Iterator[Call]:
    """Read what strace wrote; a call that another thread's interrupts counts when it ends."""
    begun: dict[str, str] = {}
    with path.open(errors="surrogateescape") as lines:
        for text in lines:
            found = LINE.match(text)
            if found is None:
                continue
            process, name, rest = found.groups()
            if rest.endswith(UNFINISHED):
                begun[process] = rest.removesuffix(UNFINISHED)
                continue
            ended = ENDED.match(begun.pop(process, "") + rest if " resumed>" in text else rest)
            if ended is not None and int(ended[2]) >= 0:
                yield Call(name, ended[1], int(ended[2]), plain(ended[3] or ""))


def record(command: Sequence[object], log: Path) -> list[Call]:
    """Run a command to its end and return what it asked of the system."""
    strace = ["strace", "-f", "-y", "-xx", "-s", "16777216", "-o", log, "-e", f"trace={CALLS}"]
    done = subprocess.run(list(map(str, [*strace, *command])), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(read_log(log))


# ---------------------------------------------------------------- replaying


@dataclass
class Inode:
    """A file: what it holds, and what of it is on disk."""

    live: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    before: int | None = None
    """How long it was before the last write."""
    written_at: int = 0


Entries = dict[str, Inode | None]
"""Paths to files; None stands for a folder."""
Change = dict[str, Inode | bool | None]
"""What one call does to names: a path's new file or folder, False for none."""


class Disk:
    """The folder `base` as system calls leave it, and what a power cut would leave of it."""

    def __init__(self, base: Path) -> None:
        self.base = f"{base}/"
        self.names: Entries = {}
        self.on_disk: Entries = {}
        self.pending: list[Change] = []
        self.offsets: dict[int, int] = {}
        self.last: Inode | None = None
        for path in sorted(base.rglob("*")):
            inode = None if path.is_dir() else Inode(bytearray(path.read_bytes()), path.read_bytes())
            self.names[str(path.relative_to(base))] = inode
        self.on_disk = dict(self.names)

    def take(self, call: Call, at: int) -> bool:
        """Do what a call did; tell whether it was about this folder and changed something."""
        self.last = None
        handler = getattr(self, f"_{call.name}", None)
        return bool(handler and handler(call, at))

    def _inside(self, path: str) -> str | None:
        path = os.path.normpath(path)
        return path.removeprefix(self.base) if path.startswith(self.base) else None

    def _paths(self, call: Call) -> list[str | None]:
        folders = [plain(one or other) for one, other in AT.findall(call.args)]
        names = [plain(text) for text in STRING.findall(call.args)]
        folders += [os.getcwd()] * (len(names) - len(folders))
        return [self._inside(os.path.join(*pair)) for pair in zip(folders, names, strict=True)]

    def _file(self, call: Call) -> tuple[int, Inode | None]:
        found = DESCRIPTOR.match(call.args)
        assert found is not None, call
        name = self._inside(plain(found[2]))
        return int(found[1]), None if name is None else self.names.get(name)

    def _change(self, change: Change) -> bool:
        _apply(self.names, change)
        self.pending.append(change)
        return True

    def _openat(self, call: Call, at: int) -> bool:
        self.offsets[call.result] = 0
        name = self._inside(call.opened)
        if name is None:
            return False
        if "O_CREAT" in call.args and name not in self.names:
            return self._change({name: Inode(written_at=at)})
        inode = self.names.get(name)
        if "O_TRUNC" in call.args and inode is not None and inode.live:
            inode.live.clear()
            return True
        return False

    _open = _openat

    def _write(self, call: Call, at: int) -> bool:
        number, inode = self._file(call)
        offset = self.offsets.get(number, 0)
        if inode is None:
            return False
        content = b"".join(map(raw, STRING.findall(call.args)))[: call.result]
        assert len(content) == call.result, call
        inode.before = len(inode.live)
        inode.live[offset : offset + len(content)] = content
        inode.written_at = at
        self.offsets[number] = offset + len(content)
        self.last = inode
        return True

    _writev = _write

    def _pwrite64(self, call: Call, at: int) -> bool:
        number, _ = self._file(call)
        self.offsets[number] = int(call.args.rpartition(",")[2])
        return self._write(call, at)

    def _lseek(self, call: Call, at: int) -> bool:
        number, _ = self._file(call)
        self.offsets[number] = call.result
        return False

    def _ftruncate(self, call: Call, at: int) -> bool:
        _, inode = self._file(call)
        if inode is None:
            return False
        size = int(call.args.rpartition(",")[2])
        inode.live[:] = inode.live[:size].ljust(size, b"\0")
        return True

    def _rename(self, call: Call, at: int) -> bool:
        old, new = self._paths(call)
        if old is None or new is None:
            return False
        moved: Change = {old: False, new: self.names[old]}
        below = [name for name in self.names if name.startswith(f"{old}/")]
        for name in below:
            moved |= {name: False, new + name[len(old) :]: self.names[name]}
        return self._change(moved)

    _renameat = _renameat2 = _rename

    def _link(self, call: Call, at: int) -> bool:
        old, new = self._paths(call)
        return old is not None and new is not None and self._change({new: self.names[old]})

    _linkat = _link

    def _unlink(self, call: Call, at: int) -> bool:
        (name,) = self._paths(call)
        return name is not None and name in self.names and self._change({name: False})

    _unlinkat = _rmdir = _unlink

    def _mkdir(self, call: Call, at: int) -> bool:
        (name,) = self._paths(call)
        return name is not None and self._change({name: None})

    _mkdirat = _mkdir

    def _fsync(self, call: Call, at: int) -> bool:
        found = DESCRIPTOR.match(call.args)
        assert found is not None
        path = plain(found[2])
        name = self._inside(path)
        inode = None if name is None else self.names.get(name)
        if inode is not None:
            inode.synced = bytes(inode.live)
        elif os.path.normpath(path) + "/" == self.base or name in self.names:
            self._sync_folder(name or "")
        return name is not None

    _fdatasync = _fsync

    def _sync_folder(self, folder: str) -> None:
        kept = []
        for change in self.pending:
            here = {name: to for name, to in change.items() if os.path.dirname(name) == folder}
            _apply(self.on_disk, here)
            left = {name: to for name, to in change.items() if name not in here}
            kept += [left] if left else []
        self.pending = kept

    def _syncfs(self, call: Call, at: int) -> bool:
        for inode in self.names.values():
            if inode is not None:
                inode.synced = bytes(inode.live)
        self.on_disk, self.pending = dict(self.names), []
        return True

    _sync = _syncfs

    def after_a_cut(self, model: str, chance: random.Random) -> dict[str, tuple[bytes, int] | None]:
        """Return what is there after a power cut now: the bytes and the time of every file, None for folders."""
        names: Entries = dict(self.on_disk)
        for change in self.pending:
            if model in ("written", "named") or (model == "mixed" and chance.random() < 0.5):
                _apply(names, change)
        there = {}
        for name, inode in sorted(names.items()):
            if not all(str(folder) in names for folder in list(Path(name).parents)[:-1]):
                continue  # in a folder that is not there
            there[name] = None if inode is None else (self._held(inode, model, chance), inode.written_at)
        return there

    def _held(self, inode: Inode, model: str, chance: random.Random) -> bytes:
        if model == "written":
            before = inode.before if inode is self.last and inode.before is not None else len(inode.live)
            return bytes(inode.live[: (before + len(inode.live)) // 2])
        if model == "mixed" and inode.synced != inode.live:
            return chance.choice([inode.synced, bytes(inode.live), bytes(inode.live[: len(inode.live) // 2])])
        return inode.synced


def _apply(names: Entries, change: Mapping[str, Inode | bool | None]) -> None:
    for name, to in change.items():
        if to is False:
            names.pop(name, None)
        elif to is None or isinstance(to, Inode):
            names[name] = to


def lay_out(there: Mapping[str, tuple[bytes, int] | None], folder: Path) -> None:
    """Write a disk's files into a folder, each as old as it was."""
    folder.mkdir(parents=True)
    for name, held in there.items():
        path = folder / name
        if held is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        content, at = held
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        time_ns = FIRST_MTIME_NS + 1_000_000 * at
        os.utime(path, ns=(time_ns, time_ns))


# ---------------------------------------------------------------- the small run


def make_field(folder: Path) -> Path:
    """Make frames of two exposures, tables of their sources, and a configuration for each."""
    import numpy as np
    from astropy.io import fits
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150.0, -30.0], [60, 60], [-1e-4, 1e-4]
    rng = np.random.default_rng(5)
    rows = []
    folder.mkdir(parents=True)
    for visit in (7, 8):
        for plane in ("template", "science", "difference"):
            pixels = rng.normal(100, 10, (120, 120)).astype(np.float32)
            fits.writeto(folder / f"{visit}_{plane}.fits", pixels, wcs.to_header())
        sky = wcs.pixel_to_world_values(*rng.uniform(30, 90, (2, 4)))
        rows += [
            f"{2**60 + 10 * visit + n},{ra},{dec},{visit},g"
            for n, (ra, dec) in enumerate(zip(*sky, strict=True))
        ]
    for name, some in (("zoocut", rows), ("first", rows[:3] + rows[5:6])):
        (folder / f"{name}.csv").write_text("\n".join(["diaSourceId,ra,dec,visit,band", *some]) + "\n")
        planes = "\n".join(f'{p} = "{{visit}}_{p}.fits"' for p in ("template", "science", "difference"))
        (folder / f"{name}.toml").write_text(
            f'[catalog]\nkind = "table"\npath = "{name}.csv"\n[images]\nkind = "frames"\n{planes}\n'
            '[draw]\nchunk_size = 10\n[manifest]\nurl_root = "https://host.org/x"\n'
        )
    return folder


def generate(config: Path, run: Path, *options: object) -> list[object]:
    return [sys.executable, "-m", "zoocut", "generate", config, "-o", run, "-q", *options]


def make_ledger(run: Path) -> None:
    """Let the run have a ledger, which then knows its id."""
    from zoocut.ledger import Ledger

    with Ledger.open(run / "ledger.sqlite3", identity(run)):
        pass


def identity(run: Path) -> str:
    return str(tomllib.loads((run / "run.toml").read_text())["run"]["id"])


def set_up(scenario: str, field_of: Path, run: Path) -> list[object]:
    """Bring a run to where the recorded command begins; return that command."""
    whole = field_of / "zoocut.toml"
    earlier: list[list[object]] = {
        "fresh": [],
        "grown": [generate(field_of / "first.toml", run)],
        "shares": [generate(whole, run, "--part", part) for part in ("1/2", "2/2")],
        "ledger": [generate(field_of / "first.toml", run)],
        "lost": [generate(field_of / "first.toml", run)],
    }[scenario]
    for command in earlier:
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
    if scenario == "ledger":
        make_ledger(run)
    if scenario == "lost":
        for picture in sorted(run.glob("images/**/*.png"))[:2]:
            picture.unlink()
    return generate(whole, run)


# ---------------------------------------------------------------- judging


@dataclass(frozen=True)
class Undisturbed:
    """What a run must be in the end."""

    files: Mapping[str, bytes]
    manifests: frozenset[bytes]
    """What `manifest.csv` may be at any time: the one before, and the last one."""
    record: object
    run_id: str | None
    """None where the command makes the run, and so its id."""
    lost: frozenset[str] = frozenset()
    """Pictures that the manifest names and that were lost before the command began."""


def contents(run: Path) -> dict[str, bytes]:
    names = ("manifest.csv", "manifest-urls.csv", "rejected.csv")
    files = [run / name for name in names] + sorted(run.glob("images/**/*.png"))
    return {str(path.relative_to(run)): path.read_bytes() for path in files if path.exists()}


def record_of(run: Path) -> object:
    import pyarrow.parquet as pq

    return pq.read_table(run / "sources.parquet").to_pylist()


def bad_pictures(run: Path, wanted: Undisturbed) -> list[str]:
    """Name the pictures that the manifest names and that are not those of the undisturbed run."""
    manifest = run / "manifest.csv"
    if not manifest.exists():
        return []
    content = manifest.read_bytes()
    if content not in wanted.manifests:
        return [f"manifest.csv is none of those that were written: {content[:200]!r}"]
    named = re.findall(r"images/[^,\n]*\.png", content.decode())
    return [
        name
        for name in named
        if name not in wanted.lost
        and not ((run / name).is_file() and (run / name).read_bytes() == wanted.files[name])
    ]


def judge(run: Path, config: Path, wanted: Undisturbed) -> str:
    """Look at what a power cut left, and run the command again; tell what is wrong, nothing where all is well."""
    bad = bad_pictures(run, wanted)
    return (
        f"before the second call the manifest names bad pictures: {bad}"
        if bad
        else again(run, config, wanted)
    )


def again(run: Path, config: Path, wanted: Undisturbed) -> str:
    """Run the command again; tell in what the run differs from the undisturbed one then."""
    from zoocut.config.load import load
    from zoocut.errors import ZoocutError
    from zoocut.generating import generate as generate_here

    try:
        generate_here(load(config), run)
    except ZoocutError as error:
        return f"the second call ends with {type(error).__name__}: {error}"
    found = contents(run)
    names = wanted.files.keys() | found.keys()
    if differing := [name for name in names if wanted.files.get(name) != found.get(name)]:
        return f"after the second call these differ: {differing}"
    if record_of(run) != wanted.record:
        return "after the second call sources.parquet differs"
    if wanted.run_id not in (None, identity(run)):
        return f"the run's id was {wanted.run_id} and is {identity(run)}"
    left = [path.name for path in run.rglob("*") if path.name.endswith(".zoocut-part")]
    return f"temporary files are left: {left}" if left else ""


@dataclass
class Outcome:
    """What a scenario showed."""

    calls: int = 0
    states: int = 0
    faults: list[str] = field(default_factory=list)


def cut_everywhere(
    scenario: str, folder: Path, every: int = 1, models: Sequence[str] = MODELS, seed: int = 1
) -> Outcome:
    """Record a scenario and try what a power cut leaves at every `every`th of its calls."""
    field_of, base = make_field(folder / "field"), folder / "recorded"
    base.mkdir()
    run = base / "run"
    command = set_up(scenario, field_of, run)
    manifests = {p.read_bytes() for p in run.glob("manifest.csv")}
    run_id = identity(run) if run.exists() else None
    disk, before = Disk(base), contents(run).keys()
    calls = record(command, folder / "strace.log")
    files = contents(run)
    lost = frozenset(
        name for name in files.keys() - before if any(name.encode() in content for content in manifests)
    )
    wanted = Undisturbed(
        files, frozenset({*manifests, (run / "manifest.csv").read_bytes()}), record_of(run), run_id, lost
    )
    outcome, tried, number = Outcome(), set[str](), count()
    chance = random.Random(seed)
    for at, call in enumerate(calls):
        if not disk.take(call, at + 1):
            continue
        outcome.calls += 1
        if outcome.calls % every:
            continue
        for model in models:
            there = disk.after_a_cut(model, chance)
            state = hashlib.sha256(repr(there).encode()).hexdigest()
            if state in tried:
                continue
            tried.add(state)
            left = folder / f"cut-{next(number)}"
            lay_out(there, left)
            fault = judge(left / "run", field_of / "zoocut.toml", wanted)
            outcome.states += 1
            if fault:
                outcome.faults.append(f"{scenario}, {model}, call {at} {call.name} {call.args[:80]}: {fault}")
            else:
                shutil.rmtree(left)
    _require_faithful(disk, base)
    return outcome


def _require_faithful(disk: Disk, base: Path) -> None:
    """The replay must have come to what is really there, else it has shown nothing."""
    real = {str(p.relative_to(base)): None if p.is_dir() else p.read_bytes() for p in base.rglob("*")}
    replayed = {name: None if inode is None else bytes(inode.live) for name, inode in disk.names.items()}
    assert real == replayed, sorted(real.keys() ^ replayed.keys()) or "contents differ"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="every seventh call only")
    parser.add_argument("--scenario", nargs="+", default=["fresh", "grown", "shares", "ledger", "lost"])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    faults = []
    for scenario in args.scenario:
        folder = Path(tempfile.mkdtemp(prefix=f"power-cut-{scenario}-"))
        outcome = cut_everywhere(scenario, folder, 7 if args.quick else 1, seed=args.seed)
        print(
            f"{scenario}: {outcome.calls} calls, {outcome.states} different folders, {len(outcome.faults)} faults"
        )
        faults += outcome.faults
        if not outcome.faults:
            shutil.rmtree(folder)
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
