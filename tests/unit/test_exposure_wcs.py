"""The WCS of exposures: the archive's, written by AST itself, the header's, and none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from zoocut.errors import ConfigError, InputError
from zoocut.images.lsst.ast_wcs import AstWcs
from zoocut.images.lsst.exposure import LsstPlane, open_exposure
from zoocut.images.sky import locate

ORIGIN = (300, 2000)
"""(y, x) of the image's first pixel on its detector."""

SHAPE = (400, 500)


class Sink:
    """Collects the lines that an AST channel writes."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def astsink(self, line: str) -> None:
        self.lines.append(line)


def sip_header() -> fits.Header:
    """A TAN-SIP header with distortions of about a pixel; its inverse is left to be found."""
    projection = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "RADESYS": "ICRS"}
    centre = {"CRVAL1": 359.99, "CRVAL2": -42.5, "CRPIX1": 180.0, "CRPIX2": 250.0}
    matrix = {"CD1_1": -5.2e-5, "CD1_2": 1.9e-5, "CD2_1": 1.9e-5, "CD2_2": 5.2e-5}
    along_x = {"A_ORDER": 3, "A_2_0": 6e-6, "A_1_1": -4e-6, "A_0_3": 8e-9}
    along_y = {"B_ORDER": 3, "B_0_2": -5e-6, "B_1_1": 2e-6, "B_3_0": -6e-9}
    return fits.Header(projection | centre | matrix | along_x | along_y)


def frame_set(header: fits.Header, system: str = "ICRS") -> Any:
    """The frames that afw's SkyWcs has, from zero-based pixels of the detector over IWC to the sky."""
    from starlink import Ast

    read = Ast.FitsChan([str(card) for card in header.cards]).read()
    steps = read.getmapping(Ast.BASE, Ast.CURRENT)
    y_origin, x_origin = ORIGIN
    first = Ast.ShiftMap([1 - x_origin, 1 - y_origin])
    made = Ast.FrameSet(Ast.Frame(2, "Domain=PIXELS"))
    made.addframe(1, first, Ast.Frame(2, "Domain=IWC"))
    made.addframe(2, steps, read.getframe(Ast.CURRENT))
    made.System = system
    return made


def text_of(mapping: Any, options: str = "") -> str:
    from starlink import Ast

    sink = Sink()
    Ast.Channel(None, sink, options).write(mapping)
    return "\n".join(sink.lines) + "\n"


def put_wcs(archive: Any, text: str) -> int:
    stored = np.frombuffer(f"1 SkyWcs 0 {text}".encode("ascii"), np.uint8)
    number: int = archive.put("SkyWcs", "lsst.afw.geom", {"wcs": ("1QB", [stored])})
    return number


def write(path: Path, cards: fits.Header, primary: dict[str, Any], archive: Any = None) -> Path:
    header = cards.copy()
    for axis, value in enumerate(reversed(ORIGIN), start=1):
        header[f"CTYPE{axis}A"], header[f"CRPIX{axis}A"], header[f"CRVAL{axis}A"] = "LINEAR", 1, value
    hdus = [fits.PrimaryHDU(), fits.CompImageHDU(np.zeros(SHAPE, np.float32), header, name="IMAGE")]
    for name, value in primary.items():
        hdus[0].header[name if len(name) <= 8 else f"HIERARCH {name}"] = value
    if archive is not None:
        hdus[0].header["AR_HDU"] = 3
        hdus += archive.hdus()
    fits.HDUList(hdus).writeto(path)
    return path


def wcs_of(path: Path) -> Any:
    with open_exposure(path, (), in_njy=False) as plane:
        assert isinstance(plane, LsstPlane)
        return plane.wcs


def some_pixels() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    rng = np.random.default_rng(5)
    return rng.uniform(0, SHAPE[1], 300), rng.uniform(0, SHAPE[0], 300)


def check_equal(found: Any, truth: WCS) -> None:
    assert isinstance(found, AstWcs)
    x_pix, y_pix = some_pixels()
    sky = truth.pixel_to_world(x_pix, y_pix)
    assert np.max(found.pixel_to_world(x_pix, y_pix).separation(sky).arcsec) < 1e-6
    np.testing.assert_allclose(found.world_to_pixel(sky), (x_pix, y_pix), rtol=0, atol=1e-6)
    here, there = (locate(wcs, sky.icrs.ra.deg, sky.icrs.dec.deg) for wcs in (found, truth))
    np.testing.assert_allclose(here.x_pix, there.x_pix, rtol=0, atol=1e-6)
    np.testing.assert_allclose(here.scale_arcsec, there.scale_arcsec, rtol=1e-4)
    np.testing.assert_allclose(here.north, there.north, atol=1e-4)
    np.testing.assert_allclose(here.east, there.east, atol=1e-4)


@pytest.mark.parametrize("number_card", ["SKYWCS_ID", "ARCHIVE_ID_SKYWCS", "WCS_ID"])
@pytest.mark.parametrize("options", ["", "Comment=0"])
def test_a_wcs_that_only_the_archive_holds(
    tmp_path: Path, afw_archive: Any, number_card: str, options: str
) -> None:
    elsewhere = sip_header()
    elsewhere["CRVAL1"] = 10.0
    put_wcs(afw_archive, text_of(frame_set(elsewhere)))  # of a visit that a coadd was made from
    number = put_wcs(afw_archive, text_of(frame_set(sip_header()), options))
    path = write(tmp_path / "image.fits", fits.Header(), {number_card: number}, afw_archive)
    check_equal(wcs_of(path), WCS(sip_header()))


def test_the_archives_wcs_goes_before_the_headers_approximation(tmp_path: Path, afw_archive: Any) -> None:
    number = put_wcs(afw_archive, text_of(frame_set(sip_header())))
    linear = sip_header()
    for card in ("A_ORDER", "B_ORDER"):
        linear[card] = 0
    path = write(tmp_path / "image.fits", linear, {"SKYWCS_ID": number}, afw_archive)
    check_equal(wcs_of(path), WCS(sip_header()))


def test_polynomials_of_the_focal_plane(tmp_path: Path, afw_archive: Any) -> None:
    """The same distortion as a PolyMap of AST, whose inverse AST iterates, and as SIP for astropy."""
    from starlink import Ast

    header = sip_header()
    plain = header.copy()
    plain["CTYPE1"], plain["CTYPE2"] = "RA---TAN", "DEC--TAN"
    for card in [name for name in plain if name[:2] in ("A_", "B_")]:
        del plain[card]
    terms = [[1.0, 1, 1, 0], [1.0, 2, 0, 1]]
    for axis, letter in ((1, "A"), (2, "B")):
        names = [name for name in header if name.startswith(f"{letter}_") and name[2:3].isdigit()]
        terms += [[header[name], axis, *map(int, name[2:].split("_"))] for name in names]
    poly = Ast.PolyMap(np.array(terms), None, "IterInverse=1,TolInverse=1e-12,NiterInverse=20")
    centre = [-header["CRPIX1"], -header["CRPIX2"]]
    there, back = Ast.ShiftMap(centre), Ast.ShiftMap([-step for step in centre])
    distorted = Ast.CmpMap(Ast.CmpMap(there, poly, True), back, True)
    read = Ast.FitsChan([str(card) for card in plain.cards]).read()
    to_grid = Ast.ShiftMap([1 - ORIGIN[1], 1 - ORIGIN[0]])
    made = Ast.FrameSet(Ast.Frame(2, "Domain=PIXELS"))
    made.addframe(1, Ast.CmpMap(to_grid, distorted, True), Ast.Frame(2, "Domain=FOCAL"))
    made.addframe(2, read.getmapping(Ast.BASE, Ast.CURRENT), read.getframe(Ast.CURRENT))
    number = put_wcs(afw_archive, text_of(made))
    path = write(tmp_path / "image.fits", fits.Header(), {"SKYWCS_ID": number}, afw_archive)
    check_equal(wcs_of(path), WCS(header))


def test_a_wcs_in_another_system_is_turned_to_icrs(tmp_path: Path, afw_archive: Any) -> None:
    number = put_wcs(afw_archive, text_of(frame_set(sip_header(), system="GALACTIC")))
    path = write(tmp_path / "image.fits", fits.Header(), {"SKYWCS_ID": number}, afw_archive)
    check_equal(wcs_of(path), WCS(sip_header()))


def test_positions_that_the_archives_wcs_does_not_reach(tmp_path: Path, afw_archive: Any) -> None:
    number = put_wcs(afw_archive, text_of(frame_set(sip_header())))
    path = write(tmp_path / "image.fits", fits.Header(), {"SKYWCS_ID": number}, afw_archive)
    ra_deg = np.array([359.99, 179.99, np.nan, 359.99])
    dec_deg = np.array([-42.5, 42.5, -42.5, 95.0])
    found = locate(wcs_of(path), ra_deg, dec_deg)
    assert np.isfinite(found.x_pix).tolist() == [True, False, False, False]
    assert (found.y_pix[0], found.x_pix[0]) == pytest.approx((249.0, 179.0), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Begin FrameSet\n Nframe", r"image\.fits has a WCS that cannot be read .*fetch it again"),
        ("nothing", r"image\.fits has a WCS that cannot be read .*fetch it again"),
        (
            " Begin UnitMap\n    Nin = 3\n IsA Mapping\n End UnitMap",
            r"no mapping of AST from two coordinates to two",
        ),
        ("no inverse", r"image\.fits has a WCS that leads one way only"),
    ],
)
def test_a_wcs_that_cannot_be_used(tmp_path: Path, afw_archive: Any, text: str, says: str) -> None:
    if text == "no inverse":
        from starlink import Ast

        text = text_of(Ast.MathMap(2, 2, ["a=x*1e-5", "b=y*1e-5"], ["x", "y"]))
    number = put_wcs(afw_archive, text)
    path = write(tmp_path / "image.fits", sip_header(), {"SKYWCS_ID": number}, afw_archive)
    with pytest.raises(InputError, match=says):
        wcs_of(path)


def test_a_number_that_the_archive_does_not_have_leaves_the_header(tmp_path: Path, afw_archive: Any) -> None:
    put_wcs(afw_archive, text_of(frame_set(sip_header())))
    path = write(tmp_path / "image.fits", sip_header(), {"SKYWCS_ID": 7}, afw_archive)
    assert isinstance(wcs_of(path), WCS)
    bare = write(tmp_path / "bare.fits", fits.Header(), {}, afw_archive)
    assert wcs_of(bare) is None


def test_a_real_exposure_whose_archive_holds_no_skywcs(shared: Path) -> None:
    """Its archive has a TanWcs and SIP polynomials, which the header repeats."""
    path = shared / "data" / "afw" / "HSC-0908120-056-small.fits"
    with fits.open(path) as file:
        assert [name.strip() for name in file[4].data["name"]] == ["TanWcs", "TanWcs"]
    assert isinstance(wcs_of(path), WCS)


def test_without_pyast_the_message_names_the_extra(
    tmp_path: Path, afw_archive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = put_wcs(afw_archive, text_of(frame_set(sip_header())))
    path = write(tmp_path / "image.fits", fits.Header(), {"SKYWCS_ID": number}, afw_archive)
    monkeypatch.setitem(sys.modules, "starlink", None)
    with pytest.raises(ConfigError, match=r"starlink-pyast: pip install 'zoocut\[butler\]'"):
        wcs_of(path)
