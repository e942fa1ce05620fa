"""What a command did, line by line: for people on stderr, for programs as JSON lines in a file.

Records carry no header, no query, no body and no credential: a method, a path, a status, and how long it took.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

from zoocut.error_kinds import NotWritable

__all__ = ["JsonLines", "log", "log_file", "logged", "note_request", "note_retry"]

log = logging.getLogger("zoocut")
"""The logger of the program; nothing is written before a command, or a user of the Python interface, asks for it."""
log.addHandler(logging.NullHandler())

Result = TypeVar("Result")

_work: ContextVar[tuple[str, str]] = ContextVar("work", default=("", ""))
"""The step and the rows that the current thread is working on."""

SHOWN_ROWS = 5
"""A batch of links names a hundred rows; the first few find it in the ledger."""


def logged(step: str, rows: Sequence[str], work: Callable[[], Result]) -> Callable[[], Result]:
    """Have every record that `work` writes say which step of which rows it belongs to."""
    return partial(_logged, step, _shown(rows), work)


def _shown(rows: Sequence[str]) -> str:
    more = len(rows) - SHOWN_ROWS
    return ", ".join(rows[:SHOWN_ROWS]) + (f" and {more} more" if more > 0 else "")


def _logged(step: str, rows: str, work: Callable[[], Result]) -> Result:
    token = _work.set((step, rows))
    try:
        return work()
    finally:
        _work.reset(token)


def note_request(method: str, address: str, status: int | str, took_s: float, request_id: str | None) -> None:
    """Write down one exchange with a server.

    Parameters
    ----------
    method, address : str
        What was asked; the address without its query.
    status : int or str
        What was answered, or what went wrong.
    took_s : float
        Seconds from sending to the end of the answer.
    request_id : str or None
        What the server calls it in its own log.
    """
    fields = {"status": status, "milliseconds": round(1000 * took_s), "request_id": request_id}
    log.debug("%s %s: %s in %d ms", method, address, status, fields["milliseconds"], extra={"fields": fields})


def note_retry(step: str, rows: Sequence[str], trouble: Exception) -> None:
    """Write down that a step of some rows is to be tried again, and why."""
    shown = _shown(rows)
    log.info(
        "%s of %s is tried again: %s", step, shown, trouble, extra={"fields": {"step": step, "row": shown}}
    )


_as_json = json.JSONEncoder(ensure_ascii=False).encode
"""One encoder for all lines: an upload writes a thousand a second."""


@lru_cache(maxsize=4)
def _second(moment_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment_s))


class JsonLines(logging.Formatter):
    """Writes each record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        step, rows = _work.get()
        moment = f"{_second(int(record.created))}.{record.msecs:03.0f}Z"
        line: dict[str, object] = {
            "time": moment,
            "level": record.levelname.lower(),
            "says": record.getMessage(),
        }
        line |= {name: value for name, value in (("step", step), ("row", rows)) if value}
        line |= {name: value for name, value in getattr(record, "fields", {}).items() if value is not None}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _as_json(line)


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Add everything that is logged in the block to a file.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise NotWritable(f"cannot write {path}: {error.strerror}; choose another --log-file") from error
    handler.setFormatter(JsonLines())
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.setLevel(before)
        log.removeHandler(handler)
        handler.close()
