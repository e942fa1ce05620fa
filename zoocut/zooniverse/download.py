"""Large files from signed addresses: resumed where they broke off, whole or not there."""

from __future__ import annotations

import base64
import glob
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from zoocut.error_kinds import ExportFailed, NotWritable
from zoocut.zooniverse.prepared import PreparedSession
from zoocut.zooniverse.request_errors import Busy, Doubtful, Refused, Unreachable
from zoocut.zooniverse.transport import Transport, foreign_errors

__all__ = ["Downloader"]

CHUNK = 1 << 18
ATTEMPTS = 6
"""So many in a row may bring nothing; one that brings something begins the count anew."""

LONGEST_WAIT_S = 30.0
MAY_PASS = (401, 403, 412, 416)
"""What a store answers when the signature of an address has ended, or a newer export has taken the file's name."""

WHOLE, PARTIAL = 200, 206
PART = ".part"

Report = Callable[[int, int | None], None]
"""Told the bytes that are there, and all there will be where that is known."""


@dataclass(frozen=True, slots=True)
class _File:
    """What the store says of a file: its length in bytes, and what tells it from a later one of the same name."""

    length: int | None
    etag: str
    md5: str
    packed: bool


class Downloader:
    """Reads files from signed addresses.

    Parameters
    ----------
    transport : Transport
        What requests go through.
    wait : callable
        Waits so many seconds before the next attempt.
    """

    def __init__(self, transport: Transport, wait: Callable[[float], object]) -> None:
        self._wait = wait
        self._session = PreparedSession(transport)

    def fetch(self, address: Callable[[], str], goal: Path, report: Report) -> Path:
        """Read a file to disk.

        Parameters
        ----------
        address : callable
            Gives an address that is good now; asked again for every attempt, as addresses end after minutes.
        goal : Path
            The file to make, without an ending `.gz`, which is added where the store has packed it. What a
            broken download has left beside it is used.
        report : callable
            Told the progress.

        Returns
        -------
        Path
            The file, whole: of the length and, where the store tells it, the checksum that it should have.

        Raises
        ------
        ZooniverseError
            When it cannot be had whole.
        InputError
            When it cannot be written.
        """
        try:
            goal.parent.mkdir(parents=True, exist_ok=True)
            return self._until_whole(address, goal, report)
        except OSError as error:
            raise NotWritable(
                f"cannot write {goal}: {error.strerror or error}; free some space, or check the folder's permissions"
            ) from error

    def _until_whole(self, address: Callable[[], str], goal: Path, report: Report) -> Path:
        attempts = 0
        while True:
            before = _bytes_there(goal)
            try:
                return self._attempt(address(), goal, report)
            except (Busy, Doubtful, Unreachable, Refused) as error:
                attempts = 1 if _bytes_there(goal) > before else attempts + 1
                if attempts >= ATTEMPTS or (isinstance(error, Refused) and error.status not in MAY_PASS):
                    raise ExportFailed(
                        f"the export could not be downloaded ({error}): run the same command again, it goes on "
                        "where this one broke off"
                    ) from error
                self._wait(min(2.0**attempts, LONGEST_WAIT_S))

    def _attempt(self, url: str, goal: Path, report: Report) -> Path:
        with _broken_off_is_doubtful(), ExitStack() as opened:
            response = opened.enter_context(self._get(url, {}))
            file = _described(response)
            part = _part(goal, file)
            there = part.stat().st_size if file.etag and part.exists() else 0
            if there:
                rest = {"Range": f"bytes={there}-", "If-Match": file.etag}
                response = opened.enter_context(self._get(url, rest))
                there = there if response.status_code == PARTIAL else 0
            with part.open("ab" if there else "wb") as kept:
                while chunk := response.raw.read(CHUNK, decode_content=False):
                    kept.write(chunk)
                    there += len(chunk)
                    report(there, file.length)
        return _finished(goal, part, file)

    def _get(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        response = self._session.get(url, stream=True, headers={"Accept-Encoding": "identity", **headers})
        if response.status_code not in (WHOLE, PARTIAL):
            response.close()
            raise Refused(f"the store of exports answers {response.status_code}", response.status_code)
        return response


@contextmanager
def _broken_off_is_doubtful() -> Iterator[None]:
    """Say of what urllib3 raises while a body is read, which requests does not wrap here, what it means."""
    with foreign_errors("the store of exports"):
        try:
            yield
        except HTTPError as error:
            raise Doubtful(
                f"the connection to the store of exports broke ({type(error).__name__})"
            ) from error


def _described(response: requests.Response) -> _File:
    length = response.headers.get("Content-Length", "")
    return _File(
        int(length) if length.isdecimal() else None,
        response.headers.get("ETag", ""),
        response.headers.get("Content-MD5", ""),
        "gzip" in response.headers.get("Content-Encoding", ""),
    )


def _parts(goal: Path) -> list[Path]:
    return list(goal.parent.glob(f"{glob.escape(goal.name)}.*{PART}"))


def _part(goal: Path, file: _File) -> Path:
    """Name the file that a download grows in, so that parts of two exports are never put together."""
    return goal.with_name(f"{goal.name}.{hashlib.sha256(file.etag.encode()).hexdigest()[:12]}{PART}")


def _bytes_there(goal: Path) -> int:
    return sum(part.stat().st_size for part in _parts(goal))


def _finished(goal: Path, part: Path, file: _File) -> Path:
    """Check a file that was read to its end, and give it its name."""
    length = part.stat().st_size
    with part.open("rb") as whole:
        digest = hashlib.file_digest(whole, partial(hashlib.md5, usedforsecurity=False)).digest()
    if file.length not in (None, length) or file.md5 not in ("", base64.b64encode(digest).decode()):
        if file.length is None or length >= file.length:
            part.unlink()
        raise Doubtful(f"{length} bytes came, which are not the {file.length} that the store announced")
    path = goal.with_name(f"{goal.name}.gz") if file.packed else goal
    os.replace(part, path)
    for older in _parts(goal):
        older.unlink()
    return path
