"""Cutouts out of alert packets, good and bad."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from zoocut.config.draw import DrawSettings
from zoocut.config.images import StampsSettings
from zoocut.errors import ConfigError, InputError
from zoocut.images import open_images
from zoocut.images.fits_bytes import LARGEST_STAMP_BYTES, read_stamp
from zoocut.model import Cutout, DiaSource, Rejection

Floats = npt.NDArray[np.floating]

SCHEMA = {
    "type": "record",
    "name": "alert",
    "fields": [
        {"name": "candid", "type": "long"},
        *(
            {"name": f"cutout{plane}", "type": ["null", "bytes"]}
            for plane in ("Template", "Science", "Difference")
        ),
    ],
}


def fits_bytes(image: Floats, header: fits.Header | None = None) -> bytes:
    file = io.BytesIO()
    fits.PrimaryHDU(image, header).writeto(file)
    return file.getvalue()


def image(shape: tuple[int, int] = (21, 21), value: float = 0.0) -> npt.NDArray[np.float32]:
    return (np.arange(shape[0] * shape[1]).reshape(shape) + value).astype(np.float32)


def packet(number: int, *stamps: bytes | None) -> dict[str, Any]:
    names = ("cutoutTemplate", "cutoutScience", "cutoutDifference")
    return {"candid": number, **dict(zip(names, stamps, strict=True))}


def write(path: Path, *packets: Mapping[str, Any]) -> Path:
    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(SCHEMA), packets)
    return path


def source(number: int, path: Path, ra: float | None = None, dec: float | None = None) -> DiaSource:
    return DiaSource(number, ra, dec, str(path), f"{path.name} {number}", {"diaSourceId": number})


def cut(*sources: DiaSource, **draw: object) -> list[tuple[Cutout, ...] | Rejection]:
    images = open_images(StampsSettings(), DrawSettings.model_validate({"sizes": [], **draw}), Path())
    return list(images.cut(images.exposure_of(sources[0]), sources))


def one(path: Path, **draw: object) -> tuple[Cutout, ...] | Rejection:
    return cut(source(1, path), **draw)[0]


def cutouts_of(path: Path, **draw: object) -> tuple[Cutout, ...]:
    found = one(path, **draw)
    assert isinstance(found, tuple), found
    return found


def reason_of(path: Path, **draw: object) -> str:
    found = one(path, **draw)
    assert isinstance(found, Rejection)
    return found.reason


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_plain_and_gzipped_stamps(tmp_path: Path, layers: int) -> None:
    stamps = [fits_bytes(image(value=value)) for value in (0, 10, 20)]
    for _ in range(layers):
        stamps = [gzip.compress(stamp) for stamp in stamps]
    (cutout,) = cutouts_of(write(tmp_path / "a.avro", packet(1, *stamps)))
    np.testing.assert_array_equal(cutout.template, image())
    np.testing.assert_array_equal(cutout.science, image(value=10))
    np.testing.assert_array_equal(cutout.difference, image(value=20))
    assert cutout.template.dtype == np.float32
    assert cutout.template.dtype.isnative
    assert cutout.pixel_scale_arcsec is None


def test_sizes_cut_the_middle(tmp_path: Path) -> None:
    stamp = fits_bytes(image((20, 21)))
    small, large = cutouts_of(write(tmp_path / "a.avro", packet(1, stamp, stamp, stamp)), sizes=[6, 25])
    np.testing.assert_array_equal(small.science, image((20, 21))[7:13, 7:13])
    assert large.science.shape == (25, 25)
    assert np.isfinite(large.science).sum() == 20 * 21


def test_each_source_gets_its_own_packet(tmp_path: Path) -> None:
    stamps = [fits_bytes(image(value=1000.0 * k)) for k in range(4)]
    path = write(tmp_path / "a.avro", *(packet(k, stamps[k], stamps[k], stamps[k]) for k in range(1, 4)))
    found = cut(source(3, path), source(1, path), source(9, path), source(2, path))
    values = [item[0].science[0, 0] if isinstance(item, tuple) else None for item in found]
    assert values == [3000, 1000, None, 2000]


def test_a_file_that_breaks_off_costs_what_lies_behind(tmp_path: Path) -> None:
    stamp = fits_bytes(np.random.default_rng(0).normal(size=(40, 40)))
    path = tmp_path / "a.avro"
    with path.open("wb") as file:
        packets = [packet(k, stamp, stamp, stamp) for k in range(1, 5)]
        fastavro.writer(file, fastavro.parse_schema(SCHEMA), packets, sync_interval=1)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 5 // 8])
    found = cut(*(source(k, path) for k in range(1, 5)))
    assert [isinstance(item, tuple) for item in found] == [True, True, False, False]
    assert isinstance(found[3], Rejection)
    assert "a.avro breaks off" in found[3].reason


def test_bad_stamps_are_refused_with_the_reason(tmp_path: Path) -> None:
    good = fits_bytes(image())
    noise = fits_bytes(np.random.default_rng(0).normal(size=(21, 21)))
    table = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([])]).writeto(table)
    cases = {
        "no stamp in its field cutoutScience": (good, None, good),
        "stamp cutoutScience is truncated gzip": (good, gzip.compress(noise)[:-40], good),
        "stamp cutoutScience is no readable FITS": (good, noise[:3000], good),
        "stamp cutoutDifference is no readable": (good, good, b"rubbish"),
        "stamp cutoutTemplate is damaged gzip": (b"\x1f\x8b\x08" + b"x" * 50, good, good),
        "stamp cutoutTemplate has no image of two": (table.getvalue(), good, good),
        r"different sizes \(21 x 21, 20 x 21, 21 x 21\)": (good, fits_bytes(image((21, 20))), good),
        "21 x 21 science cutout has data": (good, fits_bytes(image() * np.nan), good),
    }
    for i, (words, stamps) in enumerate(cases.items()):
        path = write(tmp_path / f"{i}.avro", packet(1, *stamps))
        with pytest.raises(AssertionError, match=words):
            raise AssertionError(reason_of(path))


def test_a_decompression_bomb_is_refused_without_unpacking_it() -> None:
    bomb = gzip.compress(b"\0" * (LARGEST_STAMP_BYTES + 1))
    assert len(bomb) < 2**20
    with pytest.raises(InputError, match="more than 64 MB"):
        read_stamp(bomb)


def wcs_header(shape: tuple[int, int], x: float, y: float) -> fits.Header:
    """Give the header of an LSST stamp: a rotated WCS without CTYPE, the source at a zero-based position."""
    header = fits.Header({"WCSAXES": 2, "CRPIX1": x + 1, "CRPIX2": y + 1, "CRVAL1": 60.0, "CRVAL2": -48.0})
    header.update(
        {"PC1_1": 0.0, "PC1_2": 5.5e-5, "PC2_1": 5.5e-5, "PC2_2": 0.0, "CDELT1": 1.0, "CDELT2": 1.0}
    )
    return header


def test_a_stamp_with_a_wcs_is_cut_at_the_source(tmp_path: Path) -> None:
    shape = (21, 30)
    stamp = fits_bytes(image(shape), wcs_header(shape, 20.2, 9.8))
    path = write(tmp_path / "a.avro", packet(1, stamp, stamp, stamp))
    ((cutout,),) = cut(source(1, path, 60.0, -48.0), sizes=[5])
    np.testing.assert_array_equal(cutout.science, image(shape)[8:13, 18:23])
    assert cutout.pixel_scale_arcsec == pytest.approx(5.5e-5 * 3600, rel=1e-5)
    ((turned,),) = cut(source(1, path, 60.0, -48.0), sizes=[5], orientation="north-up")
    np.testing.assert_array_equal(turned.science, image(shape)[8:13, 18:23].T[:, ::-1])
    assert (cutout.notes, turned.notes) == ((), ("turned by right angles, so that north is up",))


def test_north_up_needs_a_wcs_and_footprints_need_frames(tmp_path: Path) -> None:
    stamp = fits_bytes(image())
    path = write(tmp_path / "a.avro", packet(1, stamp, stamp, stamp))
    assert "north is unknown" in reason_of(path, orientation="north-up")
    with pytest.raises(ConfigError, match="use_footprint needs whole frames"):
        one(path, use_footprint=True)


def test_real_packets(shared: Path) -> None:
    for path in sorted((shared / "data" / "ztf").glob("*.avro")):
        with path.open("rb") as file:
            number = next(fastavro.reader(file))["candid"]
        ((cutout,),) = cut(source(number, path))
        assert cutout.template.shape == cutout.science.shape == cutout.difference.shape == (63, 63)
    settings = StampsSettings(
        template="cutout_template", science="cutout_science", difference="cutout_difference"
    )
    images = open_images(settings, DrawSettings(sizes=()), Path())
    for path in sorted((shared / "data" / "winter").glob("*.avro")):
        (found,) = images.cut(str(path), [source(int(path.stem), path)])
        assert isinstance(found, tuple)
        assert found[0].difference.shape == (81, 81)
