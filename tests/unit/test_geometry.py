"""Cutouts take the pixels that Cutout2D takes, at the position that the real WCS gives."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS, FITSFixedWarning
from astropy.wcs.utils import pixel_to_skycoord, skycoord_to_pixel

from zoocut.images.geometry import (
    Box,
    Turn,
    box_around,
    cut,
    cut_all,
    merge_bands,
    overlapping,
    squares_around,
    turn_to_north,
    turns_to_north,
)
from zoocut.images.sky import locate, read_wcs

PLANE = np.arange(40 * 50, dtype=">f4").reshape(40, 50)

HEADERS = {
    "decam TPV": ("decam/FinalDifference.DeCorr.fits", 0),
    "hsc SIP": ("afw/HSC-0908120-056-small.fits", 1),
}


def tangent(angle_deg: float, flip: int, scale_deg: float = 2e-4) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [358.0, -65.0]
    wcs.wcs.crpix = [101, 92]
    turn = np.radians(angle_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    wcs.wcs.cd = rotation @ np.diag([-flip * scale_deg, scale_deg])
    wcs.wcs.set()
    return wcs


@pytest.mark.parametrize("size", [1, 2, 7, 8, 30, 31, 64])
@pytest.mark.parametrize("y", [-3.0, 0.0, 0.49, 0.5, 12.5, 19.999, 20.0, 39.4, 41.2])
@pytest.mark.parametrize("x", [-0.5, 3.0, 24.5, 25.1, 49.5, 52.0])
def test_a_box_holds_the_pixels_of_cutout2d(size: int, y: float, x: float) -> None:
    box = box_around(y, x, size)
    if not overlapping(np.array(box), PLANE.shape):
        with pytest.raises(ValueError, match="do not overlap"):
            Cutout2D(PLANE, (x, y), size, mode="partial", fill_value=np.nan)
        return
    assert squares_around(np.array([y, np.nan]), np.array([x, 3]), [size, 5])[0, 0].tolist() == list(box)
    expected = Cutout2D(PLANE, (x, y), size, mode="partial", fill_value=np.nan).data
    np.testing.assert_array_equal(cut(PLANE, box), expected)
    assert cut(PLANE, box).dtype == np.float32


def test_a_band_of_rows_gives_the_same_cutout_as_the_image() -> None:
    box = Box(-2, 45, 9, 10)
    np.testing.assert_array_equal(cut(PLANE[:12], box), cut(PLANE, box))
    box = Box(30, -4, 15, 9)
    np.testing.assert_array_equal(cut(PLANE[28:], box, 28), cut(PLANE, box))


def test_fill_values_are_no_data() -> None:
    image = np.ones((5, 5), np.float32)
    image[1, 2], image[3, 3] = -np.finfo(np.float32).max, np.finfo(np.float32).max
    assert np.argwhere(np.isnan(cut(image, Box(0, 0, 5, 5)))).tolist() == [[1, 2], [3, 3]]


def test_bands_merge_over_small_gaps_only() -> None:
    rows = [(50, 60), (0, 10), (5, 12), (20, 20), (15, 18), (70, 75)]
    assert list(merge_bands(rows, 3)) == [(0, 18), (50, 60), (70, 75)]
    assert list(merge_bands(rows, 0)) == [(0, 12), (15, 18), (50, 60), (70, 75)]
    assert list(merge_bands([], 3)) == []


@pytest.mark.parametrize("name", HEADERS)
def test_positions_are_those_of_the_files_own_distorted_wcs(shared: Path, name: str) -> None:
    file, extension = HEADERS[name]
    header = fits.getheader(shared / "data" / file, extension)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        oracle = WCS(header)
    xy = np.random.default_rng(1).uniform(-30, 280, (200, 2))
    sky = pixel_to_skycoord(*xy.T, oracle, mode="all").icrs
    wcs = read_wcs(header)
    assert wcs is not None
    found = locate(wcs, sky.ra.deg, sky.dec.deg)
    expected_x, expected_y = skycoord_to_pixel(sky, oracle, mode="all")
    np.testing.assert_allclose(found.x_pix, expected_x, atol=1e-9)
    np.testing.assert_allclose(found.y_pix, expected_y, atol=1e-9)
    np.testing.assert_allclose(found.x_pix, xy[:, 0], atol=1e-3)
    np.testing.assert_allclose(found.y_pix, xy[:, 1], atol=1e-3)


@pytest.mark.parametrize("name", HEADERS)
def test_the_pixel_scale_is_the_local_one(shared: Path, name: str) -> None:
    file, extension = HEADERS[name]
    wcs = read_wcs(fits.getheader(shared / "data" / file, extension))
    assert wcs is not None
    corners = wcs.all_pix2world([[99.5, 99.5], [100.5, 99.5], [100.5, 100.5], [99.5, 100.5], [100, 100]], 0)
    sky = SkyCoord(corners, unit="deg")
    area = sky[0].separation(sky[1]).arcsec * sky[1].separation(sky[2]).arcsec
    found = locate(wcs, corners[4:, 0], corners[4:, 1])
    assert found.scale_arcsec[0] == pytest.approx(np.sqrt(area), rel=1e-3)


def test_positions_that_no_pixel_leads_to_have_no_answer(shared: Path) -> None:
    wcs = read_wcs(fits.getheader(shared / "data" / HEADERS["hsc SIP"][0], 1))
    assert wcs is not None
    ra, dec = wcs.all_pix2world([[100, 100]], 0)[0]
    found = locate(wcs, np.array([ra, ra + 180, ra, np.nan, ra]), np.array([dec, -dec, 95.0, dec, np.inf]))
    assert np.isfinite(found.x_pix).tolist() == [True, False, False, False, False]
    far = locate(wcs, np.array([ra + 5.0]), np.array([dec + 5.0]))
    inside = (np.abs(far.x_pix) < 300) & (np.abs(far.y_pix) < 300)
    assert not inside.any()


@pytest.mark.parametrize("angle", [0, 30, 44, 46, 90, 135, 180, 200, 270, 315])
@pytest.mark.parametrize("flip", [1, -1])
def test_north_up_east_left_within_45_degrees(angle: float, flip: int) -> None:
    wcs = tangent(angle, flip)
    found = locate(wcs, np.array([358.0]), np.array([-65.0]))
    turn = turn_to_north(tuple(found.north[0]), tuple(found.east[0]))
    north, east = turn.vector(tuple(found.north[0])), turn.vector(tuple(found.east[0]))
    length = np.hypot(*north)
    assert north[0] / length >= np.cos(np.radians(45.01))
    assert -east[1] / length >= np.cos(np.radians(45.01))


@pytest.mark.parametrize("shape", [(5, 5), (6, 6), (4, 7)])
def test_a_turn_moves_pixels_the_way_it_moves_directions(shape: tuple[int, int]) -> None:
    image = np.zeros(shape)
    image[3, 1] = 1
    centre = np.array([(shape[0] - 1) / 2, (shape[1] - 1) / 2])
    for a in (1, -1):
        for b in (1, -1):
            for turn in (Turn(((a, 0), (0, b))), Turn(((0, a), (b, 0)))):
                turned = turn.image(image)
                expected = turn.vector(tuple(np.array([3, 1]) - centre))
                found = np.argwhere(turned == 1)[0] - (np.array(turned.shape) - 1) / 2
                assert tuple(found) == expected


def test_near_the_pole_directions_stay_finite() -> None:
    wcs = tangent(0, 1)
    wcs.wcs.crval = [10.0, 89.9995]
    wcs.wcs.set()
    found = locate(wcs, np.array([10.0]), np.array([89.9995]))
    assert found.scale_arcsec[0] == pytest.approx(0.72, rel=0.05)


def test_where_a_distortion_folds_over_there_is_no_answer() -> None:
    header = tangent(0, 1).to_header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    header["A_ORDER"] = header["B_ORDER"] = header["AP_ORDER"] = header["BP_ORDER"] = 2
    header["A_2_0"] = -2e-3
    wcs = read_wcs(header)
    assert wcs is not None
    inside = wcs.all_pix2world([[110, 92]], 0)[0]
    ra = inside[0] + np.array([0.0, -0.2, -0.4, -1.0])
    found = locate(wcs, ra, np.full(4, inside[1]))
    assert found.x_pix[0] == pytest.approx(110, abs=0.05)
    assert np.isnan(found.x_pix[1:]).all()


@pytest.mark.parametrize("dtype", [">f4", "<f8", ">i2", "u1"])
def test_boxes_cut_together_are_those_cut_alone(dtype: str) -> None:
    random = np.random.default_rng(5)
    image = random.integers(0, 99, (40, 50)).astype(dtype)
    if np.dtype(dtype).kind == "f":
        image[7, 9], image[8, 9], image[20] = np.finfo(np.float32).max, -np.finfo(np.float32).max, np.nan
    boxes = [
        Box(y, x, h, w) for y, x in random.integers(-8, 50, (200, 2)).tolist() for h, w in ((5, 5), (9, 4))
    ]
    for first, rows in ((0, image), (3, image[3:30])):
        for box, found in zip(boxes, cut_all(rows, boxes, first), strict=True):
            alone = cut(rows, box, first)
            assert found.dtype == alone.dtype
            assert found.tobytes() == alone.tobytes()


def test_turns_of_several_are_those_of_each() -> None:
    north, east = np.random.default_rng(6).normal(size=(2, 100, 2))
    expected = [turn_to_north(tuple(n), tuple(e)) for n, e in zip(north, east, strict=True)]
    assert turns_to_north(north, east) == expected
    assert len(set(expected)) == 8
