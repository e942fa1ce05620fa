"""Each extra alone: a fresh environment with it, and a command that goes further there than without it.

`python tests/extras.py [WHEEL]` needs uv; without a wheel the checkout is installed. A line is printed for each extra:
packages, size, the code that the command ended with in the plain environment and with the extra.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOWHERE = "127.0.0.1:9"
"""Nothing answers there: what a driver says of it shows that the driver is there."""

MISSING = "Z103"
"""The code of a package that is not installed."""

STAMPS = '[images]\nkind = "stamps"\n'
BUTLER = (
    '[catalog]\nkind = "butler"\nrepository = "{}"\ncollections = ["night"]\ndataset_type = "tables"\n'
    + STAMPS
)


@dataclass
class Environment:
    """A virtual environment and a folder to work in."""

    path: Path
    work: Path

    def run(self, *words: str) -> tuple[int, str]:
        """Run one of its programs; return its exit code and all that it said."""
        program = [str(self.path / "bin" / words[0]), *words[1:]]
        own = {"PATH": f"{self.path / 'bin'}:/usr/bin:/bin", "HOME": str(self.work), "COLUMNS": "200"}
        own |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_MAX_ATTEMPTS": "1"}
        own |= {
            "S3_ENDPOINT_URL": f"http://{NOWHERE}",
            "AWS_ENDPOINT_URL": f"http://{NOWHERE}",
            "PANOPTES_ENDPOINT": f"http://{NOWHERE}",
        }
        done = subprocess.run(program, cwd=self.work, env=own, capture_output=True, text=True, timeout=600)
        return done.returncode, done.stdout + done.stderr

    def generate(self, text: str) -> tuple[int, str]:
        """Run `zoocut generate` with a configuration."""
        (self.work / "zoocut.toml").write_text(text, encoding="utf-8")
        return self.run("zoocut", "generate", "zoocut.toml", "-o", "run")


Told = tuple[int, str]


def butler(there: Environment) -> Told:
    """Ask a repository that was made here for tables that it does not have."""
    if (there.path / "bin" / "butler").exists():
        there.run("butler", "create", "repo")
    return there.generate(BUTLER.format("repo"))


def butler_remote(there: Environment) -> Told:
    """Ask a server that is not there."""
    return there.generate(BUTLER.format(f"http://{NOWHERE}/repo/"))


def butler_s3(there: Environment) -> Told:
    """Ask a bucket that is not there."""
    return there.generate(BUTLER.format("s3://bucket/repo/"))


def lsst_alerts(there: Environment) -> Told:
    """Read a packet of schema 9.0 that breaks off."""
    (there.work / "a.avro").write_bytes(b"\0" + (900).to_bytes(4, "big") + b"\2")
    code, said = there.generate(f'[catalog]\nkind = "alerts"\npath = "a.avro"\n{STAMPS}')
    rejected = there.work / "run" / "rejected.csv"
    return code, said + (rejected.read_text(encoding="utf-8") if rejected.exists() else "")


def dask(there: Environment) -> Told:
    """Draw the demo's field by a worker."""
    there.run("zoocut", "demo")
    return there.run("zoocut", "generate", "zoocut-demo/zoocut.toml", "-o", "by-dask", "--dask", "local:1")


def publish(there: Environment) -> Told:
    """Publish the demo's run into a folder."""
    there.run("zoocut", "demo")
    words = ("--set", "manifest.url_root=https://images.example.org/")
    there.run("zoocut", "generate", "zoocut-demo/zoocut.toml", "-o", "run", *words)
    return there.run("zoocut", "publish", "run", "--to", "served", "--check", "none")


def postgres(there: Environment) -> Told:
    """Ask a database that is not there."""
    return there.generate(f'[catalog]\nkind = "apdb"\nurl = "postgresql://me@{NOWHERE}/apdb"\n{STAMPS}')


def s3(there: Environment) -> Told:
    """Read a table from a bucket that is not there."""
    return there.generate(f'[catalog]\nkind = "table"\npath = "s3://bucket/night.parquet"\n{STAMPS}')


def program(*words: str) -> Callable[[Environment], Told]:
    """Make a trial of a program that comes with an extra."""
    return lambda there: there.run(*words) if (there.path / "bin" / words[0]).exists() else (127, "not there")


TRIALS: dict[str, tuple[Callable[[Environment], Told], str, str]] = {
    "butler": (butler, MISSING, r"Z209|Z208"),
    "butler-remote": (butler_remote, MISSING, r"Z208"),
    "butler-s3": (butler_s3, MISSING, r"Z208"),
    "lsst-alerts": (lsst_alerts, r"pip install", r"breaks off"),
    "dask": (dask, MISSING, r"\d+ drawn"),
    "publish": (publish, MISSING, r"served"),
    "s3": (s3, MISSING, r"Z400"),
    "postgres": (postgres, MISSING, r"Z208"),
    "keyring": (program("keyring", "--list-backends"), r"not there", r"keyring\.backends"),
    "test": (program("pytest", "--version"), r"not there", r"pytest \d"),
    "docs": (program("sphinx-build", "--version"), r"not there", r"sphinx-build \d"),
    "dev": (program("nox", "--version"), r"not there", r"\d{4}\."),
    "package": (program("twine", "--version"), r"not there", r"twine version"),
}
"""What is tried of each extra: what is said without it, and with it."""


def install(what: str, extra: str, folder: Path) -> Environment:
    """Make an environment with an extra alone."""
    path = folder / (extra or "plain")
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, path], check=True)
    asked = f"{what}[{extra}]" if extra else what
    subprocess.run(["uv", "pip", "install", "-q", "--python", path / "bin" / "python", asked], check=True)
    return Environment(path, folder)


def tried(what: str, extra: str, plain: Environment | None) -> bool:
    """Try an extra; print a line and return whether it does what it is for."""
    trial, without, with_it = TRIALS[extra]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        there = install(what, extra, folder)
        folders = (folder / "a", folder / "b")
        for one in folders:
            one.mkdir()
        bare = trial(Environment(plain.path, folders[0])) if plain else (0, "")
        full = trial(Environment(there.path, folders[1]))
        packages = len(list((there.path / "lib").glob("python*/site-packages/*.dist-info")))
        size = sum(one.stat().st_size for one in there.path.rglob("*") if one.is_file()) / 1e6
    good = bool((plain is None or re.search(without, bare[1])) and re.search(with_it, full[1]))
    told = f"{extra}: {packages} packages, {size:.0f} MB, exit codes {bare[0]} and {full[0]}"
    print(f"{told}, {time.monotonic() - began:.0f} s: {'good' if good else 'NOT GOOD'}", flush=True)
    if not good:
        print(bare[1][-800:], "---", full[1][-800:], sep="\n")
    return good


def main(words: Sequence[str]) -> int:
    """Try all extras, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", default=str(ROOT), help="a wheel or a checkout")
    parser.add_argument("extras", nargs="*", default=list(TRIALS))
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as scratch:
        plain = install(given.what, "", Path(scratch))
        results = [tried(given.what, extra, plain) for extra in given.extras]
        return 0 if all(results) else 1


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    sys.exit(main(sys.argv[1:]))
