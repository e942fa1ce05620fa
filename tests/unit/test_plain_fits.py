"""Stamps that are read without astropy are what astropy reads; all others are left to it."""

import io
import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from zoocut.images.fits_bytes import read_stamp
from zoocut.images.plain_fits import read_plain

IMAGE = np.arange(12.0).reshape(3, 4)


def written(hdu: object) -> bytes:
    file = io.BytesIO()
    hdu.writeto(file)  # type: ignore[attr-defined]
    return file.getvalue()


def primary(image: np.ndarray, **cards: object) -> bytes:
    return written(fits.PrimaryHDU(image, fits.Header(cards)))


def changed(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new + b" " * (len(old) - len(new)), 1)


def long_header() -> bytes:
    return primary(IMAGE.astype(">f4"), **{f"KEY{n}": n for n in range(60)})


PLAIN = {
    "single": primary(IMAGE.astype(">f4")),
    "double": primary(IMAGE.astype(">f8")),
    "with the word END in a card": primary(IMAGE.astype(">f4"), OBJECT="END of it", ENDED=1),
    "two blocks of header": long_header(),
    "free format, as ZTF writes it": changed(
        primary(IMAGE.astype(">f4")), b"=                    T", b"=  T"
    ),
    "an image behind it": written(
        fits.HDUList([fits.PrimaryHDU(IMAGE.astype(">f4")), fits.ImageHDU(IMAGE * 2)])
    ),
    "NaN and infinity": primary(np.array([[np.nan, np.inf], [-0.0, 1e-40]], ">f4")),
}
OTHERS = {
    "integers": primary(IMAGE.astype(np.int16)),
    "unsigned": primary(IMAGE.astype(np.uint16)),
    "scaled": changed(primary(IMAGE.astype(">f4"), XXSCALE=2.0), b"XXSCALE", b"BSCALE"),
    "shifted": changed(primary(IMAGE.astype(">f4"), XXZERO=2.0), b"XXZERO", b"BZERO"),
    "further axes": primary(IMAGE.astype(">f4")[None]),
    "in an extension": written(fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(IMAGE)])),
    "compressed": written(fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(IMAGE.astype(np.float32))])),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_image_is_what_astropy_reads(name: str) -> None:
    content = PLAIN[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)  # of free format
        with fits.open(io.BytesIO(content)) as file:
            expected, header = file[0].data, file[0].header
    found = read_plain(content)
    assert found is not None
    assert found[0].tobytes() == expected.astype(expected.dtype.newbyteorder("=")).tobytes()
    assert found[0].dtype.isnative
    assert str(fits.Header.fromstring(found[1].decode())).strip() == str(header).strip()
    found[0][:] = 7  # an image of its own: the next reader of these bytes is not to see it
    assert read_plain(content)[0].tobytes() != found[0].tobytes()  # type: ignore[index]


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_image_is_left_to_astropy(name: str) -> None:
    content = OTHERS[name]
    assert read_plain(content) is None
    image, _ = read_stamp(content)
    with fits.open(io.BytesIO(content)) as file:
        expected = next(hdu.data for hdu in file if hdu.data is not None)
    np.testing.assert_array_equal(image, expected.reshape(image.shape))


@pytest.mark.parametrize("cut", [0, 10, 2879, 2880, 2880 + 47])
def test_what_breaks_off_is_left_to_astropy(cut: int) -> None:
    assert read_plain(PLAIN["single"][:cut]) is None


def test_pixels_without_padding_behind_them_are_whole() -> None:
    content = PLAIN["single"][: 2880 + 48]
    assert read_plain(content) is not None
