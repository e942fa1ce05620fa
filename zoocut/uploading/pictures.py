"""The images that rows name: whether they lie in the run folder and are what Zooniverse takes."""

from __future__ import annotations

import errno
import io
import mimetypes
import os
import stat
from functools import cache
from pathlib import Path

from zoocut.ledger import Image

__all__ = ["RunPictures", "content_problem", "read_picture"]

DRAWN_TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF"}
"""What Pillow can look into, as it calls them."""

HOSTED_TYPES = (
    *DRAWN_TYPES,
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
        image = Image(location, mimetypes.guess_type(location)[0] or "")
        try:
            found = self._status(location)
        except OSError:
            return image, f"{location} is missing: restore it, then run `zoocut upload --retry-rejected`"
        except ValueError:
            return image, f"{location!r} leads out of the run folder: only images inside it are uploaded"
        if not stat.S_ISREG(found.st_mode):
            return image, f"{location} is not a file: name the image itself"
        return Image(location, image.mime, found.st_size), _problem(location, image.mime, found.st_size)

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
        return f"{location} is empty: draw it again, then run `zoocut upload --retry-rejected`"
    if size > LARGEST_BYTES:
        return f"{location} has {size >> 20} MiB, more than the store takes: draw it smaller"
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


def content_problem(image: Image, content: bytes) -> str | None:
    """Tell why an image's bytes are not what its name says, or not whole; None when they are.

    Parameters
    ----------
    image : Image
        Its record.
    content : bytes
        All of it.
    """
    from PIL import Image as Picture
    from PIL import UnidentifiedImageError

    expected = DRAWN_TYPES.get(image.mime)
    if expected is None:
        return None
    try:
        with Picture.open(io.BytesIO(content), formats=list(DRAWN_TYPES.values())) as picture:
            if picture.format != expected:
                return (
                    f"{image.path} holds a {picture.format}, not a {expected}: give it the name of its type"
                )
            if expected == "PNG":
                picture.verify()  # compares the checksum of every part, to the end
            else:
                picture.load()
    except UnidentifiedImageError:
        return f"{image.path} holds no {expected}: draw it again, then run `zoocut upload --retry-rejected`"
    except Exception as error:  # Pillow raises anything from SyntaxError to struct.error for broken files
        return (
            f"{image.path} is no whole {expected} ({error}): draw it again, then run "
            "`zoocut upload --retry-rejected`"
        )
    return None
