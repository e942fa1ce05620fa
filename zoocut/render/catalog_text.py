"""What is written about a source, and where: pixels for type of 13.9 pixels, 10 points at 100 an inch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, log10

from zoocut.model import AB_MAGNITUDE_OF_ONE_NJY, Value
from zoocut.values import flag_of, number_of

__all__ = [
    "FIELDS",
    "FLAGS",
    "LABELS",
    "RELIABILITY",
    "Field",
    "Flag",
    "Label",
    "any_set",
    "label_of",
    "number",
]

Columns = Mapping[str, Value]
Texts = Iterator[str] | None
"""The forms of a value, longest first; None where there is no value."""

LETTERS = {1e3: "k", 1e6: "M", 1e9: "G"}
"""Abbreviations of the SI, for numbers from there on."""


@dataclass(frozen=True, slots=True)
class Label:
    """A word that is always there, red when one of its flags is set."""

    line: int
    x: int
    text: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A value: it ends at `right`, begins at `left` or later; `texts` gives its forms, longest first."""

    line: int
    left: int
    right: int
    texts: Callable[[Columns], Texts]


@dataclass(frozen=True, slots=True)
class Flag:
    """A word that is there when one of its flags is set, always in the same place and colour."""

    line: int
    x: int
    text: str
    color: str
    flags: tuple[str, ...]


def number(columns: Columns, name: str) -> float | None:
    """Read a column as a finite number; None where there is none."""
    value = columns.get(name)
    found = None if isinstance(value, bool) else number_of(value)
    return None if found is None else float(found)


def any_set(columns: Columns, names: tuple[str, ...]) -> bool:
    """Return whether any of some flags is set; a missing column or value is not set."""
    return any(flag_of(value) for value in map(columns.get, names))


def _fixed(name: str, form: str) -> Callable[[Columns], Texts]:
    def texts(columns: Columns) -> Texts:
        return _forms(number(columns, name), form)

    return texts


def _ratio(over: str, under: str, form: str) -> Callable[[Columns], Texts]:
    def texts(columns: Columns) -> Texts:
        above, below = number(columns, over), number(columns, under)
        return _forms(abs(above / below) if above is not None and below else None, form)

    return texts


def _magnitude(columns: Columns) -> Texts:
    flux_njy = number(columns, "scienceFlux")
    return _forms(
        AB_MAGNITUDE_OF_ONE_NJY - 2.5 * log10(flux_njy) if flux_njy is not None and flux_njy > 0 else None,
        ".3f",
    )


def _forms(value: float | None, form: str) -> Texts:
    return None if value is None or not isfinite(value) else _written(value, form)


def _written(value: float, form: str) -> Iterator[str]:
    """Write a number in ever fewer letters: 123456.7, 1.235e+05, 1.2e+05, 123457, 123.5k, 123k, 1e5."""
    yield format(value, form)
    yield format(value, ".4g")
    yield format(value, ".2g")
    yield f"{value:.0f}"
    power = max((known for known in LETTERS if abs(value) >= known), default=None)
    if power is not None:
        yield f"{value / power:.1f}{LETTERS[power]}"
        yield f"{value / power:.0f}{LETTERS[power]}"
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    yield f"{mantissa}e{int(exponent)}"


def _fluxes(line: int, name: str) -> tuple[Field, ...]:
    return (
        Field(line, 84, 170, _fixed(name, ".1f")),
        Field(line, 195, 262, _fixed(f"{name}Err", ".1f")),
        Field(line, 297, 349, _ratio(name, f"{name}Err", ".2f")),
    )


FIELDS = (
    Field(1, 33, 139, _fixed("ra", ".8f")),
    Field(1, 179, 286, _fixed("dec", "+.8f")),
    Field(1, 431, 475, _fixed("snr", ".1f")),
    Field(1, 556, 597, _ratio("psfChi2", "psfNdata", ".2f")),
    *_fluxes(2, "psfFlux"),
    *_fluxes(3, "apFlux"),
    *_fluxes(4, "scienceFlux"),
    Field(4, 416, 468, _magnitude),
)

LABELS = (
    Label(0, 10, "diaSourceId:"),
    Label(1, 10, "ra:"),
    Label(1, 144, "dec:"),
    Label(1, 330, "detection S/N:"),
    Label(1, 490, "PSF chi2:"),
    Label(2, 10, "PSF (nJy):", ("psfFlux_flag", "psfFlux_flag_noGoodPixels", "psfFlux_flag_edge")),
    Label(3, 10, "ap (nJy):", ("apFlux_flag", "apFlux_flag_apertureTruncated")),
    Label(
        4,
        10,
        "total (nJy):",
        ("forced_PsfFlux_flag", "forced_PsfFlux_flag_noGoodPixels", "forced_PsfFlux_flag_edge"),
    ),
    *(Label(line, 172, "+/-") for line in (2, 3, 4)),
    *(Label(line, 266, "S/N:") for line in (2, 3, 4)),
    Label(4, 362, "ABmag:"),
)


FLAGS = (
    Flag(2, 362, "EDGE", "goldenrod", ("pixelFlags_edge",)),
    Flag(2, 407, "INTERP", "green", ("pixelFlags_interpolated", "pixelFlags_interpolatedCenter")),
    Flag(2, 471, "SAT", "green", ("pixelFlags_saturated", "pixelFlags_saturatedCenter")),
    Flag(2, 503, "CR", "magenta", ("pixelFlags_cr", "pixelFlags_crCenter")),
    Flag(2, 528, "BAD", "red", ("pixelFlags_bad",)),
    Flag(2, 567, "DIPOLE", "indigo", ("isDipole",)),
    Flag(3, 362, "SUS", "goldenrod", ("pixelFlags_suspect", "pixelFlags_suspectCenter")),
    Flag(3, 394, "CENTROID", "red", ("centroid_flag",)),
    Flag(3, 477, "CEN+", "chocolate", ("centroid_pos_flag",)),
    Flag(3, 522, "CEN-", "blue", ("centroid_neg_flag",)),
    Flag(
        3,
        567,
        "SHAPE",
        "red",
        ("shape_flag", "shape_flag_no_pixels", "shape_flag_not_contained", "shape_flag_parent_source"),
    ),
)

RELIABILITY = (4, 477)
"""Line and place of the reliability."""


def label_of(field: Field) -> Label:
    """Return the label in front of a value."""
    before = [label for label in LABELS if label.line == field.line and label.x < field.left]
    return max(before, key=lambda label: label.x)
