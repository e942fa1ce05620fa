"""Open the run folder to upload; a folder that another tool made becomes a run on its first upload."""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.filesize import decimal

from zoocut.config.settings import RunSettings
from zoocut.error_kinds import LedgerUnwritable, NotARun
from zoocut.ledger import run_id_in
from zoocut.run.folder import Run
from zoocut.run.record import damaged_record

__all__ = ["look_at_run", "open_run"]

LEDGER_SHARE = 10
"""How many times the manifest's bytes are kept free: with its log a ledger took 5.6 times as much for 100,000 rows."""

LEAST_FREE_BYTES = 1 << 20
"""An empty ledger with its log takes a tenth of it."""


def open_run(path: Path) -> Run:
    """Open a run, or make one of a folder that holds a manifest.

    Raises
    ------
    InputError
        When the folder holds no manifest or cannot be written.
    LedgerError
        When its disk has no room for a ledger.
    """
    foreign = _foreign(path)
    run = _made(path) if foreign else Run.open(path)
    if not run.has_manifest:
        raise NotARun(
            f"{path} has no manifest.csv yet: finish `zoocut generate CONFIG -o RUN` first, it writes it last"
        )
    _require_room(run)
    return run


def look_at_run(path: Path) -> Run:
    """Open a run, or look at a folder that holds a manifest as if it were one; nothing is written.

    Raises
    ------
    InputError, LedgerError
        As `open_run`.
    """
    if not _foreign(path):
        return open_run(path)
    run = Run(path, "", RunSettings())
    _require_room(run)
    return run


def _foreign(path: Path) -> bool:
    known = (path / "run.toml").exists() or damaged_record(path).exists()
    return path.is_dir() and not known and (path / "manifest.csv").is_file()


def _made(path: Path) -> Run:
    """Make the run's record; where it was there and is lost, the ledger tells whose the subjects are."""
    return Run.create(path, note={"origin": {"made_by": "another tool"}}, run_id=run_id_in(path))


def _require_room(run: Run) -> None:
    there = run.ledger.stat().st_size if run.ledger.exists() else 0
    needed = LEAST_FREE_BYTES + max(0, LEDGER_SHARE * run.manifest.stat().st_size - there)
    free = shutil.disk_usage(run.path).free
    if free < needed:
        raise LedgerUnwritable(
            f"the disk of {run.path} has {decimal(free)} left and the ledger needs up to {decimal(needed)}: "
            "free some, then run the same command again"
        )
