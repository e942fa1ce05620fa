"""The WCS of an LSST exposure: the one that its writer would read back, of which the header may hold less.

`lsst.afw` puts its SkyWcs into the archive, as bytes of text: version, class, a flag, then AST's own format.
`lsst.images` puts AST's text into the JSON tree that ends the file. Both write the FITS header's WCS beside it,
as near as FITS can come, or not at all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from astropy.io import fits

from zoocut.error_kinds import BadWcs
from zoocut.images.lsst.afw_archive import Archive, open_archive
from zoocut.images.lsst.ast_wcs import AstWcs, read_ast
from zoocut.images.sky import SkyWcs, header_wcs

__all__ = ["exposure_wcs"]

WCS_NUMBERS = ("SKYWCS_ID", "ARCHIVE_ID_SKYWCS", "WCS_ID")
"""Cards of the primary header that number the WCS in the archive; another WCS there is of a coadd's input."""


def exposure_wcs(path: Path, file: fits.HDUList, image: Any, origin: tuple[int, int]) -> SkyWcs | None:
    """Read the WCS of an exposure.

    Parameters
    ----------
    path : Path
        Its file, for messages.
    file : HDUList
        The open file.
    image : ImageHDU or CompImageHDU
        The exposure's image in it.
    origin : (y, x) of int
        The image's first pixel in the frame of the whole detector or tract.

    Returns
    -------
    WCS, AstWcs or None
        For the image's own pixels; None where the file has no celestial WCS.

    Raises
    ------
    InputError
        When the WCS is damaged, or leads from pixels to the sky alone.
    """
    try:
        text = _in_archive(file) or _in_tree(file)
        mapping = None if text is None else read_ast(text)
    except (ValueError, LookupError, TypeError, OSError) as error:
        raise BadWcs(f"{path} has a WCS that cannot be read ({error}): fetch it again") from error
    if mapping is None:
        return header_wcs(path, image.header)
    if not (mapping.TranForward and mapping.TranInverse):
        raise BadWcs(f"{path} has a WCS that leads one way only: zoocut cannot find sources by it")
    return AstWcs(mapping, origin, tuple(image.shape))


def _in_archive(file: fits.HDUList) -> str | None:
    header = file[0].header
    archive = open_archive(file, header)
    number = next((int(header[name]) for name in WCS_NUMBERS if name in header), 0)
    return None if archive is None or archive.name(number) != "SkyWcs" else _text(archive, number)


def _text(archive: Archive, number: int) -> str:
    part = archive.part(number)
    if part is None:
        raise ValueError("the archive holds no text of it")
    text = bytes(part.column("wcs")[0].tolist()).decode("ascii")
    return text[text.index("Begin") :]


def _in_tree(file: fits.HDUList) -> str | None:
    if "JSON" not in file:
        return None
    tree = json.loads(bytes(file["JSON"].data["JSON"][0].tolist()))
    mappings = ((tree.get("sky_projection") or {}).get("pixel_to_sky") or {}).get("mappings") or []
    return mappings[0].get("ast") if len(mappings) == 1 else None
