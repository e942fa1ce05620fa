"""Pixels from whole FITS frames that are aligned: template, science and difference of one exposure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

from zoocut.config.draw import DrawSettings
from zoocut.config.images import FramesSettings
from zoocut.error_kinds import MalformedPattern, MissingColumn
from zoocut.images.boxes import boxes_for
from zoocut.model import PANELS, Cutout, DiaSource, Rejection, Value
from zoocut.object_store import located
from zoocut.values import formatted

if TYPE_CHECKING:
    from zoocut.images.frame_files import FrameFile

__all__ = ["Frames"]


class Frames:
    """Cutouts out of FITS frames.

    Parameters
    ----------
    settings : FramesSettings
        Paths of the three frames, with {column} fields.
    draw : DrawSettings
        Sizes, footprint and orientation.
    folder : Path
        What relative paths are relative to.

    Raises
    ------
    ConfigError
        When a path has a malformed {column} field, or no size is given.
    """

    def __init__(self, settings: FramesSettings, draw: DrawSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._boxes = boxes_for(settings.footprint, draw)
        self._north_up = draw.orientation == "north-up"
        self._patterns = (settings.template, settings.science, settings.difference)
        self._last: tuple[list[Value] | None, str] = (None, "")
        for name, pattern in zip(PANELS, self._patterns, strict=True):
            _check(f"images.{name}", pattern)
        self._fields = tuple(dict.fromkeys(name for one in self._patterns for name in _fields(one)))

    def exposure_of(self, source: DiaSource) -> str:
        """Name the source's three frames.

        Raises
        ------
        InputError
            When the source lacks a column that the paths need.
        """
        values = [source.columns.get(name) for name in self._fields]
        # equal numbers of other kinds are written otherwise: 1, 1.0 and True, or 0.0 and -0.0
        is_plain = all(type(value) in (int, str) for value in values)
        if is_plain and values == self._last[0]:
            return self._last[1]
        exposure = " | ".join(_fill(pattern, source) for pattern in self._patterns)
        if is_plain:
            self._last = (values, exposure)
        return exposure

    def cut(self, exposure: str, sources: Sequence[DiaSource]) -> Iterator[tuple[Cutout, ...] | Rejection]:
        """Cut every source out of the three frames.

        Yields
        ------
        tuple of Cutout or Rejection
            For each source in order: one cutout a size, or why there is none.

        Raises
        ------
        InputError
            When a frame is missing, damaged or not aligned with the others, before anything is yielded.
        """
        # exposures are named also where nothing is to be cut, or others cut: astropy takes as long as 1,000 sources
        from zoocut.images.aligned import Aligned
        from zoocut.images.frame_files import open_frame

        aligned = Aligned(self._boxes, self._north_up, self._settings.allow_missing_template)
        paths = [located(self._folder, part) for part in exposure.split(" | ")]
        with ExitStack() as stack:
            planes = [stack.enter_context(open_frame(file)) for file in self._files(paths)]
            for plane in planes[:-1]:
                plane.share_wcs(planes[-1])
            yield from aligned.cut(planes, sources)

    def _files(self, paths: Sequence[Path]) -> list[FrameFile]:
        from zoocut.images.frame_files import FrameFile

        own = self._settings
        extensions = (own.template_extension, own.science_extension, own.difference_extension)
        masks = (own.template_mask_extension, own.science_mask_extension, own.difference_mask_extension)
        return [
            FrameFile(
                path, extension, own.mask_extension if mask is None else mask, own.mask_bits, own.no_data
            )
            for path, extension, mask in zip(paths, extensions, masks, strict=True)
        ]


def _fields(pattern: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]


def _check(key: str, pattern: str) -> None:
    try:
        fields = _fields(pattern)
    except ValueError as error:
        raise MalformedPattern(
            f"{key} = {pattern!r} is malformed ({error}): write columns as {{visit}}"
        ) from None
    for name in fields:
        if not name.isidentifier():
            raise MalformedPattern(
                f"{key} = {pattern!r} has a field {{{name}}}: only a column's name may stand there"
            )


def _fill(pattern: str, source: DiaSource) -> str:
    values = _Values(source)
    try:
        return _FORMATTER.vformat(pattern, (), values)
    except ValueError as error:
        raise MissingColumn(f"{pattern!r} does not fit the value of a column ({error})") from None


class _ColumnFormatter(Formatter):
    """Formats numbers that are written as text as numbers, where the pattern asks for numbers."""

    def format_field(self, value: Any, form: str) -> str:
        return formatted(value, form)


_FORMATTER = _ColumnFormatter()


class _Values(dict[str, Value]):
    def __init__(self, source: DiaSource) -> None:
        super().__init__(source.columns)

    def __missing__(self, name: str) -> Value:
        raise MissingColumn(f"it has no column {name}, which the paths in [images] need")

    def __getitem__(self, name: str) -> Value:
        value = super().__getitem__(name)
        if value is None:
            raise MissingColumn(f"its column {name}, which the paths in [images] need, is empty")
        return value
