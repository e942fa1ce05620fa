"""The WCS that is made of a header's numbers is the one that astropy reads of the header, bit for bit."""

import numpy as np
import pytest
from astropy.io import fits

from zoocut.images.sky import _by_coordinates, _by_wcslib, _needs_no_frame, _returning, locate, read_wcs
from zoocut.images.stamp_wcs import _pattern, wcs_of_header

BASE = {"CRPIX1": 15.2, "CRPIX2": 15.9, "CRVAL1": 55.752127609727, "CRVAL2": -32.268478584221, "WCSAXES": 2}
TURN = {"PC1_1": -4.8390638600464e-05, "PC1_2": -2.7e-05, "PC2_1": -2.7078130203427e-05, "PC2_2": 4.8256e-05}
SKY = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CUNIT1": "deg", "CUNIT2": "deg"}
MATRIX = {"CD1_1": -1e-4, "CD1_2": 3e-6, "CD2_1": 2e-6, "CD2_2": 1.1e-4}
KINDS = {
    "LSST, without CTYPE": BASE | TURN | {"CDELT1": 1.0, "CDELT2": 1.0, "LATPOLE": 90.0, "MJDREF": 0.0},
    "PC": BASE | TURN | SKY,
    "CD": BASE | MATRIX | SKY,
    "part of a matrix": BASE | SKY | {"CD1_1": -1e-4, "CD2_2": 1e-4},
    "CDELT alone": BASE | SKY | {"CDELT1": -1e-4, "CDELT2": 1e-4},
    "CROTA2": BASE | SKY | {"CDELT1": -1e-4, "CDELT2": 1e-4, "CROTA2": 33.0},
    "FK5": BASE | MATRIX | SKY | {"RADESYS": "FK5", "EQUINOX": 2000.0},
    "galactic": BASE | MATRIX | {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
    "poles": BASE | MATRIX | SKY | {"LONPOLE": 170.0, "LATPOLE": 20.0},
    "declination first": BASE | MATRIX | {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN"},
    "another projection": BASE | MATRIX | {"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN"},
    "distorted": BASE
    | MATRIX
    | {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-5},
    "arcseconds": BASE | MATRIX | SKY | {"CUNIT1": "arcsec", "CUNIT2": "arcsec"},
    "none": {"OBJECT": "a stamp"},
    "no projection": BASE | {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"},
}


def block_of(cards: dict[str, object]) -> bytes:
    header = fits.Header(
        [("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 2), ("NAXIS1", 30), ("NAXIS2", 30), *cards.items()]
    )
    return header.tostring().encode()


def varied(cards: dict[str, object], seed: int) -> dict[str, object]:
    """Change every number of a position a little."""
    random = np.random.default_rng(seed)
    words = ("CRPIX", "CRVAL", "PC", "CD1", "CD2", "CDELT")
    return {
        name: value * random.uniform(0.9, 1.1)
        if name.startswith(words) and isinstance(value, float)
        else value
        for name, value in cards.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_put_into_a_pattern_are_what_astropy_reads(kind: str) -> None:
    _pattern.cache_clear()
    y, x = np.mgrid[-3:33:7, -3:33:7].reshape(2, -1)
    for seed in range(5):  # the first one reads the pattern, the others use it
        block = block_of(varied(KINDS[kind], seed) | {"CUTMINX": seed})
        expected, found = read_wcs(fits.Header.fromstring(block.decode())), wcs_of_header(block)
        if expected is None:
            assert found is None
            continue
        assert found is not None
        for one, other in zip(expected.all_pix2world(x, y, 0), found.all_pix2world(x, y, 0), strict=True):
            assert one.tobytes() == other.tobytes()
        assert repr(found.to_header(relax=True)) == repr(expected.to_header(relax=True))
        assert found.pixel_scale_matrix.tobytes() == expected.pixel_scale_matrix.tobytes()
    if kind.startswith(("LSST", "PC", "CD")):
        assert _pattern.cache_info().misses == 1


@pytest.mark.parametrize(("old", "new"), [(b"E-05", b"D-05"), (b"15.2", b"'1' "), (b"CRPIX2", b"CRPIX1")])
def test_numbers_written_in_an_unusual_way_are_left_to_astropy(old: bytes, new: bytes) -> None:
    block = block_of(KINDS["PC"])
    assert old in block
    block = block.replace(old, new)
    try:
        expected = read_wcs(fits.Header.fromstring(block.decode()))
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            wcs_of_header(block)
        return
    found = wcs_of_header(block)
    assert repr(found and found.to_header()) == repr(expected and expected.to_header())


@pytest.mark.parametrize(
    "kind", ["LSST, without CTYPE", "CD", "another projection", "FK5", "galactic", "distorted"]
)
def test_positions_without_coordinate_objects_are_those_with_them(kind: str) -> None:
    wcs = read_wcs(fits.Header.fromstring(block_of(KINDS[kind]).decode()))
    ra, dec = np.random.default_rng(4).normal([[55.75], [-32.27]], 1e-3, (2, 50))
    plain = _needs_no_frame(wcs)
    assert plain == (kind in ("LSST, without CTYPE", "CD", "another projection"))
    np.testing.assert_allclose(_returning(wcs, ra - 360, dec), _returning(wcs, ra, dec), rtol=0, atol=1e-6)
    if plain:
        for one, other in zip(_by_coordinates(wcs, ra, dec)[:2], _by_wcslib(wcs, ra, dec)[:2], strict=True):
            assert one.tobytes() == other.tobytes()
        other_side = locate(wcs, np.array([235.75]), np.array([32.27]))
        assert np.isnan(other_side.x_pix).all()
