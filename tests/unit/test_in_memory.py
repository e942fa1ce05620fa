"""Single pictures from images in memory: arrays, lsst.images' own exposures, and stand-ins for afw's.

The stand-ins offer what afw documents for Exposure, Mask, SkyWcs, SpherePoint and Footprint, computed by astropy;
afw itself needs the LSST stack, which no package index has.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from PIL import Image

from zoocut.errors import InputError
from zoocut.images.geometry import Box
from zoocut.images.in_memory import columns_of, image_in_memory, position_on
from zoocut.plot_image_subtraction_cutouts import (
    PlotImageSubtractionCutoutsConfig,
    PlotImageSubtractionCutoutsTask,
)

ORIGIN = (400, 1000)
SHAPE = (120, 140)
PLACE = (461.3, 1070.2)
"""(y, x) of the source on the detector."""


def wcs() -> WCS:
    """Of the whole detector."""
    made = WCS(naxis=2)
    made.wcs.ctype, made.wcs.crval, made.wcs.crpix = (
        ["RA---TAN", "DEC--TAN"],
        [200.0, -30.0],
        [2000.0, 2000.0],
    )
    made.wcs.cd = np.array([[-1.0, 0.2], [0.2, 1.0]]) * 0.2 / 3600
    return made


@dataclass
class Point:
    x: float
    y: float

    def getX(self) -> float:  # noqa: N802
        return self.x

    def getY(self) -> float:  # noqa: N802
        return self.y


@dataclass
class Angle:
    degrees: float

    def asDegrees(self) -> float:  # noqa: N802
        return self.degrees


@dataclass
class SpherePoint:
    ra_deg: float
    dec_deg: float

    def getRa(self) -> Angle:  # noqa: N802
        return Angle(self.ra_deg)

    def getDec(self) -> Angle:  # noqa: N802
        return Angle(self.dec_deg)


class AfwWcs:
    def skyToPixel(self, sky: SpherePoint) -> Point:  # noqa: N802
        return Point(*map(float, wcs().world_to_pixel_values(sky.ra_deg, sky.dec_deg)))

    def skyToPixelArray(self, ra: Any, dec: Any, degrees: bool = False) -> Any:  # noqa: N802
        assert degrees
        return wcs().world_to_pixel_values(ra, dec)


@dataclass
class AfwMask:
    array: Any

    def getMaskPlaneDict(self) -> dict[str, int]:  # noqa: N802
        return {"BAD": 0, "NO_DATA": 8}


@dataclass
class AfwImage:
    array: Any


@dataclass
class AfwExposure:
    image: AfwImage
    mask: AfwMask
    first: Point = field(default_factory=lambda: Point(ORIGIN[1], ORIGIN[0]))
    known: Any = field(default_factory=AfwWcs)

    def getXY0(self) -> Point:  # noqa: N802
        return self.first

    def getWcs(self) -> Any:  # noqa: N802
        return self.known


def pixels(seed: int) -> Any:
    return np.random.default_rng(seed).normal(10, 3, SHAPE).astype(np.float32)


def blank() -> Any:
    rows = np.zeros(SHAPE, bool)
    rows[66:, 60:] = True
    return rows


def afw(seed: int) -> AfwExposure:
    return AfwExposure(AfwImage(pixels(seed)), AfwMask(blank().astype(np.int32) << 8 | 1))


def lsst_images(seed: int) -> Any:
    li = pytest.importorskip("lsst.images", reason="needs lsst-images, which needs Python 3.12")
    projection = li.SkyProjection.from_fits_wcs(wcs(), li.GeneralFrame(unit=u.pix))
    image = li.Image(pixels(seed), yx0=ORIGIN, unit=u.nJy, sky_projection=projection)
    made = li.MaskedImage(image, mask_schema=li.MaskSchema([li.MaskPlane("NO_DATA", "nothing")]))
    made.mask.set("NO_DATA", blank())
    return made


Maker = Callable[[int], Any]
MAKERS = pytest.mark.parametrize("make", [afw, lsst_images])


def sky() -> SkyCoord:
    return wcs().pixel_to_world(PLACE[1], PLACE[0])


def task(**settings: Any) -> PlotImageSubtractionCutoutsTask:
    config = PlotImageSubtractionCutoutsConfig(**({"add_metadata": False, "sizes": [31]} | settings))
    return PlotImageSubtractionCutoutsTask(output_path="unused", config=config)


def from_arrays(**settings: Any) -> bytes:
    """The picture from plain arrays, blanked by hand, at the pixel."""
    template, science, difference = (np.where(blank(), np.nan, pixels(seed)) for seed in (1, 2, 3))
    here = (PLACE[1] - ORIGIN[1], PLACE[0] - ORIGIN[0])
    return task(**settings).generate_image(science, template, difference, here, 0.2).getvalue()


@MAKERS
@pytest.mark.parametrize("kind", ["SpherePoint", "SkyCoord", "FK5", "Point2D", "tuple", "row"])
def test_exposures_and_positions_draw_what_arrays_draw(make: Maker, kind: str) -> None:
    ra_deg, dec_deg = float(sky().ra.deg), float(sky().dec.deg)
    center: Any = {
        "SpherePoint": SpherePoint(ra_deg, dec_deg),
        "SkyCoord": sky(),
        "FK5": sky().transform_to("fk5"),
        "Point2D": Point(PLACE[1], PLACE[0]),
        "tuple": (PLACE[1], PLACE[0]),
        "row": None,
    }[kind]
    row = pd.Series({"diaSourceId": 5, "ra": ra_deg, "dec": dec_deg}) if kind == "row" else None
    png = task().generate_image(make(2), make(1), make(3), center, 0.2, source=row)
    assert png.getvalue() == from_arrays()


def test_columns_of_the_source_are_written_above() -> None:
    row = pd.Series(
        {"diaSourceId": 5, "ra": float(sky().ra.deg), "dec": float(sky().dec.deg), "snr": np.float64(7)}
    )
    plain = from_arrays()
    drawn = [
        task(add_metadata=True).generate_image(afw(2), afw(1), afw(3), scale=0.2, source=source).getvalue()
        for source in (row, row.to_dict(), row.to_dict() | {"snr": 70.0})
    ]
    assert drawn[0] == drawn[1]
    assert len({plain, *drawn}) == 3


@MAKERS
def test_pixels_mask_and_origin(make: Maker) -> None:
    image = image_in_memory(make(4), ("NO_DATA", "UNHEARD_OF"))
    found = image.cut(Box(ORIGIN[0] - 2, ORIGIN[1] + 50, 100, 30))
    assert np.isnan(found[:2]).all()
    expected = np.where(blank(), np.nan, pixels(4))[:98, 50:80]
    np.testing.assert_array_equal(found[2:], expected)
    assert 0 < np.isnan(expected).sum() < expected.size
    assert not np.isnan(image_in_memory(make(4), ()).cut(Box(*ORIGIN, *SHAPE))).any()


def test_a_template_that_is_another_part_of_the_detector() -> None:
    part = AfwExposure(
        AfwImage(pixels(1)[20:, 10:]), AfwMask(np.zeros((100, 130), np.int32)), Point(1010, 420)
    )
    whole = AfwExposure(AfwImage(pixels(1)), AfwMask(np.zeros(SHAPE, np.int32)))
    both = [task().generate_image(afw(2), template, afw(3), sky(), 0.2) for template in (part, whole)]
    assert both[0].getvalue() == both[1].getvalue()


def test_the_box_of_a_footprint() -> None:
    class Footprint:
        def getBBox(self) -> Any:  # noqa: N802
            return self

        def getMinX(self) -> int:  # noqa: N802
            return 1055

        def getMinY(self) -> int:  # noqa: N802
            return 446

        def getWidth(self) -> int:  # noqa: N802
            return 31

        def getHeight(self) -> int:  # noqa: N802
            return 31

    square = task().generate_image(afw(2), afw(1), afw(3), (1070, 461), 0.2)
    boxed = task(sizes=[9]).generate_image(afw(2), afw(1), afw(3), (1070, 461), 0.2, footprint=Footprint())
    assert shown(boxed) == shown(square)


def shown(png: io.BytesIO) -> bytes:
    """Give the pixels: files of the same pixels may differ in how they are packed."""
    return Image.open(png).convert("RGB").tobytes()


@pytest.mark.parametrize(
    ("difference", "center", "source", "says"),
    [
        (afw(3), None, None, "nothing tells where the source is: give center, or a source with ra and dec"),
        (afw(3), None, {"ra": 1.0, "dec": None}, "nothing tells where the source is"),
        (pixels(3), SpherePoint(200.0, -30.0), None, "ndarray has no WCS, so SpherePoint.* give the pixel"),
        (AfwExposure(AfwImage(pixels(3)), AfwMask(blank()), known=None), sky(), None, "has no WCS"),
        (afw(3), SpherePoint(20.0, 30.0), None, "nowhere near the image"),
        (afw(3), (5000.0, 5000.0), {"diaSourceId": 77}, "77 cannot be drawn: its centre, x 5000.0 y"),
        ("a path", (1.0, 1.0), None, "str holds no image of two dimensions: give an array"),
        (np.zeros((2, 3, 3)), (1.0, 1.0), None, "ndarray holds no image of two dimensions"),
    ],
)
def test_what_cannot_be_drawn(difference: Any, center: Any, source: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        task().generate_image(afw(2), afw(1), difference, center, 0.2, source=source)


def test_positions_are_zero_based_pixels_of_the_detector() -> None:
    assert position_on(afw(1), sky()) == pytest.approx(PLACE, abs=1e-6)
    assert position_on(afw(1), SpherePoint(sky().ra.deg, sky().dec.deg)) == pytest.approx(PLACE, abs=1e-6)


@pytest.mark.parametrize("kind", ["mapping", "series", "record"])
def test_rows_become_columns(kind: str) -> None:
    number = 2**60 + 1
    plain = {"diaSourceId": number, "snr": 7.5, "flag": True, "band": "r", "reliability": np.nan}
    types = [("diaSourceId", "i8"), ("snr", "f8"), ("flag", "?"), ("band", "U3"), ("reliability", "f4")]
    given: Any = {
        "mapping": plain,
        "series": pd.Series(plain, dtype=object),
        "record": np.array([tuple(plain.values())], dtype=types)[0],
    }[kind]
    found = columns_of(given)
    assert found == plain | {"reliability": None}
    assert [type(value) for value in found.values()] == [int, float, bool, str, type(None)]
