"""`zoocut.draw`: one picture, as the command draws it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.wcs import WCS
from PIL import Image

import zoocut

Pixels = npt.NDArray[np.float64]


@pytest.fixture
def stamps() -> list[Pixels]:
    rng = np.random.default_rng(5)
    template, science = rng.normal(100, 5, (2, 60, 60))
    science[40, 20] += 500
    return [template, science, science - template]


def wcs() -> WCS:
    made = WCS(naxis=2)
    made.wcs.ctype, made.wcs.crval, made.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [30.0, 30.0]
    made.wcs.cdelt = [-0.2 / 3600, 0.2 / 3600]
    return made


def pixels(picture: zoocut.Picture) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))


def test_a_notebook_shows_the_png(stamps: list[Pixels], tmp_path: Path) -> None:
    picture = zoocut.draw(*stamps)
    assert picture._repr_png_() == picture.png
    assert picture.png.startswith(b"\x89PNG\r\n")
    picture.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == picture.png
    assert pixels(picture).shape == (picture.height_pix, picture.width_pix, 3)


def test_it_is_the_picture_of_a_run(stamps: list[Pixels], tmp_path: Path) -> None:
    import pandas as pd

    table = pd.DataFrame({"diaSourceId": [7], "x": [20.0], "y": [40.0]})
    settings = {"catalog.x": "x", "catalog.y": "y", "draw.sizes": [15]}
    run = zoocut.generate(table, tmp_path / "run", frames=tuple(stamps), settings=settings)
    (image,) = run.to_pandas()["images"][0]
    picture = zoocut.draw(*stamps, center=(20.0, 40.0), settings={"draw.sizes": [15]})
    assert (tmp_path / "run" / image).read_bytes() == picture.png


@pytest.mark.parametrize("kind", ["hdu", "ccd", "masked"])
def test_images_are_taken_as_they_are_held(stamps: list[Pixels], kind: str) -> None:
    header = wcs().to_header()
    held = {
        "hdu": [fits.ImageHDU(one, header) for one in stamps],
        "ccd": [CCDData(one, unit="adu", wcs=wcs()) for one in stamps],
        "masked": [np.ma.masked_array(one, np.zeros(one.shape, bool)) for one in stamps],
    }[kind]
    scale = None if kind != "masked" else 0.2
    expected = zoocut.draw(*stamps, center=(20, 40), pixel_scale_arcsec=0.2)
    picture = zoocut.draw(*held, center=(20, 40), pixel_scale_arcsec=scale)
    assert np.array_equal(pixels(picture), pixels(expected))


def test_a_position_on_the_sky_is_found_by_the_wcs(stamps: list[Pixels]) -> None:
    held = [CCDData(one, unit="adu", wcs=wcs()) for one in stamps]
    sky: SkyCoord = wcs().pixel_to_world(20.3, 40.3)
    assert zoocut.draw(*held, center=sky.galactic).png == zoocut.draw(*held, center=(20.3, 40.3)).png


def test_masked_pixels_have_no_data(stamps: list[Pixels]) -> None:
    bad = np.zeros(stamps[0].shape, bool)
    bad[38:43, 18:23] = True
    masked = [CCDData(one, unit="adu", mask=bad) for one in stamps]
    blank = [np.where(bad, np.nan, one) for one in stamps]
    assert zoocut.draw(*masked).png == zoocut.draw(*blank).png != zoocut.draw(*stamps).png


@pytest.mark.parametrize(
    ("changed", "options", "sentence", "code"),
    [
        (np.zeros((60, 61)), {}, "give frames that are aligned", "Z213"),
        (np.full((60, 60), np.nan), {}, "has data", "Z241"),
        (np.zeros((3, 60, 60)), {}, "the science is no image of two dimensions", "Z212"),
        ("science.fits", {}, "the science is no image of two dimensions but str", "Z212"),
        (None, {"center": (900, 900)}, "lies off the frame", "Z240"),
        (None, {"center": (float("nan"), 3)}, "nowhere near the frame", "Z240"),
        (None, {"center": SkyCoord(150, 2, unit="deg")}, "no celestial WCS", "Z213"),
        (None, {"settings": {"draw.panel_pix": 40}}, r"give center=\(x, y\), or set draw.panel_pix", "Z243"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    stamps: list[Pixels], changed: object, options: dict[str, object], sentence: str, code: str
) -> None:
    science = stamps[1] if changed is None else changed
    with pytest.raises(zoocut.errors.InputError, match=sentence) as refused:
        zoocut.draw(stamps[0], science, stamps[2], **options)  # type: ignore[arg-type]
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("settings", "sentence", "code"),
    [
        ({"draw.colormap": "bonne"}, "no colour map", "Z108"),
        ({"draw.layuot": "row"}, "did you mean layout", "Z102"),
        ({"draw.layout": "separate"}, "use row or column", "Z121"),
    ],
)
def test_settings_are_checked(
    stamps: list[Pixels], settings: dict[str, str], sentence: str, code: str
) -> None:
    with pytest.raises(zoocut.errors.ConfigError, match=sentence) as refused:
        zoocut.draw(*stamps, settings=settings)
    assert refused.value.code == code
