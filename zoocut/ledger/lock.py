"""One uploader a run folder: a lock of the operating system, which dies with the process that holds it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoocut.error_kinds import LedgerInUse, LedgerUnwritable
from zoocut.files import typed

__all__ = ["sole_uploader"]


WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def sole_uploader(ledger: Path) -> Iterator[None]:
    """Hold the right to change `ledger` for the length of the block.

    Parameters
    ----------
    ledger : Path
        The ledger's file, which need not exist yet.

    Raises
    ------
    LedgerError
        When another process holds it, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(ledger.with_name(f"{ledger.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LedgerInUse(_in_use(ledger)) from None
    except OSError as error:
        if error.errno in WITHOUT_LOCKS:
            raise LedgerUnwritable(
                f"the file system of {ledger.parent} keeps no locks ({error.strerror}): two uploads could not be kept "
                "apart; keep the ledger on a local one with `zoocut upload RUN --ledger FOLDER`, or mount it with locks"
            ) from error
        raise LedgerUnwritable(
            f"cannot write in {ledger.parent} ({error.strerror}): upload from a copy of the run folder that "
            "you may write to"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _in_use(ledger: Path) -> str:
    folder = ledger.parent
    if not (folder / "run.toml").is_file():
        return f"another zoocut is uploading with the ledger {ledger}: wait for it or stop it first"
    return (
        f"another zoocut is uploading {folder}: wait for it (watch it with `zoocut status {typed(folder)}`) or stop it "
        "first"
    )
