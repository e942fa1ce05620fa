"""Whatever the position, the size and the WCS are, a cutout holds the pixels that Cutout2D holds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from zoocut.images.geometry import box_around, cut, merge_bands, overlapping
from zoocut.images.sky import locate

near = st.one_of(st.floats(-60, 100), st.integers(-120, 200).map(lambda halves: halves / 2))
shapes = st.tuples(st.integers(1, 45), st.integers(1, 45))
kinds = st.sampled_from([">f4", "<f8", ">i2", "u1", ">f8"])


@given(shape=shapes, kind=kinds, y=near, x=near, size=st.integers(1, 70))
@settings(max_examples=800, deadline=None)
def test_pixels_of_cutout2d_anywhere(
    shape: tuple[int, int], kind: str, y: float, x: float, size: int
) -> None:
    image = (np.arange(shape[0] * shape[1]) % 251).reshape(shape).astype(kind)
    box = box_around(y, x, size)
    if overlapping(np.array(box), shape):
        expected = Cutout2D(image.astype(float), (x, y), size, mode="partial", fill_value=np.nan).data
        np.testing.assert_array_equal(cut(image, box), expected)
    else:
        assert np.isnan(cut(image, box)).all()


@given(rows=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=30), gap=st.integers(0, 9))
@settings(max_examples=300, deadline=None)
def test_bands_hold_every_wanted_row_and_are_apart(rows: list[tuple[int, int]], gap: int) -> None:
    bands = list(merge_bands(rows, gap))
    wanted = {row for first, stop in rows for row in range(first, stop)}
    assert all(any(first <= a and b <= stop for first, stop in bands) for a, b in rows if a < b)
    assert {row for band in bands for row in range(*band)} >= wanted
    assert all(later[0] - earlier[1] > gap for earlier, later in pairwise(bands))


@given(
    ra=st.floats(0, 359.99),
    dec=st.floats(-89.9, 89.9),
    angle=st.floats(0, 6.3),
    flip=st.sampled_from([1, -1]),
    scale=st.floats(1e-5, 1e-3),
    x=st.floats(-20, 120),
    y=st.floats(-20, 120),
)
@settings(max_examples=200, deadline=None)
def test_any_tangent_plane(
    ra: float, dec: float, angle: float, flip: int, scale: float, x: float, y: float
) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [ra, dec], [50, 50]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wcs.wcs.cd = turn @ np.diag([flip * scale, scale])
    wcs.wcs.set()
    sky = SkyCoord(wcs.pixel_to_world(x, y))
    found = locate(wcs, np.array([sky.ra.deg]), np.array([sky.dec.deg]))
    assert abs(found.x_pix[0] - x) < 1e-4
    assert abs(found.y_pix[0] - y) < 1e-4
    assert np.isclose(found.scale_arcsec[0], scale * 3600, rtol=2e-3)
