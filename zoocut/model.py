"""The records that every part of zoocut speaks: frozen, without behaviour beyond what they are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from zoocut.errors import InputError, code_of
from zoocut.files import write_whole

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "AB_MAGNITUDE_OF_ONE_NJY",
    "PANELS",
    "Catalog",
    "Cutout",
    "DiaSource",
    "FloatImage",
    "Images",
    "Picture",
    "Rejection",
    "SourceId",
    "Value",
]

FloatImage: TypeAlias = "npt.NDArray[np.floating]"
"""An image of shape (y, x)."""

Value = str | int | float | bool | None
"""What a catalog column holds for one source; a missing value is None, never NaN or a masked constant."""

SourceId = int | str
"""What a source is known by: a whole number of up to 63 bits, or a name where the catalog's ids are text."""

AB_MAGNITUDE_OF_ONE_NJY = 31.4
"""From m = -2.5 log10(f / erg s-1 cm-2 Hz-1) - 48.6 (Oke & Gunn 1983), where 1 nJy is 1e-32 of that unit."""

PANELS = ("template", "science", "difference")
"""The three images of a cutout, always in this order."""


@dataclass(frozen=True, slots=True)
class DiaSource:
    """One detection on a difference image, as its catalog gives it.

    Parameters
    ----------
    dia_source_id : int or str
        Its id, exact: a number of up to 63 bits, or a name.
    ra_deg, dec_deg : float or None
        ICRS position; None where the pixels come with the source.
    origin : str
        The file the row came from.
    row : str
        Which row of it, in words that an error message can use.
    columns : mapping of str to Value
        Every column of the row under the catalog's own names; `diaSourceId` is always among them.
    pixel_yx : tuple of float, optional
        Zero-based (y, x) on its frame, where the catalog gives that in the place of a position on the sky.
    """

    dia_source_id: SourceId
    ra_deg: float | None
    dec_deg: float | None
    origin: str
    row: str
    columns: Mapping[str, Value] = field(repr=False)
    pixel_yx: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """The aligned template, science and difference pixels around one source, at one size.

    Parameters
    ----------
    template, science, difference : (y, x) array of float
        Pixels without data are NaN. The three have the same shape.
    pixel_scale_arcsec : float or None
        Arcseconds a pixel at the source; None where nothing tells it.
    notes : tuple of str
        What was done to the pixels as read, in words that are the same for many sources: they are counted.
    """

    template: FloatImage
    science: FloatImage
    difference: FloatImage
    pixel_scale_arcsec: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawn image file of a source.

    Parameters
    ----------
    png : bytes
        The whole file.
    width_pix, height_pix : int
        Its size.
    """

    png: bytes = field(repr=False)
    width_pix: int
    height_pix: int

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file.

        Raises
        ------
        InputError
            When it cannot be written.
        """
        write_whole(Path(path), self.png)

    def _repr_png_(self) -> bytes:
        return self.png


@dataclass(frozen=True, slots=True)
class Rejection:
    """A source that was not drawn, and why.

    Parameters
    ----------
    dia_source_id : str
        Its id as far as it could be read, else empty.
    row : str
        Where it came from: file and row.
    reason : str
        What is wrong and what would help.
    code : str
        The kind of trouble.
    """

    dia_source_id: str
    row: str
    reason: str
    code: str = InputError.code

    @classmethod
    def of(cls, source: DiaSource, reason: str | Exception, code: str = InputError.code) -> Rejection:
        """Refuse a source for a reason; an error brings its own kind."""
        if isinstance(reason, Exception):
            return cls(str(source.dia_source_id), source.row, str(reason), code_of(reason))
        return cls(str(source.dia_source_id), source.row, reason, code)


@runtime_checkable
class Catalog(Protocol):
    """Where sources come from; a new survey is a new implementation."""

    @property
    def expected(self) -> int | None:
        """How many rows to expect, None when only reading them tells."""
        ...

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every row once, sources that share an exposure next to each other; each call starts anew.

        Raises
        ------
        InputError
            When nothing at all can be read.
        """
        ...


@runtime_checkable
class Images(Protocol):
    """Where pixels come from; a new survey is a new implementation."""

    def exposure_of(self, source: DiaSource) -> str:
        """Name the exposure whose files hold the source's pixels; equal names are cut together.

        Raises
        ------
        InputError
            When the source does not tell.
        """
        ...

    def cut(self, exposure: str, sources: Sequence[DiaSource]) -> Iterator[tuple[Cutout, ...] | Rejection]:
        """Cut every source out of one exposure.

        Parameters
        ----------
        exposure : str
            As `exposure_of` named it.
        sources : sequence of DiaSource
            The sources that lie on it.

        Yields
        ------
        tuple of Cutout or Rejection
            For each source in order: one cutout a size, or why there is none.

        Raises
        ------
        InputError
            When the exposure's files cannot be read, before anything is yielded.
        """
        ...
