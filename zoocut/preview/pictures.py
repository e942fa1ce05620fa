"""How a page gets at its pictures: by links into the run folder, or with the pictures inside the page."""

from __future__ import annotations

import base64
import json
import os
import struct
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from zoocut.files import is_address
from zoocut.run.folder import Run

__all__ = ["EmbeddedPictures", "LinkedPictures", "Pictures", "Plots", "Shown"]

Shown = list[str | int]
"""Address, width and height in pixels, (0, 0) where the size cannot be told; an empty address where nothing can be
shown, and then, at the end, what there is instead."""

PNG_HEAD = struct.Struct(">8s8xII")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PLOTS_BYTES = 20 * 2**20
"""All plots of a page together: what browsers of phones still open."""

MIME = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}


class Pictures(Protocol):
    """Tells the page where a picture is."""

    def show(self, location: str) -> Shown:
        """Return what the page shows for a location of the manifest."""
        ...


class LinkedPictures:
    """The pictures stay in the run folder; the page links to them by relative paths.

    Parameters
    ----------
    run : Run
        Whose pictures they are.
    page : Path
        The page's file.
    """

    def __init__(self, run: Run, page: Path) -> None:
        self._run = run
        self._way = os.path.relpath(run.path.resolve(), page.parent.resolve())

    def show(self, location: str) -> Shown:
        """Link to the file; an address is left for the reader to follow."""
        file = self._run.path / location
        if why := _why_not(file, location):
            return ["", 0, 0, why]
        return [quote(Path(self._way, location).as_posix()), *_size_pix(file)]


class EmbeddedPictures:
    """The pictures are inside the page, so that it can be sent to somebody.

    Parameters
    ----------
    run : Run
        Whose pictures they are.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def show(self, location: str) -> Shown:
        """Put the file's bytes into the page."""
        file = self._run.path / location
        if why := _why_not(file, location):
            return ["", 0, 0, why]
        mime = MIME[file.suffix.lower()]
        content = base64.b64encode(file.read_bytes()).decode()
        return [f"data:{mime};base64,{content}", *_size_pix(file)]


class Plots:
    """The plots of a run: a page cannot read files beside it, so they are inside the page, up to a limit.

    Parameters
    ----------
    folder : Path
        The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left_bytes = PLOTS_BYTES

    def read(self, location: str) -> dict[str, Any] | None:
        """Return the plot of a location; None where it is no plot."""
        file = self._folder / location
        if is_address(location) or file.suffix.lower() != ".json" or not file.is_file():
            return None
        content = file.read_bytes()
        self._left_bytes -= len(content)
        if self._left_bytes < 0:
            return {"plot": None, "why": "this page holds no further plots: look at fewer rows at once"}
        try:
            return {"plot": json.loads(content, parse_constant=_no_number)}
        except ValueError:
            return {"plot": None, "why": "its plot is no JSON that Zooniverse reads"}


def _no_number(constant: str) -> None:
    raise ValueError(constant)


def _why_not(file: Path, location: str) -> str | None:
    """Tell what a location is that cannot be shown as a picture; None for a picture."""
    if is_address(location):
        return f"not in the run folder, but at {location}"
    if not file.is_file():
        return f"{location} is missing in the run folder"
    return None if file.suffix.lower() in MIME else f"{location} is no picture: open it by itself"


def _size_pix(file: Path) -> tuple[int, int]:
    with file.open("rb") as opened:
        head = opened.read(PNG_HEAD.size)
    if len(head) < PNG_HEAD.size or not head.startswith(PNG_SIGNATURE):
        return 0, 0
    _, width, height = PNG_HEAD.unpack(head)
    return width, height
