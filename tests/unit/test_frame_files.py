"""Frames as observatories write them: scaled, compressed, with further axes, extensions, masks and grids."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from zoocut.config.draw import DrawSettings
from zoocut.config.images import FramesSettings
from zoocut.errors import InputError
from zoocut.images import open_images
from zoocut.images.planes import unreadable
from zoocut.model import Cutout, DiaSource, Rejection

PLANES = ("template", "science", "difference")
SHAPE = (60, 80)
BLANK = -32768
INHERIT = {"INHERIT": True}


def tan_wcs(**changes: Any) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [150.0, 2.0], [40.0, 30.0]
    wcs.wcs.cdelt = [-4e-5, 4e-5]
    for name, value in changes.items():
        setattr(wcs.wcs, name, value)
    return wcs


def header(**changes: Any) -> fits.Header:
    return tan_wcs(**changes).to_header()


def pixels(shape: tuple[int, int] = SHAPE) -> npt.NDArray[np.float32]:
    return np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)


def source(number: int, x: float, y: float) -> DiaSource:
    sky = tan_wcs().pixel_to_world(x, y)
    columns = {"diaSourceId": number}
    return DiaSource(number, float(sky.ra.deg), float(sky.dec.deg), "t.csv", f"t.csv row {number}", columns)


def by_pixel(number: int, x: float, y: float) -> DiaSource:
    return DiaSource(number, None, None, "t.csv", f"t.csv row {number}", {"diaSourceId": number}, (y, x))


def write_all(folder: Path) -> None:
    for plane in PLANES:
        fits.writeto(folder / f"{plane}.fits", pixels(), header(), overwrite=True)


def cut(
    folder: Path, sources: Sequence[DiaSource], orientation: str = "detector", **images: Any
) -> list[Any]:
    names = {plane: f"{plane}.fits" for plane in PLANES}
    draw = DrawSettings.model_validate({"sizes": 10, "orientation": orientation})
    opened = open_images(FramesSettings.model_validate(names | images), draw, folder)
    return list(opened.cut(opened.exposure_of(sources[0]), sources))


def only(found: list[Any]) -> Cutout:
    ((cutout,),) = found
    assert isinstance(cutout, Cutout)
    return cutout


def reason(found: list[Any]) -> str:
    (rejection,) = found
    assert isinstance(rejection, Rejection)
    return rejection.reason


def with_cards(path: Path, extension: int, cards: dict[str, Any]) -> None:
    """Put cards into a file without a byte of its pixels being touched."""
    with fits.open(path, disable_image_compression=True, do_not_scale_image_data=True) as file:
        end = file[extension].header.tostring(padding=False).encode("ascii")
    more = b"".join(fits.Card(key, value).image.encode("ascii") for key, value in cards.items())
    grown = end[:-80] + more + end[-80:]
    whole, block = path.read_bytes(), 2880
    start = whole.index(end[:-80])
    pad = b" " * (-len(grown) % block)
    behind = start + len(end) + (-len(end) % block)
    path.write_bytes(whole[:start] + grown + pad + whole[behind:])


def write_stored(path: Path, stored: npt.NDArray[Any], cards: dict[str, Any], storage: str) -> None:
    """Write integers as they are to be stored, with the cards that say what they mean."""
    if storage in ("raw", "gzipped"):
        fits.writeto(path, stored, header(), overwrite=True)
        with_cards(path, 0, cards)
        if storage == "gzipped":
            path.write_bytes(gzip.compress(path.read_bytes()))
        return
    hdu = fits.CompImageHDU(stored, header(), compression_type=storage)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
    with_cards(path, 1, cards)


@pytest.mark.parametrize("storage", ["raw", "gzipped", "RICE_1", "GZIP_1", "GZIP_2"])
@pytest.mark.parametrize(
    ("dtype", "cards"),
    [
        ("int16", {"BZERO": 32768, "BSCALE": 1}),
        ("int16", {"BZERO": 32768, "BSCALE": 1, "BLANK": BLANK}),
        ("int16", {"BSCALE": 0.25, "BZERO": 5.0, "BLANK": BLANK}),
        ("int16", {"BLANK": BLANK}),
        ("int32", {"BLANK": BLANK}),
        ("int32", {"BZERO": 2147483648, "BSCALE": 1}),
        ("uint8", {"BLANK": 255}),
        ("int16", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value) or "plain",
)
def test_scaled_frames_in_any_storage(
    tmp_path: Path, storage: str, dtype: str, cards: dict[str, Any]
) -> None:
    """Right values by the FITS standard: physical = BZERO + BSCALE * stored, and BLANK is compared as stored."""
    write_all(tmp_path)
    blank = cards.get("BLANK", BLANK)
    stored = (pixels() % 200).astype(dtype)
    stored[30, 40:44] = blank if np.iinfo(dtype).min <= blank <= np.iinfo(dtype).max else 7
    write_stored(tmp_path / "science.fits", stored, cards, storage)
    right = cards.get("BZERO", 0) + cards.get("BSCALE", 1) * stored.astype(np.float64)
    if "BLANK" in cards:
        right[stored == blank] = np.nan
        assert np.isnan(right).sum() == 4
    cutout = only(cut(tmp_path, [source(1, 39.7, 29.7)]))
    np.testing.assert_array_equal(cutout.science, right[25:35, 35:45])
    edge = only(cut(tmp_path, [source(1, 1.7, 57.7)]))
    np.testing.assert_array_equal(edge.science[:7, 3:], right[53:60, 0:7])


@pytest.mark.parametrize("axes", [(1,), (1, 1)])
@pytest.mark.parametrize("storage", ["raw", "RICE_1", "scaled"])
def test_axes_of_length_one_are_dropped(tmp_path: Path, axes: tuple[int, ...], storage: str) -> None:
    for plane in PLANES:
        image, cards = pixels().reshape(*axes, *SHAPE).astype(np.int16), header()
        cards["WCSAXES"] = 2 + len(axes)
        for number, kind in enumerate(("FREQ", "STOKES")[: len(axes)], start=3):
            cards.update(
                {f"CTYPE{number}": kind, f"CRPIX{number}": 1.0, f"CRVAL{number}": 1.0, f"CDELT{number}": 1.0}
            )
        hdu = fits.PrimaryHDU(image, cards) if storage != "RICE_1" else fits.CompImageHDU(image, cards)
        hdu.writeto(tmp_path / f"{plane}.fits")
        if storage == "scaled":
            with_cards(tmp_path / f"{plane}.fits", 0, {"BSCALE": 1.0, "BLANK": -1})
    cutout = only(cut(tmp_path, [source(1, 39.7, 29.7)]))
    for plane in PLANES:
        np.testing.assert_array_equal(getattr(cutout, plane), pixels()[25:35, 35:45])


@pytest.mark.parametrize(
    ("shape", "told"),
    [((3, 60, 80), "3 x 60 x 80"), ((2, 1, 60, 80), "2 x 1 x 60 x 80"), ((60, 1, 80), "60 x 1 x 80")],
)
def test_a_cube_is_told_by_its_shape(tmp_path: Path, shape: tuple[int, ...], told: str) -> None:
    write_all(tmp_path)
    fits.writeto(tmp_path / "science.fits", np.zeros(shape, np.float32), header(), overwrite=True)
    with pytest.raises(
        InputError, match=f"but one of {told} pixels: write the plane that is meant into a file"
    ):
        cut(tmp_path, [source(1, 39.7, 29.7)])
    with pytest.raises(InputError, match=f"extension 0 is no image of two dimensions but one of {told}"):
        cut(tmp_path, [source(1, 39.7, 29.7)], science_extension=0)


def write_inheriting(path: Path, cards: dict[str, Any], compressed: bool = False) -> None:
    primary = fits.PrimaryHDU(header=header())
    primary.header["BSCALE"] = 3.0
    more = fits.Header(cards)
    image = fits.CompImageHDU(pixels(), more) if compressed else fits.ImageHDU(pixels(), more)
    fits.HDUList([primary, image]).writeto(path, overwrite=True)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_wcs_is_inherited_from_the_primary_header(tmp_path: Path, compressed: bool) -> None:
    write_all(tmp_path)
    write_inheriting(tmp_path / "difference.fits", INHERIT, compressed)
    cutout = only(cut(tmp_path, [source(1, 39.7, 29.7)]))
    assert cutout.difference.shape == (10, 10)
    if not compressed:
        np.testing.assert_array_equal(cutout.difference, pixels()[25:35, 35:45])


@pytest.mark.parametrize("cards", [{}, {"INHERIT": False}])
def test_without_inherit_no_wcs_is_guessed(tmp_path: Path, cards: dict[str, Any]) -> None:
    write_all(tmp_path)
    write_inheriting(tmp_path / "difference.fits", cards)
    with pytest.raises(InputError, match=r"no celestial WCS.*INHERIT = T.*catalog\.x"):
        cut(tmp_path, [source(1, 39.7, 29.7)])
    assert only(cut(tmp_path, [by_pixel(1, 40, 30)])).difference[0, 0] == pixels()[25, 35]


def test_an_extensions_own_wcs_goes_before_the_inherited_one(tmp_path: Path) -> None:
    write_all(tmp_path)
    primary = fits.PrimaryHDU(header=header(crval=[10.0, 10.0]))
    image = fits.ImageHDU(pixels(), header() + fits.Header(INHERIT))
    fits.HDUList([primary, image]).writeto(tmp_path / "difference.fits", overwrite=True)
    np.testing.assert_array_equal(
        only(cut(tmp_path, [source(1, 39.7, 29.7)])).difference, pixels()[25:35, 35:45]
    )


def test_nothing_else_is_inherited_by_an_extension_with_a_wcs(tmp_path: Path) -> None:
    """Distortion terms of the primary header are those of another image."""
    write_all(tmp_path)
    primary = fits.PrimaryHDU(header=header())
    primary.header.update({"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 0.01, "B_0_2": 0.01})
    image = fits.ImageHDU(pixels(), header() + fits.Header(INHERIT))
    fits.HDUList([primary, image]).writeto(tmp_path / "difference.fits", overwrite=True)
    found = cut(tmp_path, [source(1, 70.2, 50.3)])
    np.testing.assert_array_equal(only(found).difference, pixels()[46:56, 66:76])


@pytest.mark.parametrize("wanted", ["SCI,2", "sci, 2", 2, ["SCI", 2]])
def test_an_extension_by_name_and_version(tmp_path: Path, wanted: Any) -> None:
    write_all(tmp_path)
    images = [fits.ImageHDU(pixels() + 1000 * n, header(), name="SCI", ver=n) for n in (1, 2)]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "science.fits", overwrite=True)
    cutout = only(cut(tmp_path, [source(1, 39.7, 29.7)], science_extension=wanted))
    np.testing.assert_array_equal(cutout.science, pixels()[25:35, 35:45] + 2000)


def test_a_name_that_several_extensions_have_is_not_enough(tmp_path: Path) -> None:
    write_all(tmp_path)
    images = [fits.ImageHDU(pixels(), header(), name="SCI", ver=n) for n in (1, 2)]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "science.fits", overwrite=True)
    with pytest.raises(
        InputError, match='has 2 extensions SCI: say which one, "SCI,1", "SCI,2", or its number'
    ):
        cut(tmp_path, [source(1, 39.7, 29.7)], science_extension="SCI")
    with pytest.raises(InputError, match="no extension 'SCI,3'"):
        cut(tmp_path, [source(1, 39.7, 29.7)], science_extension="SCI,3")


@pytest.mark.parametrize("name", ["MASK", "DQ", "WHT"])
def test_a_mask_is_not_drawn_for_the_image(tmp_path: Path, name: str) -> None:
    write_all(tmp_path)
    images = [
        fits.ImageHDU(np.ones(SHAPE, np.int16), name=name),
        fits.ImageHDU(pixels(), header(), name="SCI"),
    ]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "science.fits", overwrite=True)
    with pytest.raises(InputError, match=f"begins with an image named {name}: say which extension"):
        cut(tmp_path, [source(1, 39.7, 29.7)])
    assert (
        only(cut(tmp_path, [source(1, 39.7, 29.7)], science_extension="SCI")).science[0, 0]
        == pixels()[25, 35]
    )


@pytest.mark.parametrize("plane", ["template", "science"])
@pytest.mark.parametrize(
    ("y", "x", "shape"), [(50, 50, (160, 180)), (7, 0, (67, 80)), (-5, -12, (45, 60)), (0, 3, (60, 83))]
)
def test_a_frame_of_another_size_on_the_same_grid(
    tmp_path: Path, plane: str, y: int, x: int, shape: tuple[int, int]
) -> None:
    """The pixel (0, 0) of the difference image is (y, x) of the other one, as their WCS tell."""
    write_all(tmp_path)
    larger = pixels(shape)
    fits.writeto(tmp_path / f"{plane}.fits", larger, header(crpix=[40 + x, 30 + y]), overwrite=True)
    (first,), (second,) = cut(tmp_path, [source(1, 39.7, 29.7), source(2, 14.3, 9.2)])
    for cutout, corner in ((first, (25, 35)), (second, (5, 10))):
        top, left = corner[0] + y, corner[1] + x
        right = np.full((10, 10), np.nan, np.float32)
        inside = larger[max(top, 0) : top + 10, max(left, 0) : left + 10]
        right[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]] = inside
        np.testing.assert_array_equal(getattr(cutout, plane), right)
        np.testing.assert_array_equal(cutout.difference, pixels()[corner[0] :, corner[1] :][:10, :10])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"crpix": [90.4, 80.0]}, "do not lie on one grid"),
        ({"crpix": [90.0, 80.0], "cdelt": [-4.1e-5, 4.1e-5]}, "do not lie on one grid"),
        ({"crpix": [90.0, 80.0], "cdelt": [4e-5, 4e-5]}, "do not lie on one grid"),
        ({"crval": [330.0, -2.0]}, "shows no part of the sky"),
    ],
)
def test_a_frame_of_another_size_on_another_grid(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    write_all(tmp_path)
    fits.writeto(tmp_path / "template.fits", pixels((160, 180)), header(**changes), overwrite=True)
    with pytest.raises(InputError, match=says):
        cut(tmp_path, [source(1, 39.7, 29.7)])


@pytest.mark.parametrize("far", [(2.0, 0.0), (0.0, 3.0), (-1.5, -1.5)])
def test_alignment_is_judged_on_the_frame(tmp_path: Path, far: tuple[float, float]) -> None:
    """Two scales that differ by 5e-4 agree to 0.03 pixels on this frame, and by some 20 two degrees away."""
    write_all(tmp_path)
    fits.writeto(tmp_path / "template.fits", pixels(), header(cdelt=[-4.002e-5, 4.002e-5]), overwrite=True)
    off = DiaSource(9, 150.0 + far[0], 2.0 + far[1], "t.csv", "t.csv row 9", {"diaSourceId": 9})
    found = cut(tmp_path, [source(1, 39.7, 29.7), off, source(2, 20, 20)])
    assert [isinstance(item, tuple) for item in found] == [True, False, True]
    assert "off the frame" in found[1].reason


def test_rows_far_away_do_not_make_a_frame_one_without_north(tmp_path: Path) -> None:
    write_all(tmp_path)
    off = [DiaSource(n, 330.0, -2.0, "t.csv", f"t.csv row {n}", {"diaSourceId": n}) for n in (1, 2)]
    found = cut(tmp_path, off, orientation="north-up")
    assert ["nowhere near the frame" in item.reason for item in found] == [True, True]
    fits.writeto(tmp_path / "difference.fits", pixels(), overwrite=True)
    with pytest.raises(InputError, match=r"no celestial WCS: set draw\.orientation"):
        cut(tmp_path, [by_pixel(1, 40, 30)], orientation="north-up")


def test_frames_apart_on_the_frame_are_refused_even_where_no_source_is(tmp_path: Path) -> None:
    write_all(tmp_path)
    fits.writeto(tmp_path / "template.fits", pixels(), header(cdelt=[-4.1e-5, 4.1e-5]), overwrite=True)
    with pytest.raises(InputError, match=r"puts the same position 1\.2 pixels from where"):
        cut(tmp_path, [source(1, 39, 29)])


def test_frames_of_different_fields_are_refused(tmp_path: Path) -> None:
    write_all(tmp_path)
    fits.writeto(tmp_path / "template.fits", pixels(), header(crval=[330.0, -2.0]), overwrite=True)
    with pytest.raises(InputError, match="shows no part of the sky that"):
        cut(tmp_path, [source(1, 39.7, 29.7)])


@pytest.mark.parametrize(
    ("values", "setting"), [([0], 0), ([-999.9], -999.9), ([0, -32768], [0, -32768]), ([1e30], (1e30,))]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_that_mean_no_data(tmp_path: Path, values: list[float], setting: Any, dtype: str) -> None:
    write_all(tmp_path)
    image = pixels().astype(dtype) + 1
    for n, value in enumerate(values):
        image[28 + n, 38:42] = value
    fits.writeto(tmp_path / "template.fits", image, header(), overwrite=True)
    plain = only(cut(tmp_path, [source(1, 39.7, 29.7)]))
    assert np.isfinite(plain.template).all()
    cutout = only(cut(tmp_path, [source(1, 39.7, 29.7)], no_data=setting))
    right = image[25:35, 35:45].copy()
    right[3 : 3 + len(values), 3:7] = np.nan
    np.testing.assert_array_equal(cutout.template, right)
    np.testing.assert_array_equal(cutout.science, pixels()[25:35, 35:45])


@pytest.mark.parametrize("value", [0, -999, np.nan])
def test_a_template_without_coverage(tmp_path: Path, value: float) -> None:
    write_all(tmp_path)
    fits.writeto(tmp_path / "template.fits", np.full(SHAPE, value, np.float32), header(), overwrite=True)
    sources, blank = [source(1, 39.7, 29.7)], [0, -999]
    assert "10 x 10 template cutout has data: set images.allow_missing_template" in reason(
        cut(tmp_path, sources, no_data=blank)
    )
    cutout = only(cut(tmp_path, sources, no_data=blank, allow_missing_template=True))
    assert np.isnan(cutout.template).all()
    np.testing.assert_array_equal(cutout.science, pixels()[25:35, 35:45])
    fits.writeto(tmp_path / "science.fits", np.full(SHAPE, value, np.float32), header(), overwrite=True)
    lost = reason(cut(tmp_path, sources, no_data=blank, allow_missing_template=True))
    assert lost == "no pixel of its 10 x 10 science cutout has data"


@pytest.mark.parametrize(("bits", "blank"), [(None, [1, 2, 3]), (4, [2, 3]), (8 | 1, [1, 3])])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint16"])
def test_masks(tmp_path: Path, bits: int | None, blank: list[int], dtype: str) -> None:
    write_all(tmp_path)
    mask = np.zeros(SHAPE, dtype)
    mask[26], mask[27], mask[28] = 1, 4, 12
    images = [fits.ImageHDU(pixels(), header(), name="SCI"), fits.ImageHDU(mask, name="DQ")]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "science.fits", overwrite=True)
    cutout = only(cut(tmp_path, [source(1, 39.7, 29.7)], science_mask_extension="DQ", mask_bits=bits))
    right = pixels()[25:35, 35:45].copy()
    right[blank] = np.nan
    np.testing.assert_array_equal(cutout.science, right)
    np.testing.assert_array_equal(cutout.template, pixels()[25:35, 35:45])


def test_one_name_for_the_masks_of_all_frames(tmp_path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[30] = 1
    for plane in PLANES:
        images = [fits.ImageHDU(pixels(), header(), name="SCI"), fits.ImageHDU(mask, name="DQ")]
        images.append(fits.ImageHDU(mask[::-1].copy(), name="OTHER"))
        fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / f"{plane}.fits")
    cutout = only(
        cut(tmp_path, [source(1, 39.7, 29.7)], mask_extension="DQ", template_mask_extension="OTHER")
    )
    assert np.flatnonzero(np.isnan(cutout.science).all(axis=1)).tolist() == [5]
    assert np.flatnonzero(np.isnan(cutout.difference).all(axis=1)).tolist() == [5]
    assert np.flatnonzero(np.isnan(cutout.template).all(axis=1)).tolist() == [4]


def test_a_mask_that_is_none_of_the_images(tmp_path: Path) -> None:
    write_all(tmp_path)
    images = [
        fits.ImageHDU(pixels(), header(), name="SCI"),
        fits.ImageHDU(np.zeros((6, 8), np.int16), name="DQ"),
    ]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "science.fits", overwrite=True)
    with pytest.raises(InputError, match="a mask of 8 x 6 pixels for an image of 80 x 60"):
        cut(tmp_path, [source(1, 39.7, 29.7)], science_mask_extension="DQ")
    with pytest.raises(InputError, match="has no extension 'MASK'"):
        cut(tmp_path, [source(1, 39.7, 29.7)], science_mask_extension="MASK")


@pytest.mark.parametrize("place", [(-0.6, 30), (79.6, 30), (40, -0.6), (40, 59.6), (84, 64)])
def test_a_source_whose_centre_is_off_the_frame_is_refused(
    tmp_path: Path, place: tuple[float, float]
) -> None:
    write_all(tmp_path)
    assert "lies off the frame" in reason(cut(tmp_path, [by_pixel(1, *place)]))
    inside = (min(max(place[0], -0.4), 79.4), min(max(place[1], -0.4), 59.4))
    assert np.isnan(only(cut(tmp_path, [by_pixel(1, *inside)])).science).any()


@pytest.mark.parametrize("error", [ValueError("x"), AttributeError("y"), KeyError("z")])
def test_a_fault_of_the_program_is_not_told_as_damage(error: Exception) -> None:
    told = str(unreadable(Path("a.fits"), error))
    assert f"({type(error).__name__}: " in told
    assert "zoocut is at fault" in told
    assert (
        str(unreadable(Path("a.fits"), EOFError("short"))) == "a.fits cannot be read (short): fetch it again"
    )


def test_nothing_of_astropy_comes_among_the_json(tmp_path: Path) -> None:
    """SIP terms without -SIP in CTYPE make astropy log some lines on standard output for every header it reads."""
    write_all(tmp_path)
    for plane in PLANES:
        with_cards(tmp_path / f"{plane}.fits", 0, {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-7, "B_0_2": 1e-7})
    sky = [tan_wcs().pixel_to_world(x, 30) for x in (20, 30, 40)]
    rows = "".join(f"{n},{place.ra.deg},{place.dec.deg}\n" for n, place in enumerate(sky, start=1))
    (tmp_path / "s.csv").write_text(f"diaSourceId,ra,dec\n{rows}")
    paths = "\n".join(f'{plane} = "{plane}.fits"' for plane in PLANES)
    (tmp_path / "z.toml").write_text(
        f'[catalog]\nkind = "table"\npath = "s.csv"\n[images]\nkind = "frames"\n{paths}\n[draw]\nsizes = [9]\n'
    )
    words = [sys.executable, "-m", "zoocut", "generate", "z.toml", "-o", "run", "--json"]
    done = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, timeout=240, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["drawn"] == 3


def test_the_log_of_astropy_is_as_loud_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    from astropy import log

    from zoocut.images.sky import read_wcs

    before = log.level
    cards = header()
    cards.update({"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-7, "B_0_2": 1e-7})
    assert read_wcs(cards) is not None
    assert capsys.readouterr().out == ""
    assert log.level == before
    WCS(cards)
    assert "Inconsistent SIP" in capsys.readouterr().out
