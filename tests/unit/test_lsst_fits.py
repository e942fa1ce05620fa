"""Exposures as LSST writes them: a real afw file, and the conventions of both its libraries."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS

from zoocut.config.draw import DrawSettings
from zoocut.config.images import FootprintColumns
from zoocut.errors import InputError
from zoocut.images.aligned import Aligned
from zoocut.images.boxes import boxes_for
from zoocut.images.geometry import Box
from zoocut.images.lsst.exposure import calibration_njy, mask_bits, open_exposure, origin_of
from zoocut.model import Cutout, DiaSource, Rejection


@pytest.fixture
def afw(shared: Path) -> Path:
    return shared / "data" / "afw" / "HSC-0908120-056-small.fits"


def cut(paths: list[Path], sources: list[DiaSource], blank: tuple[str, ...] = ()) -> list[Any]:
    aligned = Aligned(boxes_for(FootprintColumns(), DrawSettings(sizes=(21,))), north_up=False)
    with ExitStack() as stack:
        planes = [stack.enter_context(open_exposure(path, blank, in_njy=False)) for path in paths]
        return list(aligned.cut(planes, sources))


def source(number: int, ra_deg: float, dec_deg: float) -> DiaSource:
    return DiaSource(number, ra_deg, dec_deg, "list", f"row {number}", {"diaSourceId": number})


def test_a_real_exposure_of_afw(afw: Path) -> None:
    """Image, WCS and mask have no names there, only types; its first pixel is (100, 100) of the detector."""
    data, header = fits.getdata(afw, 1), fits.getheader(afw, 1)
    wcs = WCS(header)
    places = [(30.2, 100.4), (5.1, 7.3), (150.7, 192.8)]
    sky = [wcs.pixel_to_world(x_pix, y_pix).icrs for y_pix, x_pix in places]
    sources = [source(n, float(p.ra.deg), float(p.dec.deg)) for n, p in enumerate(sky)]
    found = cut([afw] * 3, [*sources, source(9, 10.0, 10.0)])
    for place, cutouts in zip(places, found[:-1], strict=True):
        truth = Cutout2D(data, place[::-1], 21, mode="partial", fill_value=np.nan)
        np.testing.assert_array_equal(cutouts[0].science, truth.data)
        assert cutouts[0].pixel_scale_arcsec == pytest.approx(0.168, rel=0.02)
    assert isinstance(found[-1], Rejection)
    assert origin_of(header) == (100, 100)


def test_positions_in_pixels_are_those_of_the_detector(afw: Path) -> None:
    placed = DiaSource(1, None, None, "list", "row 1", {"diaSourceId": 1}, pixel_yx=(130.0, 200.0))
    ((cutout,),) = cut([afw] * 3, [placed])
    np.testing.assert_array_equal(cutout.difference, fits.getdata(afw, 1)[20:41, 90:111])


def test_mask_planes_of_a_real_exposure(afw: Path) -> None:
    bits = mask_bits(fits.getheader(afw, 2))
    assert (bits["BAD"], bits["SAT"], bits["INTRP"], bits["CR"], bits["EDGE"]) == (0, 1, 2, 3, 4)
    assert (bits["DETECTED"], bits["DETECTED_NEGATIVE"], bits["NO_DATA"]) == (5, 6, 9)
    detected = (fits.getdata(afw, 2).astype(int) & (1 << 5)) != 0
    with open_exposure(afw, {"DETECTED", "UNHEARD_OF"}, in_njy=False) as plane:
        plane.load([(0, 200)])
        blanked = np.isnan(plane.cut_all([Box(0, 0, 200, 200)])[0])
    assert 0 < detected.sum() < detected.size
    np.testing.assert_array_equal(blanked, detected)


def test_a_calibration_that_is_not_told(afw: Path) -> None:
    with (
        pytest.raises(InputError, match="does not tell its photometric calibration"),
        open_exposure(afw, (), in_njy=True),
    ):
        pass


def archive(mean_njy: float) -> list[Any]:
    names = ("id", "cat.archive", "cat.persistable", "row0", "nrows")
    index = [
        fits.Column(name, "J", array=[4, value]) for name, value in zip(names, (5, 2, 0, 1, 1), strict=True)
    ]
    index.append(fits.Column("name", "64A", array=["TanWcs", "PhotoCalib"]))
    data = fits.BinTableHDU.from_columns([fits.Column("calibrationMean", "D", array=[1.0, mean_njy])])
    other = fits.BinTableHDU.from_columns([fits.Column("crval", "2D", array=[[1.0, 2.0]])])
    return [fits.BinTableHDU.from_columns(index), other, data]


@pytest.mark.parametrize(
    ("primary", "image", "more", "factor"),
    [
        ({}, {"BUNIT": "nJy"}, [], 1.0),
        ({"AR_HDU": 3}, {}, archive(4.25), 4.25),
        ({"FLUXMAG0": 1e12}, {}, [], 3.6307805477010),
        ({"FLUXMAG0": 0.0}, {}, [], None),
    ],
)
def test_calibrations(
    tmp_path: Path, primary: dict[str, Any], image: dict[str, Any], more: list[Any], factor: float | None
) -> None:
    pixels = np.arange(16, dtype=np.float32).reshape(4, 4)
    hdu = fits.ImageHDU(pixels, fits.Header(image), name="IMAGE")
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(primary)), hdu, *more]).writeto(tmp_path / "image.fits")
    with fits.open(tmp_path / "image.fits") as file:
        assert calibration_njy(file) == (None if factor is None else pytest.approx(factor, rel=1e-12))
    if factor is not None:
        with open_exposure(tmp_path / "image.fits", (), in_njy=True) as plane:
            plane.load([(0, 4)])
            np.testing.assert_allclose(plane.cut_all([Box(0, 0, 4, 4)])[0], pixels * factor, rtol=1e-6)


@pytest.mark.parametrize(
    ("wanted", "constant", "factor"), [(2, True, 4.25), (1, True, 9.5), (2, False, None)]
)
def test_the_calibration_is_the_exposures_own_and_one_number(
    tmp_path: Path, afw_archive: Any, wanted: int, constant: bool, factor: float | None
) -> None:
    """A coadd's archive holds those of its inputs, too; one that varies over the image is refused."""
    for mean, flag in ((9.5, True), (4.25, constant)):
        columns = {"flags": ("1X", [[flag]]), "calibrationMean": ("1D", [mean]), "field": ("1J", [0])}
        afw_archive.put("PhotoCalib", "lsst.afw.image", columns)
    primary = fits.PrimaryHDU(header=fits.Header({"AR_HDU": 3}))
    primary.header["HIERARCH PHOTOCALIB_ID"] = wanted
    image = fits.ImageHDU(np.zeros((4, 4), np.float32), name="IMAGE")
    fits.HDUList([primary, image, *afw_archive.hdus()]).writeto(tmp_path / "image.fits")
    with fits.open(tmp_path / "image.fits") as file:
        assert calibration_njy(file) == (None if factor is None else pytest.approx(factor, rel=1e-12))


def test_planes_of_every_mask_count(tmp_path: Path) -> None:
    """lsst.images writes one MASK for every 31 planes; bits begin anew in each."""
    pixels = np.ones((4, 4), np.float32)
    first, second = np.zeros((2, 4, 4), np.int32)
    first[0], second[1], second[2] = 1, 1, 2
    cards = ({"MSKN0000": "BAD", "MSKM0000": 1}, {"MSKN0000": "NO_DATA", "MSKM0000": 1})
    masks = [
        fits.ImageHDU(mask, fits.Header(planes), name="MASK", ver=n)
        for n, (mask, planes) in enumerate(zip((first, second), cards, strict=True), start=1)
    ]
    image = fits.ImageHDU(pixels, name="IMAGE")
    fits.HDUList([fits.PrimaryHDU(), image, *masks]).writeto(tmp_path / "image.fits")
    for blank, rows in (({"NO_DATA"}, [1]), ({"BAD"}, [0]), ({"BAD", "NO_DATA"}, [0, 1])):
        with open_exposure(tmp_path / "image.fits", blank, in_njy=False) as plane:
            plane.load([(0, 4)])
            blanked = np.isnan(plane.cut_all([Box(0, 0, 4, 4)])[0])
        assert np.flatnonzero(blanked.all(axis=1)).tolist() == rows
        assert blanked.sum() == 4 * len(rows)


def test_a_file_that_lsst_images_wrote() -> None:
    """Kept, as lsst.images is not for every Python: 34 mask planes, and a WCS that no FITS header can hold."""
    path = Path(__file__).resolve().parent / "lsst_images" / "written.fits.gz"
    with open_exposure(path, {"NO_DATA"}, in_njy=True) as plane:
        plane.load([(0, 30)])
        pixels, wcs = plane.cut_all([Box(0, 0, 30, 40)])[0], plane.wcs
        assert plane.origin == (12, 3020)
        assert "CTYPE1" not in plane.header
    y_pix, x_pix = np.indices((30, 40))
    np.testing.assert_array_equal(
        pixels, np.where((x_pix + y_pix) % 7 == 0, np.nan, 100 * y_pix + x_pix).astype(np.float32)
    )
    tangent = WCS(naxis=2)
    tangent.wcs.ctype, tangent.wcs.crval = ["RA---TAN", "DEC--TAN"], [150.0, 2.0]
    tangent.wcs.crpix, tangent.wcs.cd = [20.0, 15.0], np.array([[-1.0, 0.1], [0.1, 1.0]]) * 0.2 / 3600
    waves = (x_pix + 2 * np.sin((y_pix + 12) / 40), y_pix + 1.5 * np.sin((x_pix + 3020) / 30))
    assert wcs is not None
    assert np.max(wcs.pixel_to_world(x_pix, y_pix).separation(tangent.pixel_to_world(*waves)).arcsec) < 1e-6


def test_planes_of_different_parts_are_aligned_by_their_origin(tmp_path: Path, afw: Path) -> None:
    """A template that is cut from (105, 110) on shows the same pixels of the detector."""
    data, header = fits.getdata(afw, 1), fits.getheader(afw, 1)
    part = header.copy()
    part["CRPIX1"] -= 10
    part["CRPIX2"] -= 5
    part["CRVAL1A"], part["CRVAL2A"] = 110, 105
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data[5:, 10:], part, name="IMAGE")]).writeto(
        tmp_path / "template.fits"
    )
    place = WCS(header).pixel_to_world(100.3, 60.8).icrs
    edge = WCS(header).pixel_to_world(12.0, 7.0).icrs
    sources = [source(n, float(p.ra.deg), float(p.dec.deg)) for n, p in enumerate((place, edge))]
    (inside,), (over_the_edge,) = cut([tmp_path / "template.fits", afw, afw], sources)
    assert isinstance(inside, Cutout)
    np.testing.assert_array_equal(inside.template, inside.science)
    known = np.isfinite(over_the_edge.template)
    assert 0 < known.sum() < known.size
    np.testing.assert_array_equal(over_the_edge.template[known], over_the_edge.science[known])


def test_planes_that_are_not_aligned(tmp_path: Path, afw: Path) -> None:
    header = fits.getheader(afw, 1)
    header["CRPIX1"] += 3
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(fits.getdata(afw, 1), header, name="IMAGE")]).writeto(
        tmp_path / "template.fits"
    )
    place = WCS(fits.getheader(afw, 1)).pixel_to_world(100.0, 60.0).icrs
    with pytest.raises(InputError, match=r"3\.0 pixels from where .* give frames that are aligned"):
        cut([tmp_path / "template.fits", afw, afw], [source(1, float(place.ra.deg), float(place.dec.deg))])


@pytest.mark.parametrize("storage", ["raw", "GZIP_2"])
def test_scaled_exposures_and_values_without_data(tmp_path: Path, storage: str) -> None:
    """Integers with BLANK, compressed or not, and what the settings call no data, before any calibration."""
    stored = np.arange(16, dtype=np.int16).reshape(4, 4)
    stored[1, 1] = -5
    cards = fits.Header({"BLANK": -5, "BUNIT": "nJy"})
    kind = fits.ImageHDU if storage == "raw" else fits.CompImageHDU
    image = kind(stored, cards, name="IMAGE") if storage == "raw" else kind(stored, cards, "IMAGE", storage)
    mask = fits.CompImageHDU(np.eye(4, dtype=np.uint16), fits.Header({"HIERARCH MP_NO_DATA": 0}), name="MASK")
    fits.HDUList([fits.PrimaryHDU(), image, mask]).writeto(tmp_path / "image.fits")
    with open_exposure(tmp_path / "image.fits", ("NO_DATA",), in_njy=True, no_data=(7.0, 8.0)) as plane:
        plane.load([(0, 4)])
        found = plane.cut_all([Box(0, 0, 4, 4)])[0]
    right = stored.astype(float)
    right[np.eye(4, dtype=bool)] = np.nan
    right[(stored == 7) | (stored == 8)] = np.nan
    np.testing.assert_array_equal(found, right)
