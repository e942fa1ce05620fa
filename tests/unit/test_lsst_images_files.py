"""Files that `lsst.images` itself writes, compared with what it reads back from them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from zoocut.config.draw import DrawSettings
from zoocut.config.images import FootprintColumns
from zoocut.errors import InputError
from zoocut.images.aligned import Aligned
from zoocut.images.boxes import boxes_for
from zoocut.images.geometry import Box
from zoocut.images.lsst.ast_wcs import AstWcs
from zoocut.images.lsst.exposure import open_exposure
from zoocut.model import Cutout, DiaSource

li = pytest.importorskip("lsst.images", reason="needs lsst-images, which needs Python 3.12")

ORIGIN = (12, 3020)
SHAPE = (90, 110)


def tan_wcs() -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [50.0, 40.0]
    wcs.wcs.cd = np.array([[-1.0, 0.1], [0.1, 1.0]]) * 0.2 / 3600
    return wcs


def tan_projection() -> Any:
    frame = li.GeneralFrame(unit=u.pix)
    return li.SkyProjection.from_fits_wcs(tan_wcs(), frame, x0=ORIGIN[1], y0=ORIGIN[0])


def distorted_projection(approximation: bool) -> Any:
    """A projection through a mapping that is no FITS WCS: sines of the pixel, before the plane."""
    from lsst.images._transforms import _ast
    from starlink import Ast

    waves = Ast.MathMap(
        2, 2, ["u=x+2*sin(y/40)", "v=y+1.5*sin(x/30)"], ["x=u-2*sin(v/40)", "y=v-1.5*sin(u/30)"]
    )
    to_grid = Ast.ShiftMap([1.0 - ORIGIN[1], 1.0 - ORIGIN[0]])
    read = Ast.FitsChan(tan_wcs().to_header().tostring("\n").splitlines()).read()
    bent = Ast.CmpMap(waves, to_grid, True)
    made = Ast.FrameSet(Ast.Frame(2, "Domain=PIXELS"))
    made.addframe(
        1, Ast.CmpMap(bent, read.getmapping(Ast.BASE, Ast.CURRENT), True), read.getframe(Ast.CURRENT)
    )
    frame = li.GeneralFrame(unit=u.pix)
    exact = li.SkyProjection.from_ast_frame_set(_ast.FrameSet.fromString(str(made)), frame)
    near = tan_projection().pixel_to_sky_transform if approximation else None
    return li.SkyProjection(exact.pixel_to_sky_transform, near)


def masked_image(projection: Any = None, planes: int = 3, unit: Any = u.nJy) -> Any:
    array = np.random.default_rng(2).normal(100, 20, SHAPE).astype(np.float32)
    known = [li.MaskPlane(f"PLANE_{i}", "any") for i in range(planes)]
    schema = li.MaskSchema([*known, li.MaskPlane("NO_DATA", "nothing was seen")])
    image = li.Image(array, yx0=ORIGIN, unit=unit, sky_projection=projection or tan_projection())
    made = li.MaskedImage(image, mask_schema=schema)
    made.mask.set("PLANE_1", array > 110)
    made.mask.set("NO_DATA", array < 70)
    return made


def read(path: Path, blank: tuple[str, ...] = (), in_njy: bool = False) -> tuple[Any, Any, tuple[int, int]]:
    with open_exposure(path, blank, in_njy) as plane:
        plane.load([(0, SHAPE[0])])
        return plane.cut_all([Box(0, 0, *SHAPE)])[0], plane.wcs, plane.origin


@pytest.mark.parametrize("compression", ["lossless", "lossy", "none"])
def test_pixels_and_origin(tmp_path: Path, compression: str) -> None:
    from lsst.images.fits import FitsCompressionOptions

    options = {
        "lossless": {},
        "lossy": {"compression_options": {"image": FitsCompressionOptions.LOSSY}, "compression_seed": 7},
        "none": {"compression_options": {"image": None, "mask": None}},
    }[compression]
    masked_image().write(str(tmp_path / "image.fits"), **options)
    kept = li.MaskedImage.read(str(tmp_path / "image.fits"))
    pixels, _, origin = read(tmp_path / "image.fits", in_njy=True)
    np.testing.assert_array_equal(pixels, kept.image.array)
    assert origin == ORIGIN
    assert kept.bbox.start == ORIGIN


@pytest.mark.parametrize("planes", [3, 31, 40, 70])
def test_mask_planes_however_many(tmp_path: Path, planes: int) -> None:
    """31 planes fill one mask; NO_DATA, the last, is in the first, second or third."""
    made = masked_image(planes=planes)
    made.write(str(tmp_path / "image.fits"))
    with fits.open(tmp_path / "image.fits") as file:
        assert sum(hdu.name == "MASK" for hdu in file) == planes // 31 + 1
    pixels, _, _ = read(tmp_path / "image.fits", ("NO_DATA",))
    np.testing.assert_array_equal(np.isnan(pixels), made.mask.get("NO_DATA"))
    assert 0 < np.isnan(pixels).sum() < pixels.size
    both, _, _ = read(tmp_path / "image.fits", ("NO_DATA", "PLANE_1"))
    np.testing.assert_array_equal(np.isnan(both), made.mask.get("NO_DATA") | made.mask.get("PLANE_1"))


def check_positions(found: Any, projection: Any, tolerance_pix: float) -> None:
    x_pix, y_pix = np.random.default_rng(3).uniform(0, 90, (2, 200))
    sky = projection.pixel_to_sky(x=x_pix + ORIGIN[1], y=y_pix + ORIGIN[0])
    assert isinstance(sky, SkyCoord)
    np.testing.assert_allclose(found.world_to_pixel(sky), (x_pix, y_pix), rtol=0, atol=tolerance_pix)


def test_a_projection_that_fits_holds(tmp_path: Path) -> None:
    masked_image().write(str(tmp_path / "image.fits"))
    _, wcs, _ = read(tmp_path / "image.fits")
    check_positions(wcs, tan_projection(), 1e-6)
    check_positions(WCS(fits.getheader(tmp_path / "image.fits", "IMAGE")), tan_projection(), 1e-6)


@pytest.mark.parametrize("approximation", [True, False])
def test_a_projection_that_fits_cannot_hold(tmp_path: Path, approximation: bool) -> None:
    projection = distorted_projection(approximation)
    masked_image(projection).write(str(tmp_path / "image.fits"))
    assert ("CTYPE1" in fits.getheader(tmp_path / "image.fits", "IMAGE")) is approximation
    _, wcs, _ = read(tmp_path / "image.fits")
    assert isinstance(wcs, AstWcs)
    x_pix, y_pix = np.array([10.0, 70.0]), np.array([20.0, 60.0])
    sky = projection.pixel_to_sky(x=x_pix + ORIGIN[1], y=y_pix + ORIGIN[0])
    assert np.max(wcs.pixel_to_world(x_pix, y_pix).separation(sky).arcsec) < 1e-6
    straight = np.hypot(*(np.array(tan_wcs().world_to_pixel(sky)) - (x_pix, y_pix)))
    assert straight.max() > 0.5


def test_a_calibration_that_is_not_njy(tmp_path: Path) -> None:
    masked_image(unit=u.adu).write(str(tmp_path / "image.fits"))
    with pytest.raises(InputError, match="does not tell its photometric calibration as one number"):
        read(tmp_path / "image.fits", in_njy=True)
    pixels, _, _ = read(tmp_path / "image.fits")
    assert np.isfinite(pixels).all()


def test_a_template_that_is_a_part_is_aligned(tmp_path: Path) -> None:
    whole = masked_image()
    whole.write(str(tmp_path / "whole.fits"))
    part = li.Box.from_shape((60, 70), start=(ORIGIN[0] + 15, ORIGIN[1] + 25))
    whole[part].write(str(tmp_path / "part.fits"))
    sky = whole.sky_projection.pixel_to_sky(x=ORIGIN[1] + 28.0, y=ORIGIN[0] + 40.0)
    source = DiaSource(1, float(sky.ra.deg), float(sky.dec.deg), "list", "row 1", {"diaSourceId": 1})
    aligned = Aligned(boxes_for(FootprintColumns(), DrawSettings(sizes=(21,))), north_up=False)
    with ExitStack() as stack:
        names = ("part.fits", "whole.fits", "whole.fits")
        planes = [stack.enter_context(open_exposure(tmp_path / name, (), in_njy=True)) for name in names]
        ((cutout,),) = aligned.cut(planes, [source])
    assert isinstance(cutout, Cutout)
    np.testing.assert_array_equal(cutout.science, whole.image.array[30:51, 18:39])
    np.testing.assert_array_equal(cutout.template[:, 7:], cutout.science[:, 7:])
    assert np.isnan(cutout.template[:, :7]).all()
