"""The images that rows name: whether they lie in the run folder and are what Zooniverse takes."""

from __future__ import annotations

import errno
import mimetypes
import os
import stat
from collections import OrderedDict
from functools import cache
from pathlib import Path
from threading import Lock

from rich.filesize import decimal

from zoocut.error_kinds import UnreadableFile
from zoocut.ledger import Image

__all__ = ["MeasuredContents", "RunPictures", "may_pass", "read_picture"]

HOSTED_TYPES = (
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/svg+xml",
    "audio/mpeg",
    "audio/mp4",
    "video/mp4",
    "video/mpeg",
    "text/plain",
    "application/json",
)
"""What both the server and its published client take."""

LARGEST_BYTES = 256 << 20
"""The store refuses anything larger."""

KEPT_BYTES = 16 << 20
"""Of pictures that were measured and are not sent yet: some hundred are, of 30 kB each."""


FOR_GOOD = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EACCES,
    errno.EPERM,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EINVAL,
    errno.ENXIO,
)
"""What is wrong with a file itself; anything else, such as too many open files, ESTALE or EIO of a file server, may
be over in a while."""


def may_pass(error: OSError) -> bool:
    """Return whether a file may be read later although it cannot be read now."""
    return error.errno not in FOR_GOOD


class RunPictures:
    """Looks at the images of one run folder, as quickly as a hundred thousand of them ask for.

    Parameters
    ----------
    folder : Path
        The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._root = os.path.realpath(folder)
        self._holds = cache(self._leads_to)
        self._names = cache(self._listed)

    def look(self, location: str) -> tuple[Image, str | None]:
        """Look at an image without opening it.

        Parameters
        ----------
        location : str
            As the manifest names it.

        Returns
        -------
        tuple of (Image, str or None)
            Its record, not measured yet, and why it cannot be uploaded.
        """
        if not Image(location, "").hosted:
            return Image(location, ""), None
        location = self._as_separated_here(location)
        image = Image(location, mimetypes.guess_type(location)[0] or "")
        try:
            found = self._status(location)
        except OSError as error:
            if may_pass(error):
                raise UnreadableFile(
                    f"{location} cannot be looked at now ({error.strerror}): check the disk and the limits of this "
                    "machine, then run the same command again"
                ) from error
            return image, f"{location} is missing{self._near(location)}"
        except ValueError:
            return image, f"{location!r} leads out of the run folder: only images inside it are uploaded"
        if not stat.S_ISREG(found.st_mode):
            return image, f"{location} is not a file: name the image itself"
        return Image(location, image.mime, found.st_size), _problem(location, image.mime, found.st_size)

    def _as_separated_here(self, location: str) -> str:
        """Take backslashes for separators, as Windows does, where the file is there then."""
        separated = location.replace("\\", "/")
        if separated == location or os.path.lexists(os.path.join(self._root, location)):
            return location
        return separated if os.path.lexists(os.path.join(self._root, separated)) else location

    def _near(self, location: str) -> str:
        """Say what may have been meant by a name that is not there."""
        folder, name = os.path.split(location.replace("\\", "/"))
        found = self._names(folder).get(name.lower())
        if found is not None and os.path.join(folder, found) != location:
            return f": there is {os.path.join(folder, found)}; correct the manifest"
        written = ", which is written with backslashes" if "\\" in location else ""
        return f"{written}: restore it, then run `zoocut upload RUN --retry-rejected`"

    def _listed(self, folder: str) -> dict[str, str]:
        """Map the names in a folder, all in small letters, to the names as they are."""
        try:
            path = os.path.join(self._root, folder)
            return {name.lower(): name for name in os.listdir(path)} if self._holds(path) else {}
        except (OSError, ValueError):
            return {}

    def _status(self, location: str) -> os.stat_result:
        path = os.path.join(self._root, location)
        folder, name = os.path.split(path)
        if os.path.isabs(location) or name == ".." or not self._holds(folder):
            raise ValueError(location)
        found = os.lstat(path)
        if not stat.S_ISLNK(found.st_mode):
            return found
        if not self._leads_to(path):
            raise ValueError(location)
        return os.stat(path)

    def _leads_to(self, path: str) -> bool:
        """Whether a path ends inside the folder after all links."""
        return os.path.realpath(path).startswith(self._root + os.sep) or os.path.realpath(path) == self._root


def _problem(location: str, mime: str, size: int) -> str | None:
    if size == 0:
        return f"{location} is empty: draw it again, then run `zoocut upload RUN --retry-rejected`"
    if size > LARGEST_BYTES:
        return f"{location} has {decimal(size)}, more than the store takes: draw it smaller"
    if mime not in HOSTED_TYPES:
        return f"{location} is of a type that Zooniverse does not take: make it a PNG or JPEG"
    return None


def read_picture(path: Path) -> bytes:
    """Read an image whole; what has become a pipe or a device meanwhile is not waited for.

    Raises
    ------
    OSError
        When it cannot be read or is no file.
    """
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "it is not a file", str(path))
        return file.read()


class MeasuredContents:
    """Bytes of images that were measured and are soon to be sent; any thread may use it.

    Reading an image and taking its checksum once more before it is sent costs 80 us. What is not here, because it was
    let go for later ones or measured by an earlier process, is read and compared.

    Parameters
    ----------
    most_bytes : int
        How many are kept in all.
    """

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._left_bytes = most_bytes
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._changing = Lock()

    def keep(self, image: Image, content: bytes) -> None:
        """Keep the bytes that an image's checksum was taken of, and let go of the oldest where there are too many."""
        with self._changing:
            self._left_bytes += len(self._kept.pop(_key(image), b""))  # rows may share an image
            self._kept[_key(image)] = content
            self._left_bytes -= len(content)
            while self._left_bytes < 0:
                _, gone = self._kept.popitem(last=False)
                self._left_bytes += len(gone)

    def take(self, image: Image) -> bytes | None:
        """Return an image's bytes, and keep them no longer; None where they are not here."""
        with self._changing:
            content = self._kept.pop(_key(image), None)
            self._left_bytes += len(content or b"")
            return content


def _key(image: Image) -> tuple[str, str]:
    return image.path, image.sha256 or ""
