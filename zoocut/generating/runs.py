"""Opening the run folder to generate into: a new one, or one made with the same settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from zoocut.config.load import differences
from zoocut.config.settings import RunSettings, Settings
from zoocut.errors import ConfigError, InputError
from zoocut.files import remove_parts
from zoocut.run.folder import Run
from zoocut.run.recorded import DamagedRecord, Recorded

__all__ = ["INPUTS", "alone", "open_record", "open_run", "refuse_fixed_changes", "take_settings"]

FIXED = ("draw", "media", "history", "metadata")
"""Sections that every picture and manifest row of a run share, once one is drawn."""

INPUTS = ("catalog", "images")
"""Sections that may lead to other rows and pixels: they may change as long as what is recorded stays the same."""

FOLLOWED = ("select", "manifest", "upload", "rights")
"""Sections that follow the configuration: they alter nothing that is recorded."""


def open_run(path: Path, settings: Settings) -> Run:
    """Open the run at `path` as it was made, or make it.

    Raises
    ------
    InputError
        When the folder holds something that is not a run.
    """
    if (path / "run.toml").exists():
        return Run.open(path)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise InputError(f"{path} is there already and is no run of zoocut: choose another folder with -o")
    return Run.create(path, settings)


def refuse_fixed_changes(run: Run, settings: Settings) -> None:
    """Refuse settings that a run which has drawn something cannot take any more.

    Raises
    ------
    ConfigError
        When drawing or metadata settings differ.
    """
    found = differences(run.settings, settings, *FIXED)
    if found:
        raise ConfigError(
            f"{run.path} was made with other settings ({'; '.join(found)}):"
            " use those again, or generate into a new folder"
        )


def take_settings(run: Run, settings: Settings) -> tuple[Run, tuple[str, ...]]:
    """Write the settings into the run; return it with them, and what has changed."""
    changed = differences(run.settings, settings, *FIXED, *INPUTS, *FOLLOWED)
    run = replace(
        run, settings=RunSettings.model_validate(settings.model_dump(mode="json", exclude_none=True))
    )
    if changed:
        run.remember_settings()
    return run, tuple(changed)


@contextmanager
def alone(run: Run) -> Iterator[None]:
    """Keep other `generate` processes out of the run, and clear away what a killed one was writing.

    Raises
    ------
    InputError
        When another process is generating into the run.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(run.path / ".generate.lock", timeout=0):
            remove_parts(run.path)
            yield
    except Timeout:
        raise InputError(f"another zoocut is generating into {run.path}: wait for it or stop it") from None


def open_record(run: Run) -> Recorded:
    """Read what the run has recorded; a damaged file is set aside, and what it recorded is drawn anew.

    Raises
    ------
    InputError
        When a damaged file cannot be renamed.
    """
    while True:
        try:
            return Recorded(run.sources)
        except DamagedRecord as error:
            try:
                os.replace(error.path, error.path.with_suffix(".damaged"))
            except OSError:
                raise error from None
