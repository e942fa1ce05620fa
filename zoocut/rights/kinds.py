"""What a column holds, told by its name: an id, a position, words that name neither, or a value of the catalog."""

from __future__ import annotations

import re
from enum import StrEnum

from zoocut.metadata_keys import PREFIXES

__all__ = ["Kind", "kind_of", "tells_source"]


class Kind(StrEnum):
    """What a column holds."""

    ID = "an id"
    POSITION = "a position"
    LABEL = "a label"
    VALUE = "a value of the catalog"


LABELS = {
    "band", "filter", "filtername", "physicalfilter", "fid", "instrument", "instrume", "telescope", "camera", "survey",
    "detector", "ccd", "rcid", "programid", "programpi", "night", "nid", "dayobs", "observatory", "exposuretime",
    "exptime",
}  # fmt: skip
"""Which filter, camera, detector, night or exposure time: surveys publish their observing plans with these."""

OF_ZOONIVERSE = re.compile(
    r"#?(priority|training_subject|feedback_\d+_.*|group|subject_?type|origin|retired_.*)", re.I
)
"""Keys that steer Zooniverse; nothing of a catalog stands under them."""

IDS = {
    "id", "candid", "name", "objname", "objectname", "sourcename", "designation", "source", "object", "visit",
    "exposure", "expid", "ccdvisit", "uuid", "alertname", "iauname", "tnsname", "packet", "external",
}  # fmt: skip
"""Beside names that end in `Id`; a visit with its detector leads to the image, and so to the source."""

ENDS_AS_ID = re.compile(
    r"(Ids?|_ids?|(source|object|visit|exposure|cand|det|alert|subject|obs|packet|dia|group)ids?|_name)$"
)

AXES = {
    "ra", "dec", "decl", "raj", "dej", "decj", "radec", "coord", "coords", "coordinate", "coordinates", "position",
    "pos", "x", "y", "xpos", "ypos", "lon", "lat", "glon", "glat", "elon", "elat", "alpha", "delta", "htm", "healpix",
    "hpx",
    "pixel", "pix", "tract", "patch", "centroid", "sky", "wcs", "field", "jname", "skycoord", "galactic", "ecliptic",
}  # fmt: skip
"""Words of names that lead to a place on the sky or on a frame."""

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

SOURCE = re.compile(
    r"(?<![.\d])\d{6,}"  # ids of detections and visits; labels, counts and magnitudes have fewer digits in a row
    r"|\b(ZTF|AT|SN|LSST|DES|PS|TNS|ATLAS|Gaia)[ _-]?\d{2,4}[a-z]{2,}"  # names of transients
    r"|J\d{4,}(\.\d+)?[+-]\d{4,}"  # names made of coordinates
    r"|\d{1,3}\.\d{2,}[ ,;_/]*[+-]\d{1,2}\.\d{2,}"  # degrees
    r"|\d{1,2}[: h]\d{2}[: m]\d{2}(\.\d*)?s?[ ,;_/]*[+-]\d{1,2}[: d]\d{2}",  # sexagesimal
    re.IGNORECASE,
)


def kind_of(column: str) -> Kind:
    """Return what a column, or a metadata key without a column, holds; whatever is not known is a value."""
    name = column.lstrip(PREFIXES).rpartition(".")[2].strip()
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    if plain in LABELS or OF_ZOONIVERSE.fullmatch(column.lstrip("!/%& ")):
        return Kind.LABEL
    if {word.casefold() for word in WORD.findall(name)} & AXES:
        return Kind.POSITION
    return Kind.ID if plain in IDS or ENDS_AS_ID.search(name) else Kind.VALUE


def tells_source(text: str) -> bool:
    """Whether a name or a cell holds what looks like an id, a source's name or coordinates."""
    return SOURCE.search(text) is not None
