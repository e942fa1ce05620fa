"""The folder of the nights: one call at a time, of one configuration."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoocut.config.load import Loaded
from zoocut.error_kinds import NightsUnclear, NotWritable, RecordDamaged
from zoocut.errors import NightBusy
from zoocut.files import typed, write_whole
from zoocut.night.record import nights_in

__all__ = ["alone", "os_error"]

OWNER = ".zoocut-night.json"
LOCK = ".night.lock"

REMEDIES = {
    errno.ENOSPC: "free space on its disk, then run the same command again",
    errno.EDQUOT: "your quota of that disk is used up: free space, then run the same command again",
    errno.EROFS: "its file system is mounted read-only: mount it for writing, or set night.root to another folder",
    errno.EACCES: "let this account write there, or set night.root to another folder",
    errno.EPERM: "let this account write there, or set night.root to another folder",
    errno.ENOENT: "nothing can be made there: set night.root to another folder",
    errno.EEXIST: "a file is in its place: set night.root to another folder",
    errno.ENOTDIR: "a file is in its place: set night.root to another folder",
    errno.EMFILE: "raise this account's limit of open files (ulimit -n), then run the same command again",
    errno.EIO: "the disk fails: look after it, then run the same command again",
    errno.ESTALE: "its file system was mounted anew: run the same command again",
}
"""What helps, by what the system says."""

WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def os_error(path: Path, error: OSError) -> NotWritable:
    """Put into words what the system refuses, with the file that it names and what to do."""
    remedy = REMEDIES.get(error.errno or 0, "mend that, then run the same command again")
    return NotWritable(f"{error.filename or path}: {error.strerror or error}; {remedy}")


@contextmanager
def alone(root: Path, config: Loaded, wait_s: float) -> Iterator[None]:
    """Keep other calls, and other configurations, out of the nights.

    Raises
    ------
    NightBusy
        When another call has not ended after `wait_s` seconds.
    NotWritable
        When the folder cannot be written, or keeps no locks.
    ConfigError
        When it holds the nights of another configuration.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(root / LOCK, timeout=wait_s)
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise NightBusy(
            f"another `zoocut night CONFIG` works in {root}: wait for it, or give --wait SECONDS"
        ) from None
    except NotImplementedError as error:
        raise _without_locks(root) from error
    except OSError as error:
        raise (
            _without_locks(root) if error.errno in WITHOUT_LOCKS else os_error(root / LOCK, error)
        ) from error
    try:
        _require_own(root, config)
        yield
    finally:
        lock.release()


def _without_locks(root: Path) -> NotWritable:
    return NotWritable(
        f"the file system of {root} keeps no locks, so two calls could not be kept apart: set night.root to a folder "
        "on a local disk, or mount it with locks"
    )


def _config_beside(root: Path, config: Loaded) -> str:
    """Name the configuration file as it lies to the nights, which is the same from every machine that sees both."""
    return "" if config.file is None else os.path.relpath(config.file, root.absolute())


def _require_own(root: Path, config: Loaded) -> None:
    owner = root / OWNER
    upload = config.settings.upload
    mine = {
        "project": upload.project,
        "subject_set": upload.subject_set,
        "config": _config_beside(root, config),
    }
    if not owner.exists():
        write_whole(owner, json.dumps(mine).encode())
        return
    try:
        theirs = json.loads(owner.read_text(encoding="utf-8"))
        named = f"{theirs['project']}, {theirs['subject_set']!r}"
        # records of earlier versions do not tell the file
        named += f", by {theirs.setdefault('config', mine['config'])}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordDamaged(
            f"{owner} cannot be read ({error}): see that the nights beside it are those of this configuration, then "
            f"`rm {typed(owner)}`"
        ) from error
    if theirs != mine and not any(nights_in(root)):  # nothing was made by it yet
        write_whole(owner, json.dumps(mine).encode())
    elif theirs != mine:
        raise NightsUnclear(
            f"{root} holds the nights of another configuration ({named}): set night.root to a folder of its own, or, "
            f"where this one replaces it, `rm {typed(owner)}`; nights that were uploaded go on in their own sets"
        )
