"""Pictures by patterns are the pictures that are painted, in other bytes."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoocut.config.draw import DrawSettings
from zoocut.model import Cutout, DiaSource, FloatImage
from zoocut.render import open_renderer
from zoocut.render.patterned import is_patterned
from zoocut.render.renderer import DRAWERS
from zoocut.run.record import FIRST_ENCODING, NEWEST_ENCODING

RANDOM = np.random.default_rng(15)


def images(height: int, width: int) -> tuple[FloatImage, ...]:
    """Noise, one level with a hole, and few levels, so that neighbours are equal."""
    noise = RANDOM.normal(size=(height, width)).astype(np.float32)
    level = np.full((height, width), 3, np.float32)
    level[: height // 3, width // 2 :] = np.nan
    few = RANDOM.integers(0, 2, (height, width)).astype(np.float32)
    return noise, level, few


def batch(shapes: tuple[tuple[int, int], ...], scales: tuple[float | None, ...]) -> list[Any]:
    found = []
    for number, scale in enumerate(scales):
        three = [images(*shape) for shape in shapes]
        turned = [several[number % 3 :] + several[: number % 3] for several in three]
        row = {"diaSourceId": number, "visit": 7, "psfFlux": 1.5 * number, "band": "r"}
        source = DiaSource(number, 10.0, -5.0, "here", "row", row)
        found.append((source, tuple(Cutout(*several, scale) for several in turned)))
    return found


def files(draw: DrawSettings, cuts: list[Any], encoding: int) -> list[bytes]:
    found = []
    for pictures in open_renderer(draw, encoding).draw(cuts):
        assert isinstance(pictures, tuple), pictures
        found += [picture.png for picture in pictures]
    return found


def pixels(png: bytes) -> np.ndarray[Any, Any]:
    Image.open(io.BytesIO(png)).verify()
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def inflated(png: bytes) -> bytes:
    """Unpack the pixels by zlib, which compares their checksum."""
    parts, at = b"", 8
    while at < len(png):
        length, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        assert zlib.crc32(png[at + 4 : at + 8 + length]) == int.from_bytes(png[at + 8 + length :][:4], "big")
        parts += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return zlib.decompress(parts)


SCALES = (0.2, 0.201, 0.263, 0.4, 1.01, 21.0, None)
PATTERNED = [
    ({"sizes": (30,)}, ((30, 30),)),
    ({"sizes": (31,), "layout": "separate"}, ((31, 31),)),
    ({"sizes": (17, 48)}, ((17, 17), (48, 48))),
    ({"sizes": (30, 60)}, ((30, 30), (60, 60))),
    ({"sizes": (49, 63, 64), "panels": ("difference",)}, ((49, 49), (63, 63), (64, 64))),
    ({"sizes": (30,), "add_metadata": True, "scale_bar_arcsec": None}, ((30, 30),)),
    ({"sizes": (60,), "add_metadata": True, "colormap": "gray"}, ((60, 60),)),
    ({"sizes": (), "panel_pix": 100}, ((33, 20),)),
    ({"sizes": (), "panel_pix": 320}, ((100, 97),)),
    ({"sizes": (30, 31), "layout": "column"}, ((30, 30), (31, 31))),
]
PAINTED = [
    ({"sizes": (16,)}, ((16, 16),)),
    ({"sizes": (65,)}, ((65, 65),)),
    ({"sizes": (150,)}, ((150, 150),)),
    ({"sizes": (30, 60), "layout": "column"}, ((30, 30), (60, 60))),
    ({"use_footprint": True}, ((20, 12),)),
    ({"sizes": (30,), "colormap": "hsv"}, ((30, 30),)),
]


@pytest.mark.parametrize(("given", "shapes"), PATTERNED + PAINTED)
def test_every_encoding_shows_the_same_pixels(given: dict[str, Any], shapes: Any) -> None:
    draw, cuts = DrawSettings.model_validate(given), batch(shapes, SCALES)
    first, newest = (files(draw, cuts, encoding) for encoding in (FIRST_ENCODING, NEWEST_ENCODING))
    patterned = [is_patterned(png[:1024]) for png in newest]
    assert any(patterned) == ((given, shapes) in PATTERNED)
    for before, now, is_filled in zip(first, newest, patterned, strict=True):
        if is_filled:
            np.testing.assert_array_equal(pixels(now), pixels(before))
            inflated(now)
        else:
            assert now == before
    assert (
        files(draw, cuts[4:5], NEWEST_ENCODING)
        == newest[4 * len(newest) // len(cuts) :][: len(newest) // len(cuts)]
    )


def test_a_bar_may_end_anywhere() -> None:
    """At the end of a bar a pixel may show one column, and none, of what its neighbours differ from."""
    draw, first = DrawSettings(sizes=(60,)), []
    scales = tuple(0.15 + 0.012 * step for step in range(24))
    cuts = batch(((60, 60),), scales)
    for before, now in zip(*(files(draw, cuts, encoding) for encoding in (1, 2)), strict=True):
        np.testing.assert_array_equal(pixels(now), pixels(before))
        first.append(is_patterned(now[:1024]))
    assert all(first)


def test_all_encodings_that_a_run_may_have_are_drawn() -> None:
    assert [*DRAWERS] == [*range(FIRST_ENCODING, NEWEST_ENCODING + 1)]


@pytest.mark.parametrize(("zoom", "same"), [(3, False), (3, True), (6, False), (6, True)])
def test_pixels_of_any_value_fit_their_bits(zoom: int, same: bool) -> None:
    """All 256 levels beside each other, and all alike, take the same place."""
    side = 194 // zoom
    ramp = np.arange(side * side, dtype=np.float64).reshape(side, side) % 256
    image = np.full((side, side), 5.0) if same else ramp
    cut = (DiaSource(1, None, None, "", "", {"diaSourceId": 1}), (Cutout(image, ramp, image.T, 0.2),))
    draw = DrawSettings.model_validate({"sizes": (side,), "colormap": "gray"})
    (before,), (now,) = (files(draw, [cut], encoding) for encoding in (1, 2))
    assert is_patterned(now[:1024])
    np.testing.assert_array_equal(pixels(now), pixels(before))
