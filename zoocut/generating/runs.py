"""Opening the run folder to generate into: a new one, or one made with the same settings."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from zoocut.config.load import differences
from zoocut.config.settings import RunSettings, Settings
from zoocut.error_kinds import (
    FolderInUse,
    FolderTaken,
    NewerRun,
    NotARun,
    NotWritable,
    OtherSettings,
    WrongShare,
)
from zoocut.errors import ZoocutError
from zoocut.files import TEMPORARY_SUFFIX, remove_parts, typed
from zoocut.generating.parts import Part
from zoocut.generating.rebuilding import is_rebuilt, rebuild
from zoocut.object_store import ObjectPath
from zoocut.run.folder import Run
from zoocut.run.record import FIRST_ENCODING, NEWEST_ENCODING, TornRun, damaged_record, read_record
from zoocut.run.recorded import DamagedRecord, Recorded
from zoocut.run.sources import files_of

__all__ = [
    "INPUTS",
    "alone",
    "alone_in_part",
    "encoding_of",
    "open_record",
    "open_run",
    "refuse_changes_in_part",
    "refuse_fixed_changes",
    "take_settings",
]

FIXED = ("draw", "media", "talk", "history", "metadata")
"""Sections that every picture and manifest row of a run share, once one is drawn."""

INPUTS = ("catalog", "images")
"""Sections that may lead to other rows and pixels: they may change as long as what is recorded stays the same."""

FOLLOWED = ("select", "manifest", "upload", "rights")
"""Sections that follow the configuration: they alter nothing that is recorded."""

NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
RUN_LOCK = ".generate.lock"
TURN_S = 30.0
"""A job of an array waits so long for its turn to look at the run's lock: hundreds may start in the same second."""


def open_run(path: Path, settings: Settings) -> Run:
    """Open the run at `path` as it was made, or make it.

    Raises
    ------
    InputError
        When the folder holds something that is not a run.
    LedgerError
        When `run.toml` is damaged, and the ledger, which knows the run's id, cannot be read.
    """
    if (path / "run.toml").exists() or damaged_record(path).exists():
        return _opened_or_rebuilt(path, settings)
    if path.is_file() or (path.is_dir() and any(map(_is_anothers, path.iterdir()))):
        raise FolderTaken(f"{path} is there already and is no run of zoocut: {_what_to_do(path)}")
    return Run.create(path, settings, encoding=NEWEST_ENCODING)


def _what_to_do(path: Path) -> str:
    other = "choose another folder with -o"
    if isinstance(path, ObjectPath) or not files_of(path / "sources.parquet"):
        return other
    return (
        f"{other}; or, if it is one whose run.toml was lost, run `touch {typed(path / 'run.toml')}`, then the same "
        "command again, which makes it anew and draws nothing twice"
    )


def encoding_of(path: Path) -> int:
    """Return what the pictures of the run at `path` are written by; the newest where there is none yet.

    Raises
    ------
    InputError
        When a newer zoocut has begun it, or its `run.toml` is no text of zoocut's.
    """
    try:
        encoding = read_record(path).encoding
    except (NotARun, TornRun):
        return NEWEST_ENCODING
    if not FIRST_ENCODING <= encoding <= NEWEST_ENCODING:
        raise NewerRun(
            f"{path} was begun by a newer zoocut: its pictures have the encoding {encoding}, and this one knows "
            f"{FIRST_ENCODING} to {NEWEST_ENCODING}. Run `python -m pip install --upgrade zoocut`, then this again; or "
            "generate into a new folder"
        )
    return encoding


def _is_anothers(path: Path) -> bool:
    """Whether a file is none that a call leaves which is cut off while it makes the run."""
    return not (path.name.startswith(".run.toml.") and path.name.endswith(TEMPORARY_SUFFIX))


def _opened_or_rebuilt(path: Path, settings: Settings) -> Run:
    try:
        return Run.open(path)
    except TornRun:
        with _locked(path, path / RUN_LOCK, timeout_s=0.0):
            try:
                return Run.open(path)  # another process has made it anew meanwhile
            except TornRun:
                return rebuild(path, settings)


def refuse_fixed_changes(run: Run, settings: Settings) -> None:
    """Refuse settings that a run which has drawn something cannot take any more.

    Raises
    ------
    ConfigError
        When drawing or metadata settings differ.
    """
    found = differences(run.settings, settings, *FIXED)
    before, now = _id_kind(run.settings), _id_kind(settings)
    if before != now:  # a name and a number are not the same id, nor the same file
        found.append(f"catalog.id_kind was {before!r}, now {now!r}")
    if found:
        raise OtherSettings(
            f"{run.path} was made with other settings ({'; '.join(found)}):"
            " use those again, or generate into a new folder"
        )


def _id_kind(settings: RunSettings) -> str:
    """Tell what the ids of a catalog are; those of catalogs that do not say are numbers."""
    return getattr(settings.catalog, "id_kind", "integer")


def take_settings(run: Run, settings: Settings) -> tuple[Run, tuple[str, ...]]:
    """Write the settings into the run; return it with them, and what has changed."""
    changed = differences(run.settings, settings, *FIXED, *INPUTS, *FOLLOWED)
    run = replace(
        run,
        settings=RunSettings.model_validate(
            settings.model_dump(mode="json", exclude_none=True, include=set(RunSettings.model_fields))
        ),
    )
    if changed:
        run.remember_settings()
    return run, tuple(changed)


def refuse_changes_in_part(run: Run, settings: Settings, part: Part) -> None:
    """Refuse settings that differ from those that the other shares of the run are drawn with.

    Raises
    ------
    ConfigError
        When anything differs.
    """
    if is_rebuilt(run):
        raise WrongShare(
            f"run.toml of {run.path} could not be read and was made anew: run `zoocut generate CONFIG -o RUN` without "
            "--part once, which looks whether its settings are the ones that it was drawn with"
        )
    found = differences(run.settings, settings, *FIXED, *INPUTS, *FOLLOWED)
    if found:
        raise OtherSettings(
            f"share {part} of {run.path} has other settings than the run ({'; '.join(found)}): use those of the run, "
            "or let one call without --part take the new ones first"
        )


@contextmanager
def alone(run: Run) -> Iterator[list[str]]:
    """Keep other `generate` processes out of the run, and clear away what a killed one was writing.

    Yields what the user should know: in a store, which keeps nobody out, that another call may draw there.

    Raises
    ------
    InputError
        When another process is generating into the run, or a part of it.
    """
    with ExitStack() as stack:
        parts = sorted(run.path.glob(".generate-*.lock"))
        told = [
            stack.enter_context(_locked(run.path, lock, timeout_s=0.0))
            for lock in (run.path / RUN_LOCK, *parts)
        ]
        remove_parts(run.path)
        yield [*filter(None, told)]
        for lock in parts:
            if not isinstance(lock, ObjectPath):
                lock.unlink(missing_ok=True)


@contextmanager
def alone_in_part(run: Run, part: Part) -> Iterator[list[str]]:
    """Keep other `generate` processes out of a part of the run; those of other parts go on beside it.

    Yields what `alone` does.

    Raises
    ------
    InputError
        When another process is drawing the same part, or generating into the whole run.
    """
    own, whole = run.path / f".generate-{part.number}-of-{part.of}.lock", run.path / RUN_LOCK
    with _locked(run.path, own, timeout_s=0.0) as told:
        if isinstance(whole, ObjectPath):
            yield [*filter(None, (told, _other_call(whole)))]
            return
        with _locked(run.path, whole, timeout_s=TURN_S):
            pass  # a process that draws the whole run holds it all the time, those of other parts for a moment
        yield []


@contextmanager
def _locked(folder: Path, path: Path, timeout_s: float) -> Iterator[str]:
    """Hold a lock; yield what to tell where that keeps nobody out."""
    from filelock import FileLock, Timeout

    if isinstance(path, ObjectPath):
        with _noted(path) as told:
            yield told
        return
    lock = FileLock(path, timeout=timeout_s)
    try:
        lock.acquire()
    except Timeout:
        raise FolderInUse(
            f"another zoocut is generating into {folder} ({path.name}): wait for it or stop it"
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno in NOT_WRITABLE:
            raise NotWritable(
                f"cannot write {path}: {error.strerror}; choose another folder with -o"
            ) from None
        # The file system has no locks. Files appear whole and every call records in parts of its own, so two calls
        # at once would draw some pictures twice, and never a wrong one.
        yield ""
        return
    try:
        yield ""
    finally:
        lock.release()


@contextmanager
def _noted(path: ObjectPath) -> Iterator[str]:
    """Leave a note in a store, which has no locks, for as long as the block takes; yield what another's note tells."""
    mine = f"{socket.gethostname()} {os.getpid()} {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}".encode()
    told = "" if path.write_first(mine) else _other_call(path)
    if not told:
        path.write_bytes(mine)  # also in the place of one whose process has ended
    try:
        yield told
    finally:
        if not told:
            with suppress(ZoocutError, OSError):  # a store that is gone is told by what failed first
                path.unlink(missing_ok=True)


def _other_call(path: ObjectPath) -> str:
    """Say whose note is there; empty where there is none, or that of a process of this machine which has ended."""
    if not path.exists():
        return ""
    host, _, rest = path.read_text(encoding="utf-8").partition(" ")
    process, _, since = rest.partition(" ")
    if host == socket.gethostname() and process.isdecimal() and not _is_alive(int(process)):
        return ""
    return (
        f"another call (process {process} of {host}, since {since}) draws into this run, or was killed: two at once "
        f"draw some pictures twice, never a wrong one; where it was killed, remove {path}"
    )


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


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
                error.path.replace(error.path.with_suffix(".damaged"))
            except OSError:
                raise error from None
