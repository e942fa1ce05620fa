"""Whether an image's bytes are a whole image of the type that its name says."""

from __future__ import annotations

import io
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

from zoocut.error_kinds.outcomes import NoRoom, no_room
from zoocut.errors import first_line
from zoocut.ledger import Image
from zoocut.uploading.png_rows import require_all_rows, require_checksums

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

__all__ = ["content_problem"]

DRAWN_TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF"}
"""What Pillow can look into, as it calls them."""

MOST_PIXELS = 178_956_970
"""Pillow decodes no larger image (twice its MAX_IMAGE_PIXELS): 700 MB of memory with four channels."""

SEVERAL_AT_ONCE_PIXELS = 4 << 20
"""Images up to this size are decoded side by side, 16 MB each; larger ones one at a time."""

PNG_BEGINS = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
"""Signature and first chunk of a PNG, whose width and height follow: PNG specification, sections 5.2 and 11.2.1."""

DRAW_AGAIN = "draw it again, then run `zoocut upload RUN --retry-rejected`"
_large_images = ThreadPoolExecutor(1)
"""One thread, not a lock: each thread's part of the heap would keep what it once needed."""

_opening = Lock()


def content_problem(image: Image, content: bytes) -> str | None:
    """Return why an image's bytes are not what its name says, or not whole; None when they are.

    Pixels are decoded to the end: checksums alone pass broken ones.

    Parameters
    ----------
    image : Image
        Its record.
    content : bytes
        All of it.

    Raises
    ------
    NoRoom
        When this machine refuses memory or a thread: the picture may be whole.
    """
    expected = DRAWN_TYPES.get(image.mime)
    if expected is None:
        return None
    try:
        return _decoding_problem(image, content, expected)
    except Exception as error:  # Pillow raises anything from SyntaxError to struct.error for broken files
        if refused := no_room(error):
            raise refused from error
    _require_room(expected)
    return _told_problem(image, content, expected)


def _require_room(kind: str) -> None:
    """Decode a whole picture of a type: where that fails, it is this machine that refuses.

    Pillow passes over readers that it has no room to load, and then takes every picture for broken.
    """
    from PIL import Image as Picture

    whole = io.BytesIO()
    try:
        Picture.new("P", (8, 8)).convert("P" if kind == "GIF" else "RGB").save(whole, kind)
        _decoding_problem(Image("", ""), whole.getvalue(), kind)
    except Exception as error:
        raise NoRoom(
            f"this machine cannot read a picture now ({first_line(error)}), most likely for want of memory: give "
            "--requests a smaller number, or raise its limits; the run is safe, and the same command goes on"
        ) from error


def _told_problem(image: Image, content: bytes, expected: str) -> str | None:
    """Look again, since other threads may have needed all memory, and say what is wrong."""
    from PIL import Image as Picture
    from PIL import UnidentifiedImageError

    try:
        return _decoding_problem(image, content, expected)
    except UnidentifiedImageError:
        return f"{image.path} holds no {expected}: {DRAW_AGAIN}"
    except Picture.DecompressionBombError:
        return f"{image.path} has more than the {MOST_PIXELS} pixels that are looked into: draw it smaller"
    except Exception as error:
        if refused := no_room(error):
            raise refused from error
        return f"{image.path} is no whole {expected} ({error}): {DRAW_AGAIN}"


def _decoding_problem(image: Image, content: bytes, expected: str) -> str | None:
    """Decode an image to the end, large ones one at a time; errors of the decoder are raised."""
    with _opened(content) as picture:
        # a JPEG with a second picture in it, as phones write, is an MPO to Pillow and a JPEG to browsers
        found = "JPEG" if picture.format == "MPO" else picture.format
        if found != expected:
            return f"{image.path} holds a {found}, not a {expected}: give it the name of its type"
        large = picture.width * picture.height > SEVERAL_AT_ONCE_PIXELS
        if not large:
            _load(picture, expected)
    if large:
        _large_images.submit(_decode, content, expected).result()
    if expected == "PNG":
        require_checksums(content)
        require_all_rows(content)
    return None


def _opened(content: bytes) -> ImageFile:
    from PIL import Image as Picture

    kinds = list(DRAWN_TYPES.values())
    if _is_small_png(content):
        return Picture.open(io.BytesIO(content), formats=kinds)
    with _opening, warnings.catch_warnings():  # which is not made for several threads
        warnings.simplefilter("ignore", Picture.DecompressionBombWarning)  # warns of half of MOST_PIXELS
        return Picture.open(io.BytesIO(content), formats=kinds)


def _is_small_png(content: bytes) -> bool:
    """Whether Pillow has nothing to warn of: most pictures are, and need not wait for each other."""
    if not content.startswith(PNG_BEGINS) or len(content) < len(PNG_BEGINS) + 8:
        return False
    width, height = struct.unpack_from(">II", content, len(PNG_BEGINS))
    return int(width) * int(height) <= SEVERAL_AT_ONCE_PIXELS


def _decode(content: bytes, kind: str) -> None:
    """Decode all pixels; their memory is free again on return."""
    with _opened(content) as picture:
        _load(picture, kind)


def _load(picture: ImageFile, kind: str) -> None:
    from PIL import ImageSequence

    if kind == "JPEG":  # at an eighth of its size all of it is still read, in a sixty-fourth of the memory
        picture.draft(None, (picture.width // 8 or 1, picture.height // 8 or 1))
    for frame in ImageSequence.Iterator(picture) if kind == "GIF" else (picture,):
        frame.load()
