"""Write eight alert packets in ZTF's schema, of simulated stars, into `alerts/` here: `python docs/ztf_packets.py`."""

import gzip
import io
import sys
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
from astropy.io import fits

PLANES = ("Template", "Science", "Difference")
CANDIDATE: dict[str, tuple[str, Any]] = {
    "jd": ("double", 2460600.75),
    "nid": ("int", 2870),
    "fid": ("int", 2),
    "pid": ("long", 2870250011515),
    "programid": ("int", 1),
    "isdiffpos": ("string", "t"),
    "candid": ("long", 0),
    "ra": ("double", 150.0),
    "dec": ("double", 2.0),
    "magpsf": ("float", 18.5),
    "sigmapsf": ("float", 0.1),
    "scorr": ("double", 12.0),
    "exptime": ("float", 30.0),
}
"""Fields of a candidate that zoocut and the shipped configuration read: type and value, named as in ZTF's schema."""
SCHEMA = {
    "type": "record",
    "name": "alert",
    "namespace": "ztf",
    "fields": [
        {"name": "schemavsn", "type": "string"},
        {"name": "publisher", "type": "string"},
        {"name": "objectId", "type": "string"},
        {"name": "candid", "type": "long"},
        {
            "name": "candidate",
            "type": {
                "type": "record",
                "name": "candidate",
                "fields": [{"name": name, "type": kind} for name, (kind, _) in CANDIDATE.items()],
            },
        },
        *(
            {
                "name": f"cutout{plane}",
                "type": {
                    "type": "record",
                    "name": f"cutout{plane}",
                    "fields": [
                        {"name": "fileName", "type": "string"},
                        {"name": "stampData", "type": "bytes"},
                    ],
                },
            }
            for plane in PLANES
        ),
    ],
}
COUNT = 8


def packet(number: int, **candidate: Any) -> dict[str, Any]:
    """Simulate a source that was not there before; those of odd numbers lie beside a star."""
    candid = 2870250011515015000 + number
    values = {name: value for name, (_, value) in CANDIDATE.items()}
    return {
        "schemavsn": "4.02",
        "publisher": "simulated",
        "objectId": f"ZTF24aa{number:05d}",
        "candid": candid,
        "candidate": values | {"candid": candid, "ra": 150.0 + number / 100} | candidate,
        **{f"cutout{plane}": stamp for plane, stamp in zip(PLANES, stamps(number), strict=True)},
    }


def stamps(number: int) -> list[dict[str, Any]]:
    """Give template, science and difference, gzipped FITS of 63 pixels as ZTF's are."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[-31:32, -31:32]
    host = 400 * (number % 2) * np.exp(-((x - 6) ** 2 + (y + number - 4) ** 2) / 8)
    new = (150 + 60 * number) * np.exp(-(x**2 + y**2) / 5)
    template, science = (image + rng.normal(100, 6, x.shape) for image in (host, host + new))
    return [
        {"fileName": f"{number}_{plane}.fits.gz", "stampData": _gzipped(image)}
        for plane, image in zip(PLANES, (template, science, science - template), strict=True)
    ]


def _gzipped(image: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    fits.PrimaryHDU(image.astype(np.float32)).writeto(file)
    return gzip.compress(file.getvalue())


def write(path: Path, *packets: dict[str, Any]) -> None:
    """Write packets into one Avro file."""
    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(SCHEMA), packets)


if __name__ == "__main__":
    folder = Path(*sys.argv[1:] or ["alerts"])
    folder.mkdir()
    for number in range(COUNT):
        write(folder / f"{number}.avro", packet(number))
