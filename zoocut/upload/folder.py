"""Open the run folder to upload; a folder that another tool made becomes a run on its first upload."""

from __future__ import annotations

from pathlib import Path

from zoocut.errors import InputError
from zoocut.run import Run

__all__ = ["open_run"]


def open_run(path: Path) -> Run:
    """Open a run, or make one of a folder that holds a manifest.

    Raises
    ------
    InputError
        When the folder holds no manifest or cannot be written.
    """
    if path.is_dir() and not (path / "run.toml").exists() and (path / "manifest.csv").is_file():
        return Run.create(path, {}, {"origin": {"made_by": "another tool"}})
    run = Run.open(path)
    if not run.has_manifest:
        raise InputError(f"{path} has no manifest.csv yet: finish `zoocut generate` first, it writes it last")
    return run
