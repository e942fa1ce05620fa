"""Opening the run folder to generate into: a new one, or one made with the same settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zoocut.config.load import dotted
from zoocut.config.settings import Settings
from zoocut.errors import ConfigError, InputError
from zoocut.files import remove_parts
from zoocut.run.folder import Run
from zoocut.run.recorded import DamagedRecord, Recorded

__all__ = ["alone", "open_record", "open_run"]

KEPT_FOR_EVER = ("draw", "media", "history", "metadata")
"""Sections that every picture and manifest row of a run share."""


def open_run(path: Path, settings: Settings) -> Run:
    """Open the run at `path`, or make it.

    Raises
    ------
    ConfigError
        When the run was made with other drawing or manifest settings.
    InputError
        When the folder holds something that is not a run.
    """
    resolved = settings.model_dump(mode="json", exclude_none=True)
    run = _opened_or_made(path, resolved)
    _refuse_other_settings(run, resolved)
    return run


def _opened_or_made(path: Path, resolved: Mapping[str, Any]) -> Run:
    if (path / "run.toml").exists():
        return Run.open(path)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise InputError(f"{path} is there already and is no run of zoocut: choose another folder with -o")
    return Run.create(path, resolved)


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


def _refuse_other_settings(run: Run, resolved: Mapping[str, Any]) -> None:
    before = _completed(run.settings)
    differences = [line for section in KEPT_FOR_EVER for line in _differences(section, before, resolved)]
    if differences:
        raise ConfigError(
            f"{run.path} was made with other settings ({'; '.join(differences)}):"
            " use those again, or generate into a new folder"
        )


def _completed(recorded: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give settings that were written before some of today's existed with the defaults of those."""
    try:
        return Settings.model_validate(recorded).model_dump(mode="json", exclude_none=True)
    except ValidationError:
        return recorded


def _differences(section: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    old, new = before.get(section, {}), now.get(section, {})
    for key in sorted({*dotted(old), *dotted(new)}):
        was, is_now = _at(old, key), _at(new, key)
        if was != is_now:
            yield f"{section}.{key} was {was!r}, now {is_now!r}"


def _at(tree: Any, key: str) -> Any:
    if isinstance(tree, Mapping) and key in tree:
        return tree[key]
    head, _, rest = key.partition(".")
    return _at(tree.get(head, {}), rest) if rest and isinstance(tree, Mapping) else None
