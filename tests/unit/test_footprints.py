"""Footprints of SourceCatalogs, laid out as afw's writers lay them out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from zoocut.errors import InputError
from zoocut.images.geometry import Box
from zoocut.images.lsst.footprints import read_footprints

LARGE_ID = 170_032_915_988_086_811
"""Beyond 2^53, as DiaSource ids are."""


def test_the_box_of_the_spans(
    tmp_path: Path, afw_archive: Any, source_catalog_writer: Callable[..., None]
) -> None:
    numbers = {
        LARGE_ID + 1: afw_archive.put_footprint([(10, 5, 7), (11, 3, 6), (12, 4, 9)]),
        LARGE_ID: afw_archive.put_footprint([(-2, -4, -4)]),
        7: afw_archive.put_footprint([(3990, 4000, 4071), (3999, 4010, 4020)], heavy=True),
    }
    source_catalog_writer(tmp_path / "sources.fits", afw_archive, numbers)
    assert read_footprints(tmp_path / "sources.fits") == {
        LARGE_ID + 1: Box(10, 3, 3, 7),
        LARGE_ID: Box(-2, -4, 1, 1),
        7: Box(3990, 4000, 10, 72),
    }


def test_the_tables_are_those_of_afw(
    tmp_path: Path, afw_archive: Any, source_catalog_writer: Callable[..., None]
) -> None:
    """The layout that OutputArchive makes: the holder's table first, its SpanSet's index row before its own."""
    numbers = {
        1: afw_archive.put_footprint([(1, 2, 3)]),
        2: afw_archive.put_footprint([(4, 5, 6), (5, 5, 5)]),
    }
    source_catalog_writer(tmp_path / "sources.fits", afw_archive, numbers)
    with fits.open(tmp_path / "sources.fits") as file:
        assert [hdu.name for hdu in file[2:]] == ["ARCHIVE_INDEX", "FOOTPRINT", "SPANSET", "FOOTPRINT"]
        rows = [tuple(row)[:6] for row in file[2].data.tolist()]
    assert rows == [
        (2, 2, 0, 0, 1, "SpanSet"),
        (1, 1, 0, 0, 1, "Footprint"),
        (1, 3, 1, 0, 1, "Footprint"),
        (4, 2, 0, 1, 2, "SpanSet"),
        (3, 1, 0, 1, 1, "Footprint"),
        (3, 3, 1, 1, 2, "Footprint"),
    ]


def test_older_footprints_hold_their_spans_themselves(
    tmp_path: Path, afw_archive: Any, source_catalog_writer: Callable[..., None]
) -> None:
    spans = {"y": ("1J", [20, 21]), "x0": ("1J", [8, 6]), "x1": ("1J", [9, 9])}
    peaks = {"x": ("1E", [8.5]), "y": ("1E", [20.5]), "value": ("1E", [3.0])}
    number = afw_archive.put("Footprint", "lsst.afw.detection", spans, peaks)
    source_catalog_writer(tmp_path / "sources.fits", afw_archive, {5: number})
    assert read_footprints(tmp_path / "sources.fits") == {5: Box(20, 6, 2, 4)}


def test_sources_without_pixels_are_left_out(
    tmp_path: Path, afw_archive: Any, source_catalog_writer: Callable[..., None]
) -> None:
    numbers = {
        1: 0,
        2: afw_archive.put_footprint([]),
        3: afw_archive.put("Footprint", "lsst.afw.detection"),
        4: afw_archive.put_footprint([(1, 1, 1)]),
        5: 99,
    }
    source_catalog_writer(tmp_path / "sources.fits", afw_archive, numbers)
    assert read_footprints(tmp_path / "sources.fits") == {4: Box(1, 1, 1, 1)}


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("no archive", r"sources\.fits is no SourceCatalog with footprints \(it was written without them\)"),
        ("an image", r"sources\.fits is no SourceCatalog with footprints .*set images\.footprint_type"),
        ("truncated", r"sources\.fits is no SourceCatalog with footprints"),
        ("text", r"sources\.fits cannot be read"),
    ],
)
def test_files_that_hold_no_footprints(
    tmp_path: Path, afw_archive: Any, source_catalog_writer: Callable[..., None], kind: str, says: str
) -> None:
    path = tmp_path / "sources.fits"
    source_catalog_writer(path, afw_archive, {1: afw_archive.put_footprint([(1, 1, 1)])})
    if kind == "no archive":
        table = fits.BinTableHDU.from_columns([fits.Column("id", "1K", array=[1])])
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(path, overwrite=True)
    elif kind == "an image":
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU()]).writeto(path, overwrite=True)
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[: 4 * 2880])
    else:
        path.write_bytes(b"no FITS")
    with pytest.raises(InputError, match=says):
        read_footprints(path)
