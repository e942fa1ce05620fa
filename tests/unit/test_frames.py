"""Cutouts out of whole FITS frames, however they are stored."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS

from zoocut.config.draw import DrawSettings
from zoocut.config.images import FootprintColumns, FramesSettings
from zoocut.errors import ConfigError, InputError
from zoocut.images import open_images
from zoocut.model import Cutout, DiaSource, Rejection, Value

PLANES = ("template", "science", "difference")
SETTINGS = FramesSettings(template="template.fits", science="science.fits", difference="difference.fits")


def tan_wcs() -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [150.0, 2.0], [100, 80]
    wcs.wcs.cd = np.array([[-4e-5, 3e-5], [3e-5, 4e-5]])
    wcs.wcs.set()
    return wcs


def pixels(plane: str) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(PLANES.index(plane))
    return np.round(random.normal(1000, 30, (160, 200))).astype(np.float32)


def source(i: int, x: float, y: float, **columns: Value) -> DiaSource:
    sky = tan_wcs().pixel_to_world(x, y)
    ra, dec = float(sky.ra.deg), float(sky.dec.deg)
    return DiaSource(i, ra, dec, "table.csv", f"table.csv row {i}", {"diaSourceId": i, **columns})


def write(folder: Path, storage: str) -> None:
    for plane in PLANES:
        path, header = folder / f"{plane}.fits", tan_wcs().to_header()
        image = pixels(plane)
        if storage == "raw":
            fits.writeto(path, image, header)
        elif storage == "int16 with BZERO":
            fits.writeto(path, image.astype(np.uint16), header)
        elif storage == "second extension":
            fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(image, header, name="IMAGE")]).writeto(path)
        elif storage == "gzipped":
            fits.writeto(path, image, header)
            path.write_bytes(gzip.compress(path.read_bytes()))
        else:
            kind, tile = storage.split(", ")
            shape = {"rows": (1, 200), "squares": (32, 50)}[tile]
            exact = {"quantize_level": 0} if kind != "RICE_1" else {"quantize_level": -0.01}
            fits.CompImageHDU(image, header, compression_type=kind, tile_shape=shape, **exact).writeto(path)


STORAGES = (
    "raw",
    "int16 with BZERO",
    "second extension",
    "gzipped",
    "GZIP_2, rows",
    "GZIP_1, squares",
    "RICE_1, rows",
    "RICE_1, squares",
)


def cut(
    folder: Path, sources: Sequence[DiaSource], settings: FramesSettings = SETTINGS, **draw: object
) -> list[tuple[Cutout, ...] | Rejection]:
    images = open_images(settings, DrawSettings.model_validate(draw), folder)
    return list(images.cut(images.exposure_of(sources[0]), sources))


@pytest.mark.parametrize("storage", STORAGES)
def test_cutouts_are_those_of_cutout2d_in_any_storage(tmp_path: Path, storage: str) -> None:
    write(tmp_path, storage)
    places = [
        (100.2, 80.7),
        (3.2, 4.4),
        (198.75, 150.3),
        (-0.4, 70.2),
        (60.25, 159.3),
        (61.75, 20.25),
        (100.2, 81.7),
    ]
    sources = [source(i, x, y) for i, (x, y) in enumerate(places)]
    found = cut(tmp_path, sources, sizes=[30, 17])
    wcs = tan_wcs()
    for each, cutouts in zip(sources, found, strict=True):
        assert isinstance(cutouts, tuple), cutouts
        for cutout, size in zip(cutouts, (30, 17), strict=True):
            for plane in PLANES:
                sky = SkyCoord(each.ra_deg, each.dec_deg, unit="deg")
                expected = Cutout2D(pixels(plane), sky, size, wcs=wcs, mode="partial", fill_value=np.nan)
                tolerance = 0.7 if storage.startswith("RICE") else 0.0
                np.testing.assert_allclose(getattr(cutout, plane), expected.data, atol=tolerance)
            assert cutout.pixel_scale_arcsec == pytest.approx(5e-5 * 3600, rel=1e-4)


def test_sources_off_the_frame_are_refused_and_the_others_cut(tmp_path: Path) -> None:
    write(tmp_path, "raw")
    lost = DiaSource(5, None, 2.0, "t", "row 5", {"diaSourceId": 5})
    antipode = DiaSource(6, 330.0, -2.0, "t", "row 6", {"diaSourceId": 6})
    sources = [source(1, -40, 20), source(2, 50, 50), source(3, 50, 400), lost, antipode]
    found = cut(tmp_path, sources)
    assert [isinstance(item, Rejection) for item in found] == [True, False, True, True, True]
    reasons = [item.reason for item in found if isinstance(item, Rejection)]
    assert "off the frame, at x -40.0 y 20.0 of 200 x 160" in reasons[0]
    assert "needs ra and dec" in reasons[2]
    assert "nowhere near the frame" in reasons[3]


def test_a_panel_without_any_data_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "raw")
    with fits.open(tmp_path / "template.fits", mode="update") as file:
        file[0].data[20:80, 20:80] = np.nan
    found = cut(tmp_path, [source(1, 50, 50), source(2, 75, 50)])
    assert isinstance(found[0], Rejection)
    assert found[0].reason.startswith(
        "no pixel of its 30 x 30 template cutout has data: set images.allow_missing_t"
    )
    assert isinstance(found[1], tuple)


def test_north_is_up_without_resampling(tmp_path: Path) -> None:
    write(tmp_path, "raw")
    (plain,), (turned,) = (
        cut(tmp_path, [source(1, 100.2, 80.7)], orientation=orientation)[0]
        for orientation in ("detector", "north-up")
    )
    assert np.array_equal(np.sort(plain.science, axis=None), np.sort(turned.science, axis=None))
    wcs = tan_wcs()
    north, east = (
        np.array(wcs.world_to_pixel_values(150.0 + ra, 2.0 + dec)) - wcs.world_to_pixel_values(150.0, 2.0)
        for ra, dec in ((0, 1e-4), (1e-4, 0))
    )
    candidates = [np.rot90(image, k) for image in (plain.science, plain.science[:, ::-1]) for k in range(4)]
    which = [np.array_equal(each, turned.science) for each in candidates].index(True)
    corner = np.zeros((30, 30, 2))
    corner[..., 0], corner[..., 1] = np.indices((30, 30))
    steps = [np.rot90(image, which % 4) for image in (corner, corner[:, ::-1])][which // 4]
    up, left = steps[1, 0] - steps[0, 0], steps[0, 0] - steps[0, 1]
    assert up @ north[::-1] / np.hypot(*north) > np.cos(np.radians(45.1))
    assert left @ east[::-1] / np.hypot(*east) > np.cos(np.radians(45.1))


def test_footprints_come_from_columns(tmp_path: Path) -> None:
    write(tmp_path, "raw")
    box = {"x0": 40, "x1": 52.0, "y0": -2, "y1": 6}
    settings = SETTINGS.model_copy(
        update={"footprint": FootprintColumns(x_min="x0", x_max="x1", y_min="y0", y_max="y1")}
    )
    sources = [
        source(1, 45.3, 3.1, **box),
        source(2, 45.0, 3.0),
        source(3, 45.0, 3.0, **(box | {"x1": 12})),
        source(4, 45.0, 3.0, **(box | {"x1": 51.5})),
        source(5, 45.0, 3.0, **(box | {"x1": 1e300})),
        source(6, 45.0, 3.0, **(box | {"y0": -(2**63)})),
        source(7, 45.0, 3.0, **(box | {"x0": 2**64 - 2, "x1": 2**64 - 1})),
        source(8, 45.0, 3.0, **(box | {"x0": -30000, "x1": 30000, "y0": -30000, "y1": 30000})),
        source(9, 45.3, 3.1, **box),
    ]
    found = cut(tmp_path, sources, settings, use_footprint=True)
    assert isinstance(found[0], tuple)
    (cutout,) = found[0]
    assert cutout.science.shape == (9, 13)
    assert np.isnan(cutout.science[:2]).all()
    np.testing.assert_array_equal(cutout.science[2:], pixels("science")[:7, 40:53])
    reasons = [item.reason for item in found if isinstance(item, Rejection)]
    assert "x0 is missing or empty" in reasons[0]
    assert "has no pixel" in reasons[1]
    assert "x1 is 51.5" in reasons[2]
    assert ["is that of no source" in reason for reason in reasons[3:]] == [True] * 4
    assert isinstance(found[-1], tuple)


@pytest.mark.parametrize(
    "card",
    [
        b"FOO     = 'unterminated",
        b"BAD@KEY = 5",
        b"VAL     = 1.2.3",
        b"low     = 3",
        b"OTHER   = '\xe9'",
        None,
    ],
)
def test_cards_that_are_no_fits(tmp_path: Path, card: bytes | None) -> None:
    """Observatories write such; frames of one header are compared card by card, without a word of astropy's."""
    write(tmp_path, "raw")
    beyond_repair = b"NUL     = 'a\0b'"
    for plane in PLANES:
        path = tmp_path / f"{plane}.fits"
        cards = (card or beyond_repair).ljust(80) + b"END".ljust(80)
        path.write_bytes(path.read_bytes().replace(b"END".ljust(160), cards, 1))
    if card is None:
        with pytest.raises(InputError, match="non-printable"):
            cut(tmp_path, [source(1, 45.3, 30.1)])
    else:
        (found,) = cut(tmp_path, [source(1, 45.3, 30.1)])
        assert isinstance(found, tuple), found


def test_frames_that_are_not_aligned_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "raw")
    shifted = tan_wcs()
    shifted.wcs.crpix = [103, 80]
    fits.writeto(tmp_path / "template.fits", pixels("template"), shifted.to_header(), overwrite=True)
    with pytest.raises(InputError, match=r"template.fits puts the same position 3.0 pixels from"):
        cut(tmp_path, [source(1, 50, 50)])
    fits.writeto(tmp_path / "template.fits", pixels("template")[:100], overwrite=True)
    with pytest.raises(InputError, match=r"200 x 100 pixels but .* no WCS tells how they lie"):
        cut(tmp_path, [source(1, 50, 50)])


@pytest.mark.parametrize("storage", ["raw", "gzipped", "RICE_1, rows", "GZIP_2, rows"])
def test_a_frame_that_breaks_off_is_named(tmp_path: Path, storage: str) -> None:
    write(tmp_path, storage)
    path = tmp_path / "science.fits"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    sources = [source(1, 50, 50), source(2, 150, 140)]
    with pytest.raises(InputError, match=r"science.fits cannot be read"):
        cut(tmp_path, sources)


def test_frames_without_a_wcs_image_or_file_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "raw")
    fits.writeto(tmp_path / "difference.fits", pixels("difference"), overwrite=True)
    with pytest.raises(InputError, match="has no celestial WCS"):
        cut(tmp_path, [source(1, 50, 50)])
    fits.PrimaryHDU().writeto(tmp_path / "difference.fits", overwrite=True)
    with pytest.raises(InputError, match="no image of two dimensions"):
        cut(tmp_path, [source(1, 50, 50)])
    (tmp_path / "difference.fits").write_text("not a FITS file")
    with pytest.raises(InputError, match=r"difference.fits cannot be read"):
        cut(tmp_path, [source(1, 50, 50)])
    (tmp_path / "difference.fits").unlink()
    with pytest.raises(InputError, match=r"difference.fits does not exist"):
        cut(tmp_path, [source(1, 50, 50)])


def test_an_extension_by_name_or_number(tmp_path: Path) -> None:
    write(tmp_path, "second extension")
    named = SETTINGS.model_copy(update={f"{plane}_extension": "IMAGE" for plane in PLANES})
    numbered = SETTINGS.model_copy(update={f"{plane}_extension": 1 for plane in PLANES})
    wrong = SETTINGS.model_copy(update={"science_extension": "VARIANCE"})
    first, second = (cut(tmp_path, [source(1, 50, 50)], settings)[0] for settings in (named, numbered))
    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    np.testing.assert_array_equal(first[0].template, second[0].template)
    with pytest.raises(InputError, match="has no extension 'VARIANCE'"):
        cut(tmp_path, [source(1, 50, 50)], wrong)


def test_paths_are_filled_from_columns(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"science": "{visit:06d}/{detector}.fits"})
    images = open_images(settings, DrawSettings(), tmp_path)
    named = images.exposure_of(source(1, 1, 1, visit=42, detector=3))
    assert named == "template.fits | 000042/3.fits | difference.fits"
    with pytest.raises(InputError, match="no column detector"):
        images.exposure_of(source(1, 1, 1, visit=42))
    with pytest.raises(InputError, match=r"column visit, which the paths .* need, is empty"):
        images.exposure_of(source(1, 1, 1, visit=None, detector=3))
    with pytest.raises(InputError, match="does not fit the value"):
        images.exposure_of(source(1, 1, 1, visit="r42", detector=3))


@pytest.mark.parametrize("pattern", ["{visit", "{}", "{visit.real}", "{visit[0]}"])
def test_a_malformed_pattern_is_a_config_error(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"images\.science"):
        open_images(SETTINGS.model_copy(update={"science": pattern}), DrawSettings(), tmp_path)


def test_frames_need_a_size(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"draw\.sizes is empty"):
        open_images(SETTINGS, DrawSettings(sizes=()), tmp_path)


def test_the_decam_field(shared: Path) -> None:
    folder = shared / "data" / "decam"
    settings = FramesSettings(
        template="Stack-DEC-OBS18.fits",
        science="Stack-DEC-OBS04.fits",
        difference="FinalDifference.DeCorr.fits",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(fits.getheader(folder / settings.difference))
    sky = wcs.pixel_to_world(120.3, 77.8)
    each = DiaSource(1, float(sky.ra.deg), float(sky.dec.deg), "t", "row 1", {"diaSourceId": 1})
    found = cut(folder, [each], settings)
    assert isinstance(found[0], tuple)
    for plane in PLANES:
        image = fits.getdata(folder / getattr(settings, plane))
        expected = Cutout2D(image, sky, 30, wcs=wcs, mode="partial", fill_value=np.nan).data
        np.testing.assert_array_equal(getattr(found[0][0], plane), expected)
