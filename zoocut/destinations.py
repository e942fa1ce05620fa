"""Where a run is published: a folder, a bucket of S3, or what else fsspec knows.

S3 tells the MD5 of what it holds in its listing, so that nothing is read to compare; a folder's files, and those of
other stores, are read.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from zoocut import object_store
from zoocut.error_kinds import MissingPackage, NotWritable, UnreadableFile, WrongSetting
from zoocut.errors import first_line
from zoocut.files import write_unsynced

__all__ = ["Destination", "Stored", "open_destination"]

NAMED = "--to"
"""What the user gives the destination by."""

MD5 = re.compile(r"[0-9a-f]{32}")
SCHEME = re.compile(r"[a-z][a-z0-9+]+:")
GIVE = "give s3://BUCKET/FOLDER or a folder"


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is there already.

    Parameters
    ----------
    size : int
        Its bytes.
    md5 : str or None
        Its checksum, where the listing tells it.
    """

    size: int
    md5: str | None


class Destination(Protocol):
    """Where files go; any thread may put."""

    @property
    def address(self) -> str:
        """What it is opened by again, from any working directory."""

    def look(self) -> None:
        """Raise what stands in the way of putting files there, as far as looking tells; nothing is written."""

    def stored(self) -> dict[str, Stored]:
        """List what is there, by path below the destination."""

    def md5(self, path: str) -> str:
        """Read a file that is there and return its checksum."""

    def put(self, path: str, content: bytes, mime: str) -> None:
        """Store a file, in the place of one that is there."""


def open_destination(to: str) -> tuple[Destination, str]:
    """Open a destination; nothing is written.

    Parameters
    ----------
    to : str
        `s3://bucket/folder`, `file:///folder`, a folder's path, or another address that fsspec knows.

    Returns
    -------
    tuple of (Destination, str)
        It, and what the user should know about it; empty when nothing.

    Raises
    ------
    ConfigError
        When it is no such address, or what it needs is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingPackage("publishing needs fsspec: pip install 'zoocut[publish]'") from None
    _require_address(to)
    fresh = (
        {"skip_instance_cache": True, "use_listings_cache": False} if to.startswith(("s3:", "s3a:")) else {}
    )
    try:
        system, root = url_to_fs(to, **fresh)
    except ImportError as error:
        raise MissingPackage(f"{to} needs a package that is not there: {first_line(error)}") from None
    except Exception as error:  # what fsspec knows raises what its own clients do
        raise WrongSetting(f"{to} is no place to publish to ({first_line(error)}): {GIVE}") from error
    kind = system.protocol if isinstance(system.protocol, str) else system.protocol[0]
    if kind == "file":
        return Folder(Path(root)), ""
    if kind in ("s3", "s3a"):
        if not root.strip("/"):
            raise WrongSetting(f"{to} names no bucket: give s3://BUCKET/FOLDER")
        return Bucket(system, root.strip("/"), to), ""
    told = f"publishing by {kind} is not tested: check what is served afterwards"
    return Store(system, root.rstrip("/"), to), told


def _require_address(to: str) -> None:
    """Refuse what fsspec would take for a place and nobody means."""
    scheme, separator, _ = to.partition("://")
    if not to.strip():
        raise WrongSetting(f"--to is empty: {GIVE}")
    if separator and scheme in ("http", "https"):
        raise WrongSetting(
            f"{to} is a web address, which is read and not written: {GIVE}, which is served there"
        )
    if separator and scheme == "memory":
        raise WrongSetting(f"{to} is gone when the command ends: {GIVE}")
    if not separator and SCHEME.match(to) and not Path(to).is_dir():
        raise WrongSetting(f"{to} is neither a folder nor an address: {GIVE}")


class Folder:
    """A folder that a web server serves.

    Parameters
    ----------
    root : Path
        Where; made when missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def address(self) -> str:
        """What it is opened by again, from any working directory."""
        return str(self._root)

    def look(self) -> None:
        """Raise when it cannot be written."""
        there = next(path for path in (self._root, *self._root.parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise NotWritable(
                f"{self._root} cannot be written: check its permissions, or publish to another folder"
            )

    def stored(self) -> dict[str, Stored]:
        """List what is there, by path below the destination."""
        files = (path for path in self._root.rglob("*") if path.is_file())
        return {path.relative_to(self._root).as_posix(): Stored(path.stat().st_size, None) for path in files}

    def md5(self, path: str) -> str:
        """Read a file that is there and return its checksum."""
        try:
            with (self._root / path).open("rb") as file:
                return hashlib.file_digest(file, "md5").hexdigest()
        except OSError as error:
            raise UnreadableFile(
                f"{self._root / path} cannot be read ({error.strerror}): check its permissions"
            ) from error

    def put(self, path: str, content: bytes, mime: str) -> None:
        """Store a file, which appears whole."""
        write_unsynced(str(self._root / path), content)


class Store:
    """What else fsspec knows.

    Parameters
    ----------
    system : fsspec.AbstractFileSystem
        The file system.
    root : str
        The folder in it.
    address : str
        What it is opened by again.
    """

    def __init__(self, system: Any, root: str, address: str) -> None:
        self._system, self._root, self._address = system, root, address

    @property
    def address(self) -> str:
        """What it is opened by again, from any working directory."""
        return self._address

    def look(self) -> None:
        """Raise when it cannot be reached."""
        with explained(self._root):
            self._system.exists(self._root)

    def stored(self) -> dict[str, Stored]:
        """List what is there, by path below the destination."""
        with explained(self._root):
            found = self._system.find(self._root, detail=True)
        start = f"{self._root}/".lstrip("/")
        return {
            name.lstrip("/").removeprefix(start): Stored(int(about.get("size") or 0), _told_md5(about))
            for name, about in found.items()
        }

    def md5(self, path: str) -> str:
        """Read a file that is there and return its checksum."""
        with explained(self._root):
            content = self._system.cat_file(f"{self._root}/{path}")
        return hashlib.md5(content, usedforsecurity=False).hexdigest()

    def put(self, path: str, content: bytes, mime: str) -> None:
        """Store a file, in the place of one that is there."""
        with explained(self._root):
            self._system.pipe_file(f"{self._root}/{path}", content)


class Bucket(Store):
    """A bucket of S3."""

    def look(self) -> None:
        """Raise when it is not to be had; an answer to a listing has words, which one to a HEAD has not."""
        with explained(self._root):
            self._system.call_s3("list_objects_v2", Bucket=self._root.partition("/")[0], MaxKeys=1)

    def stored(self) -> dict[str, Stored]:
        """List what is there, by path below the destination."""
        self.look()
        return super().stored()

    def put(self, path: str, content: bytes, mime: str) -> None:
        """Store an object with its type."""
        with explained(self._root):
            self._system.pipe_file(f"{self._root}/{path}", content, ContentType=mime)


def _told_md5(about: dict[str, Any]) -> str | None:
    """Read the MD5 that S3 tells as ETag of what was stored in one piece and without a key of its own."""
    tag = str(about.get("ETag") or "").strip('"')
    return tag if MD5.fullmatch(tag) else None


@contextmanager
def explained(root: str) -> Iterator[None]:
    """Turn what a store raises into a sentence.

    Raises
    ------
    ZoocutError
        As the error tree tells.
    """
    try:
        with object_store.explained(root, NAMED):
            yield
    except FileNotFoundError as error:
        raise object_store.store_error(error, root, NAMED) from error
