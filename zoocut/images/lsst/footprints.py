"""Boxes of the footprints in an `lsst.afw` SourceCatalog.

The catalog's column `footprint` numbers an object of its archive. A Footprint's first table holds the number of
its SpanSet, or in older files the spans themselves: y, x0, x1, both ends inside, in the frame of the detector.
"""

from __future__ import annotations

from pathlib import Path

from astropy.io import fits

from zoocut.error_kinds import NoDataset
from zoocut.errors import first_line
from zoocut.images.geometry import Box
from zoocut.images.lsst.afw_archive import Archive, Part, open_archive
from zoocut.images.planes import open_fits

__all__ = ["read_footprints"]


def read_footprints(path: Path) -> dict[int, Box]:
    """Read the boxes of a catalog's footprints.

    Parameters
    ----------
    path : Path
        A FITS file as `lsst.afw.table.SourceCatalog` writes it.

    Returns
    -------
    dict of int to Box
        By source id; sources without a footprint, or with one of no pixel, are left out.

    Raises
    ------
    InputError
        When the file cannot be read, or holds no footprints.
    """
    with open_fits(path, memmap=False) as file:
        try:
            return _boxes(file)
        except Exception as error:  # a damaged table makes astropy raise almost anything
            raise NoDataset(
                f"{path} is no SourceCatalog with footprints ({first_line(error)}): set images.footprint_type to the"
                " dataset type of one"
            ) from error


def _boxes(file: fits.HDUList) -> dict[int, Box]:
    catalog = file[1]
    archive = open_archive(file, catalog.header)
    if archive is None or "footprint" not in catalog.data.names:
        raise NoDataset("it was written without them")
    ids, numbers = (catalog.data[name].tolist() for name in ("id", "footprint"))
    found = {key: _box(archive, number) for key, number in zip(ids, numbers, strict=True)}
    return {key: box for key, box in found.items() if box is not None}


def _box(archive: Archive, number: int) -> Box | None:
    spans = _spans(archive, number)
    if spans is None or spans.rows.start == spans.rows.stop:
        return None
    y, x_first, x_last = (spans.column(name) for name in ("y", "x0", "x1"))
    y_min, x_min = int(y.min()), int(x_first.min())
    return Box(y_min, x_min, int(y.max()) - y_min + 1, int(x_last.max()) - x_min + 1)


def _spans(archive: Archive, number: int) -> Part | None:
    part = archive.part(number)
    if part is None or "x0" in part.names:
        return part
    return archive.part(int(part.column("id")[0]))
