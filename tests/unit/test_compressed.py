"""Tiles that cfitsio reads are, bit for bit, what astropy reads; what is not for cfitsio, astropy reads."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from zoocut.images.compressed import _by_cfitsio, read_bands
from zoocut.images.geometry import cut_all
from zoocut.images.gzip_tiles import read_gzipped
from zoocut.images.rice_tiles import read_riced
from zoocut.images.tile_table import TileTable, open_tiles

pytest.importorskip("fitsio")

BANDS = [(0, 3), (20, 31), (57, 64)]


def image(dtype: str) -> np.ndarray:
    random = np.random.default_rng(3)
    if np.dtype(dtype).kind == "f":
        pixels = random.normal(100, 10, (64, 80)).astype(dtype)
        pixels[25, 10:20] = np.nan
        pixels[58] = np.nan
        pixels[2, 5] = 0
        return pixels
    return random.integers(0, 200, (64, 80)).astype(dtype)


def written(path: Path, dtype: str, kind: str, **options: object) -> Path:
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(np.zeros((2, 2))),
        fits.CompImageHDU(image(dtype), compression_type=kind, **options),
    ]
    fits.HDUList(hdus).writeto(path)
    return path


CASES = [
    ("f4", "RICE_1", {"quantize_level": 16}),
    ("f4", "RICE_1", {"quantize_level": -0.01, "quantize_method": 1, "dither_seed": 7}),
    ("f4", "RICE_1", {"quantize_level": 16, "quantize_method": 2, "dither_seed": 42}),
    ("f4", "RICE_1", {"quantize_level": 4, "tile_shape": (16, 16)}),
    ("f8", "RICE_1", {"quantize_level": 16, "quantize_method": 2}),
    ("f4", "GZIP_1", {"quantize_level": 0}),
    ("f4", "GZIP_2", {"quantize_level": 0}),
    ("f8", "GZIP_2", {"quantize_level": 0}),
    ("f4", "GZIP_2", {"quantize_level": 16, "quantize_method": 1}),
    ("f4", "GZIP_2", {"quantize_level": 0, "tile_shape": (7, 80)}),
    ("i2", "RICE_1", {}),
    ("i4", "RICE_1", {"tile_shape": (10, 33)}),
    ("i4", "GZIP_2", {}),
    ("i2", "GZIP_2", {"tile_shape": (3, 80)}),
    ("i4", "GZIP_1", {}),
    ("u1", "GZIP_1", {}),
]


@pytest.mark.parametrize(("dtype", "kind", "options"), CASES)
def test_both_readers_read_the_same(
    tmp_path: Path, dtype: str, kind: str, options: dict[str, object]
) -> None:
    path = written(tmp_path / "a.fits", dtype, kind, **options)
    with fits.open(path) as file:
        hdu = file[2]
        ours = _by_cfitsio(path, 2, BANDS, 80)
        theirs = read_bands(path, hdu, None, BANDS)
        for one, other in zip(ours, theirs, strict=True):
            assert one.dtype.newbyteorder("=") == other.dtype.newbyteorder("=")
            assert one.astype(one.dtype.newbyteorder("=")).tobytes() == other.astype(one.dtype).tobytes()


@pytest.mark.parametrize(("dtype", "kind", "options"), CASES)
@pytest.mark.parametrize("bands", [BANDS, [(0, 64)], [(1, 30), (31, 64)], []])
def test_bands_are_the_same_however_many(
    tmp_path: Path, dtype: str, kind: str, options: dict[str, object], bands: list[tuple[int, int]]
) -> None:
    path = written(tmp_path / "a.fits", dtype, kind, **options)
    with fits.open(path) as file:
        ours, theirs = (read_bands(path, file[2], number, bands) for number in (2, None))
        for one, other in zip(map(np.asarray, ours), map(np.asarray, theirs), strict=True):
            native = other.astype(other.dtype.newbyteorder("="))
            assert one.astype(one.dtype.newbyteorder("=")).tobytes() == native.tobytes()


def by_tiles(read: Callable[[TileTable, list[tuple[int, int]]], Any], path: Path, hdu: Any) -> Any:
    with open_tiles(path, hdu) as table:
        return read(table, BANDS)


@pytest.mark.parametrize(("dtype", "kind", "options"), CASES)
def test_gzipped_tiles_are_what_astropy_reads(
    tmp_path: Path, dtype: str, kind: str, options: dict[str, object]
) -> None:
    path = written(tmp_path / "a.fits", dtype, kind, **options)
    with fits.open(path) as file:
        ours = by_tiles(read_gzipped, path, file[2]) if kind in ("GZIP_1", "GZIP_2") else None
        lossless = (
            kind != "RICE_1" and not options.get("quantize_level") and options.get("tile_shape") != (16, 16)
        )
        assert (ours is not None) == lossless
        for one, other in zip(ours or [], read_bands(path, file[2], None, BANDS), strict=ours is not None):
            assert one.dtype.isnative
            assert one.tobytes() == other.astype(one.dtype).tobytes()


WHOLE = [
    ("f4", {"quantize_level": 16}, True),
    ("f8", {"quantize_level": 4}, True),
    ("f4", {"quantize_level": 16, "tile_shape": (7, 80)}, True),
    ("f4", {"quantize_level": -0.01, "quantize_method": 1, "dither_seed": 7}, False),
    ("f4", {"quantize_level": 4, "tile_shape": (16, 16)}, False),
    ("i4", {}, False),
]


@pytest.mark.parametrize(("dtype", "options", "is_riced"), WHOLE)
@pytest.mark.parametrize("missing", [False, True])
def test_riced_tiles_are_what_astropy_reads(
    tmp_path: Path, dtype: str, options: dict[str, object], is_riced: bool, missing: bool
) -> None:
    pixels = image(dtype)
    if not missing:
        pixels[~np.isfinite(pixels)] = 99
        pixels[58] = pixels[59]  # astropy stores a row without noise otherwise
    path = tmp_path / "a.fits"
    fits.HDUList(
        [fits.PrimaryHDU(), fits.CompImageHDU(pixels, compression_type="RICE_1", **options)]
    ).writeto(path)
    with fits.open(path) as file:
        has_holes = missing and pixels.dtype.kind == "f"
        if is_riced and not has_holes:
            ours = by_tiles(read_riced, path, file[1])
            assert ours is not None
            for one, (first, stop) in zip(ours, BANDS, strict=True):
                assert (one.shape, one.dtype) == ((stop - first, 80), pixels.dtype)
                expected = np.asarray(file[1].section[first:stop])
                assert np.asarray(one).tobytes() == expected.astype(one.dtype).tobytes()
                assert one[1:3, 5:70].tobytes() == expected[1:3, 5:70].astype(one.dtype).tobytes()
                boxes = [(first, 0, 2, 9), (first + 1, 71, 2, 9), (first - 1, 4, 3, 3), (first, 6, 3, 5)]
                for cutout, theirs in zip(
                    cut_all(one, boxes, first), cut_all(expected, boxes, first), strict=True
                ):
                    assert cutout.tobytes() == theirs.tobytes()
                assert np.asarray(one).tobytes() == _by_cfitsio(path, 1, [(first, stop)], 80)[0].tobytes()
        else:
            with contextlib.suppress(ValueError):  # a row without data is stored in another column
                assert by_tiles(read_riced, path, file[1]) is None
        both = (read_bands(path, file[1], number, BANDS) for number in (1, None))
        for one, other in zip(*both, strict=True):
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize("kind", ["HCOMPRESS_1", "PLIO_1"])
def test_other_compressions_are_left_to_astropy(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "a.fits", "i2", kind)
    with fits.open(path) as file:
        np.testing.assert_array_equal(read_bands(path, file[2], 2, [(0, 64)])[0], image("i2"))


@pytest.mark.parametrize("name", ["a[1].fits", "a b.fits", "a.fits+1", "a(b).fits"])
def test_names_that_cfitsio_takes_for_instructions_are_left_to_astropy(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, "i2", "RICE_1")
    with fits.open(path) as file:
        with pytest.raises(ValueError, match=re.escape(name)):
            _by_cfitsio(path, 2, [(3, 9)], 80)
        np.testing.assert_array_equal(read_bands(path, file[2], 2, [(3, 9)])[0], image("i2")[3:9])


def test_what_cfitsio_cannot_read_astropy_reads_or_tells(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", "f4", "GZIP_2", quantize_level=0)
    with fits.open(path) as file:
        np.testing.assert_array_equal(
            read_bands(path, file[2], 1, [(0, 64)])[0], image("f4")
        )  # another HDU's number
        path.write_bytes(path.read_bytes()[:-6000])
        with pytest.raises(Exception, match=r"\S"):
            read_bands(path, file[2], 2, [(0, 64)])


@pytest.mark.parametrize("keyword", ["ZSCALE", "ZZERO", "ZBLANK"])
def test_numbers_that_a_keyword_scales_are_not_taken_for_pixels(tmp_path: Path, keyword: str) -> None:
    header = fits.Header({"XX" + keyword[2:]: 2})
    path = tmp_path / "a.fits"
    fits.CompImageHDU(image("f4"), header, compression_type="GZIP_2", quantize_level=0).writeto(path)
    with fits.open(path) as file:
        assert by_tiles(read_gzipped, path, file[1]) is not None
    path.write_bytes(path.read_bytes().replace(f"XX{keyword[2:]}".encode(), keyword.encode()))
    with fits.open(path) as file:
        assert by_tiles(read_gzipped, path, file[1]) is None
    other = tmp_path / "b.fits"
    pixels = np.nan_to_num(image("f4"), nan=90)
    pixels[58] = pixels[59]
    fits.CompImageHDU(pixels, header, compression_type="RICE_1", quantize_level=16).writeto(other)
    with fits.open(other) as file:
        assert by_tiles(read_riced, other, file[1]) is not None
    other.write_bytes(other.read_bytes().replace(f"XX{keyword[2:]}".encode(), keyword.encode()))
    with fits.open(other) as file:
        assert by_tiles(read_riced, other, file[1]) is None
