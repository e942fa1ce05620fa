"""Catalog values and flags above the panels: each in its place and colour, nothing over anything else."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from zoocut.config.draw import DrawSettings
from zoocut.model import Cutout, DiaSource, Value
from zoocut.render import open_renderer
from zoocut.render.catalog_text import FIELDS, FLAGS, any_set

Pixels = npt.NDArray[np.uint8]
IMAGE = np.arange(900.0).reshape(30, 30)
RENDERER = open_renderer(DrawSettings(add_metadata=True))
LINE_TOPS = [9 + round(19.2 * line) for line in range(5)]

FULL: dict[str, Value] = {
    "instrument": "LSSTCam",
    "detector": 168,
    "visit": 943296,
    "band": "r",
    "ra": 55.7232986,
    "dec": -32.29386721,
    "snr": 7.7,
    "psfChi2": 1877.3,
    "psfNdata": 1681,
    "psfFlux": -136.4,
    "psfFluxErr": 379.8,
    "apFlux": -1169.7,
    "apFluxErr": 645.6,
    "scienceFlux": 132734.3,
    "scienceFluxErr": 380.9,
}


def drawn(**columns: Value) -> Pixels:
    number = 506428274000265570
    source = DiaSource(number, 1.0, 2.0, "test", "row 1", {"diaSourceId": number, **columns})
    pictures = next(RENDERER.draw([(source, (Cutout(IMAGE, IMAGE, IMAGE, 0.2),))]))
    assert isinstance(pictures, tuple)
    return np.asarray(Image.open(io.BytesIO(pictures[0].png)).convert("RGB"))


def changed(first: Pixels, second: Pixels) -> tuple[slice, slice]:
    """Give the smallest box that holds all differences."""
    rows, columns = np.nonzero(np.any(first != second, axis=2))
    return slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)


def colours(pixels: Pixels) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}


def rgb(name: str) -> tuple[int, ...]:
    return tuple(round(255 * channel) for channel in to_rgb(name))


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.text)
def test_each_flag_has_its_place_and_colour(flag: object) -> None:
    words = next(each for each in FLAGS if each is flag)
    plain = drawn(**FULL)
    for name in words.flags:
        marked = drawn(**FULL, **{name: True})
        rows, columns = changed(plain, marked)
        assert abs(columns.start - words.x) <= 3
        assert LINE_TOPS[words.line] <= rows.start <= rows.stop <= LINE_TOPS[words.line] + 16
        assert rgb(words.color) in colours(marked[rows, columns])


def test_flags_do_not_overprint() -> None:
    names = {name: True for flag in FLAGS for name in flag.flags}
    everything, plain = drawn(**FULL, **names), drawn(**FULL)
    for flag in FLAGS:
        alone = drawn(**FULL, **{flag.flags[0]: True})
        box = changed(plain, alone)
        np.testing.assert_array_equal(everything[box], alone[box])


@pytest.mark.parametrize("value", [None, False, 0, float("nan"), ""])
def test_a_flag_that_is_missing_or_unset_is_not_shown(value: Value) -> None:
    names = {name: value for flag in FLAGS for name in flag.flags}
    np.testing.assert_array_equal(drawn(**FULL, **names), drawn(**FULL))
    assert not any_set(names, tuple(names))


@pytest.mark.parametrize(
    ("flag", "line"),
    [("psfFlux_flag", 2), ("apFlux_flag_apertureTruncated", 3), ("forced_PsfFlux_flag_edge", 4)],
)
def test_labels_of_flagged_measurements_are_red(flag: str, line: int) -> None:
    plain, marked = drawn(**FULL), drawn(**FULL, **{flag: True})
    rows, columns = changed(plain, marked)
    assert columns.stop < 90
    assert abs(rows.start - LINE_TOPS[line]) <= 4
    assert rgb("red") in colours(marked[rows, columns])
    assert rgb("grey") not in colours(marked[rows, columns])


@pytest.mark.parametrize(
    ("reliability", "colour"), [(0.682, "#4daf4a"), (0.5, "#4daf4a"), (0.4999, "#e41a1c"), (0.0, "#e41a1c")]
)
def test_reliability_is_green_or_red(reliability: float, colour: str) -> None:
    plain, marked = drawn(**FULL), drawn(**FULL, reliability=reliability)
    rows, columns = changed(plain, marked)
    assert abs(columns.start - 478) <= 3
    assert rgb(colour) in colours(marked[rows, columns])


def test_without_any_column_labels_stand_alone() -> None:
    bare = drawn()
    nothing = drawn(**dict.fromkeys(FULL))
    np.testing.assert_array_equal(bare, nothing)
    nans = {name: float("nan") if isinstance(value, float) else None for name, value in FULL.items()}
    np.testing.assert_array_equal(bare, drawn(**nans))
    odd: dict[str, Value] = {
        "psfFlux": "n/a",
        "psfFluxErr": True,
        "apFlux": 1.0,
        "apFluxErr": 0.0,
        "scienceFlux": -5.0,
    }
    assert drawn(**odd).shape == bare.shape


def words_on(line: Pixels, gap: int = 5) -> list[tuple[int, int]]:
    """Give first and last column of each group of letters that a gap separates."""
    inked = np.flatnonzero(np.any(line != 255, axis=(0, 2)))
    breaks = np.flatnonzero(np.diff(inked) > gap)
    return list(zip(inked[np.r_[0, breaks + 1]].tolist(), inked[np.r_[breaks, -1]].tolist(), strict=True))


@pytest.mark.parametrize(
    ("instrument", "visit"),
    [
        ("LSSTCam", 2025123100244),
        ("LSSTComCamSim", 2025123100244),
        ("An Instrument With A Very Long Name", 2025123100244),
        ("LSSTCam-imSim", 943296),
        ("W" * 200, 10**18),
    ],
)
def test_long_names_and_numbers_do_not_overprint(instrument: str, visit: int) -> None:
    pixels = drawn(**(FULL | {"instrument": instrument, "visit": visit}))
    short = drawn(**(FULL | {"instrument": "X", "visit": 1}))
    line = pixels[: LINE_TOPS[1] - 2]
    assert words_on(line)[-1][1] < 645 - 2
    np.testing.assert_array_equal(pixels[LINE_TOPS[1] :], short[LINE_TOPS[1] :])
    ink = (line[:, :, 0] < 128).sum()
    alone = sum(
        (drawn(**{name: value})[: LINE_TOPS[1] - 2, :, 0] < 128).sum()
        - (drawn()[: LINE_TOPS[1] - 2, :, 0] < 128).sum()
        for name, value in {"visit": visit, "band": "r", "detector": 168}.items()
    )
    assert ink >= alone * 0.97


def test_numbers_too_wide_for_their_place_are_shortened() -> None:
    plain = drawn(**FULL)
    wide = dict.fromkeys(("psfFlux", "psfFluxErr", "apFlux", "scienceFluxErr", "snr"), 123456789012345.6)
    pixels = drawn(**(FULL | wide))
    for field in FIELDS:
        left, right = field.left - 2, field.left
        rows = slice(LINE_TOPS[field.line], LINE_TOPS[field.line] + 15)
        np.testing.assert_array_equal(pixels[rows, left:right], plain[rows, left:right])
