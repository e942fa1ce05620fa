"""Files in the layouts of surveys, made here, for machines without the published ones that tests take where they are.

Packets follow the schemas of `lsst-alert-packet` and the field names of ZTF's and WINTER's public documentation, the
APDB the columns of its schema 1.0.0, frames and exposures the headers of DECam's pipeline and of afw. Counts, file
names and what a test asks of the published files (signs, a moving source, a flagged one) are the same; values are drawn
at random.
"""

from __future__ import annotations

import gzip
import io
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits
from astropy.wcs import WCS

__all__ = ["write_survey_files"]

Image = npt.NDArray[np.float32]
Record = dict[str, Any]

ZTF_PACKETS, LSST_PACKETS, APDB_ROWS = 18, 25, {(943296, 168): 164, (982985, 164): 126}
FLAGGED = 169813007074328578
"""A source of LSST whose one flux is flagged."""

WIRE_ID = 7912941781254298
WINTER_IDS = (3608694, 3608701, 3608704, 3608721)
FADED = (3, 7, 12)
"""Packets, by number, of what got fainter."""


def write_survey_files(folder: Path) -> Path:
    """Write all of them below a folder, named as the published ones are."""
    rng = np.random.default_rng(20261126)
    for name in ("ztf", "lsst", "winter", "decam", "afw", "apdb"):
        (folder / name).mkdir(parents=True)
    _write_ztf(folder / "ztf", rng)
    _write_winter(folder / "winter", rng)
    _write_lsst(folder / "lsst", rng)
    _write_decam(folder / "decam", rng)
    _write_afw(folder / "afw" / "HSC-0908120-056-small.fits", rng)
    _write_apdb(folder / "apdb" / "apdb.sqlite3", rng)
    return folder


# stamps


def _star(shape: tuple[int, int], flux: float, rng: np.random.Generator, sky: float = 0.0) -> Image:
    y, x = np.indices(shape)
    middle = [(length - 1) / 2 + rng.uniform(-0.3, 0.3) for length in shape]
    spot = np.exp(-((y - middle[0]) ** 2 + (x - middle[1]) ** 2) / 8)
    return (sky + rng.normal(0, 3, shape) + flux * spot).astype(np.float32)


def _fits(image: Image, cards: Mapping[str, Any] | None = None) -> bytes:
    file = io.BytesIO()
    header = fits.Header()
    header.update(cards or {})
    fits.PrimaryHDU(image, header).writeto(file)
    return file.getvalue()


def _triplet(shape: tuple[int, int], faded: bool, rng: np.random.Generator) -> tuple[Image, Image, Image]:
    """Template, science and the difference as ZTF sends it: what has changed is positive."""
    template = _star(shape, 900.0 if faded else 0.0, rng, 200.0)
    science = _star(shape, 0.0 if faded else 700.0, rng, 200.0)
    return template, science, np.abs(science - template) if faded else science - template


# Avro


def _record(name: str, fields: Mapping[str, Any]) -> Record:
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields.items()]}


def _write_avro(path: Path, schema: Record, packet: Record) -> None:
    with path.open("wb") as file:
        fastavro.writer(file, schema, [packet])


# ZTF


def _maybe(kind: str) -> list[str]:
    return [kind, "null"]


DETECTION = {
    "jd": "double", "fid": "int", "pid": "long", "diffmaglim": _maybe("float"), "programid": "int",
    "candid": _maybe("long"), "isdiffpos": _maybe("string"), "nid": _maybe("int"), "rcid": _maybe("int"),
    "field": _maybe("int"), "xpos": _maybe("float"), "ypos": _maybe("float"), "ra": _maybe("double"),
    "dec": _maybe("double"), "magpsf": _maybe("float"), "sigmapsf": _maybe("float"), "magnr": _maybe("float"),
    "sigmagnr": _maybe("float"), "distnr": _maybe("float"), "fwhm": _maybe("float"), "rb": _maybe("float"),
    "scorr": _maybe("double"),
}  # fmt: skip
CANDIDATE = DETECTION | {
    "exptime": _maybe("float"),
    "drb": _maybe("float"),
    "ndethist": "int",
    "ncovhist": "int",
}
FORCED = {
    "field": _maybe("int"), "rcid": _maybe("int"), "fid": "int", "pid": "long", "jd": "double", "programid": "int",
    "forcediffimflux": _maybe("float"), "forcediffimfluxunc": _maybe("float"), "procstatus": _maybe("string"),
    "magzpsci": _maybe("float"), "magnr": _maybe("float"), "sigmagnr": _maybe("float"), "distnr": _maybe("float"),
}  # fmt: skip
CUTOUT = _record("cutout", {"fileName": "string", "stampData": "bytes"})
ZTF = _record(
    "alert",
    {
        "schemavsn": "string",
        "publisher": "string",
        "objectId": "string",
        "candid": "long",
        "candidate": _record("candidate", CANDIDATE),
        "prv_candidates": [{"type": "array", "items": _record("prv_candidate", DETECTION)}, "null"],
        "fp_hists": [{"type": "array", "items": _record("fp_hist", FORCED)}, "null"],
        "cutoutScience": CUTOUT,
        "cutoutTemplate": "cutout",
        "cutoutDifference": "cutout",
    },
)


def _write_ztf(folder: Path, rng: np.random.Generator) -> None:
    for number in range(ZTF_PACKETS):
        candid = 2475433850015010009 + number * 7
        faded = number in FADED
        template, science, difference = _triplet((63, 63), faded, rng)
        stamps = {"Template": template, "Science": science, "Difference": difference}
        jd = 2460229.9338542 + number * 0.001
        packet = {
            "schemavsn": "4.02",
            "publisher": "made by zoocut's tests",
            "objectId": f"ZTF24made{number:03d}",
            "candid": candid,
            "candidate": _candidate(candid, jd, faded, rng)
            | {"exptime": 30.0, "drb": 0.9, "ndethist": 3, "ncovhist": 9},
            "prv_candidates": [*_earlier(jd, rng)],
            "fp_hists": [*_forced(jd, rng)],
            **{
                f"cutout{name}": {
                    "fileName": f"{candid}.fits.gz",
                    "stampData": gzip.compress(_fits(image), mtime=0),
                }
                for name, image in stamps.items()
            },
        }
        _write_avro(folder / f"{candid}.avro", ZTF, packet)


def _candidate(candid: int | None, jd: float, faded: bool, rng: np.random.Generator) -> Record:
    return {
        "jd": jd, "fid": 1 + int(rng.integers(2)), "pid": round((jd - 2457754.5) * 1e10), "diffmaglim": 20.5,
        "programid": 1, "candid": candid, "isdiffpos": "f" if faded else "t", "nid": 2475, "rcid": 50, "field": 700,
        "xpos": rng.uniform(100, 3000), "ypos": rng.uniform(100, 3000), "ra": rng.uniform(10, 350),
        "dec": rng.uniform(-20, 80), "magpsf": rng.uniform(16, 20), "sigmapsf": rng.uniform(0.02, 0.2), "magnr": 18.0,
        "sigmagnr": 0.05, "distnr": rng.uniform(0.1, 1.4), "fwhm": 2.1, "rb": 0.8, "scorr": rng.uniform(6, 60),
    }  # fmt: skip


def _earlier(jd: float, rng: np.random.Generator) -> Iterator[Record]:
    """A detection and two limits of earlier nights."""
    yield _candidate(2475433850015999000, jd - 3.0, False, rng)
    for days in (5.0, 9.0):
        limit = dict.fromkeys(DETECTION) | {"jd": jd - days, "fid": 2, "programid": 1, "diffmaglim": 20.1}
        yield limit | {"pid": round((jd - days - 2457754.5) * 1e10), "nid": 2470}


def _forced(jd: float, rng: np.random.Generator) -> Iterator[Record]:
    """Fluxes of the night of the earlier detection and of others, one of which failed."""
    for days, status in ((3.0, "0"), (11.0, "0"), (14.0, "63")):
        when = jd - days
        yield {
            "field": 700, "rcid": 50, "fid": 2, "pid": round((when - 2457754.5) * 1e10), "jd": when, "programid": 1,
            "forcediffimflux": rng.normal(300, 50), "forcediffimfluxunc": 20.0, "procstatus": status,
            "magzpsci": 26.2, "magnr": 18.0, "sigmagnr": 0.05, "distnr": 0.4,
        }  # fmt: skip


# WINTER

WINTER = _record(
    "alert",
    {
        "objectid": "string",
        "candid": "int",
        "candidate": _record(
            "candidate",
            {
                "jd": "double", "fid": "int", "candid": "int", "ra": "double", "dec": "double", "magpsf": "float",
                "sigmapsf": "float", "isdiffpos": "boolean", "scorr": "double", "jdstarthist": ["double", "null"],
                "programid": "int", "progname": "string",
            },
        ),
        "prv_candidates": [
            {
                "type": "array",
                "items": _record(
                    "prv_candidate",
                    {"jd": "double", "fid": "int", "magpsf": "float", "sigmapsf": "float", "isdiffpos": "boolean"},
                ),
            },
            "null",
        ],
        "cutout_science": "bytes",
        "cutout_template": "bytes",
        "cutout_difference": "bytes",
    },
)  # fmt: skip


def _write_winter(folder: Path, rng: np.random.Generator) -> None:
    for number, candid in enumerate(WINTER_IDS):
        template, science, difference = _triplet((81, 81), False, rng)
        template[:30] = np.nan
        jd = 2460500.7 + number
        stamps = {"science": science, "template": template, "difference": difference}
        packet = {
            "objectid": f"WNTR24made{number}",
            "candid": candid,
            "candidate": {
                "jd": jd, "fid": 2, "candid": candid, "ra": rng.uniform(0, 360), "dec": rng.uniform(-20, 80),
                "magpsf": rng.uniform(13, 18), "sigmapsf": 0.05, "isdiffpos": True, "scorr": rng.uniform(6, 40),
                "jdstarthist": jd - 2, "programid": 1, "progname": "made by zoocut's tests",
            },
            "prv_candidates": [
                {"jd": jd - 1 - n, "fid": 2, "magpsf": rng.uniform(15, 18), "sigmapsf": 0.05, "isdiffpos": True}
                for n in range(2)
            ],
            **{f"cutout_{name}": gzip.compress(_fits(image), mtime=0) for name, image in stamps.items()},
        }  # fmt: skip
        _write_avro(folder / f"{candid}.avro", WINTER, packet)


# LSST

LSST_STAMP = {
    "CRPIX1": 15.5,
    "CRPIX2": 15.5,
    "CD1_1": -0.2 / 3600,
    "CD1_2": 0.0,
    "CD2_1": 0.0,
    "CD2_2": 0.2 / 3600,
}
PRIMITIVES = {
    "null": pa.null(), "long": pa.int64(), "int": pa.int32(), "float": pa.float32(), "double": pa.float64(),
    "boolean": pa.bool_(), "string": pa.string(), "bytes": pa.binary(),
}  # fmt: skip


def _lsst_schema(version: str) -> Any:
    spec = find_spec("lsst.alert.packet")
    assert spec is not None, "needs lsst-alert-packet: pip install 'zoocut[test]'"
    folder = Path(str(spec.origin)).parent / "schema" / version.replace("_", "/")
    return fastavro.schema.load_schema(str(folder / f"lsst.v{version}.alert.avsc"))


def _filled(record: Record, values: Record) -> Record:
    """Give every field of a record a value: the one that is given, its default, or nothing."""
    row = {}
    for field in record["fields"]:
        kind = field["type"]
        nothing = (
            None if isinstance(kind, list) else False if kind == "boolean" else "" if kind == "string" else 0
        )
        row[field["name"]] = values.get(field["name"], field.get("default", nothing))
    return row


def _detection(source_id: int, number: int, rng: np.random.Generator) -> Record:
    flux = rng.uniform(800, 9000) * (-1 if number in FADED else 1)
    return {
        "diaSourceId": source_id, "visit": 2025120200000 + number % 7, "detector": 20 + number % 6,
        "diaObjectId": 0 if number in (4, 9, 16) else 2**58 + number, "ssObjectId": None,
        "midpointMjdTai": 61011.0 + number % 4 / 1440, "ra": rng.uniform(0, 360), "dec": rng.uniform(-80, 10),
        "x": rng.uniform(50, 4000), "y": rng.uniform(50, 3900), "psfFlux": flux, "psfFluxErr": 90.0,
        "scienceFlux": abs(flux) + 500, "scienceFluxErr": 95.0, "isNegative": flux < 0, "snr": abs(flux) / 90,
        "reliability": rng.uniform(0.3, 1), "band": "i", "psfFlux_flag": False,
    }  # fmt: skip


def _alert(schema: Any, source_id: int, number: int, rng: np.random.Generator, **source: Any) -> Record:
    (kind,) = [field["type"] for field in schema["fields"] if field["name"] == "diaSource"]
    mine = _detection(source_id, number, rng) | source
    template, science, _ = _triplet((30, 30), number in FADED, rng)
    stamps = {"Template": template, "Science": science, "Difference": science - template}
    cards = LSST_STAMP | {"CRVAL1": mine["ra"], "CRVAL2": mine["dec"]}
    earlier = [
        _filled(
            kind,
            _detection(source_id - n, 0, rng) | {"visit": 2025110100000 + n, "midpointMjdTai": 60990.0 + n},
        )
        for n in range({0: 22, 1: 16, 2: 2}.get(number, 0))
    ]
    return _filled(schema, {}) | {
        "diaSourceId": source_id,
        "diaSource": _filled(kind, mine),
        "prvDiaSources": earlier or None,
        **{f"cutout{name}": _fits(image, cards) for name, image in stamps.items()},
    }


def _write_lsst(folder: Path, rng: np.random.Generator) -> None:
    schema, moving = _lsst_schema("10_0"), (4, 9, 16)
    alerts = []
    for number in range(LSST_PACKETS):
        special = {"ssObjectId": 2**57 + number} if number in moving else {}
        flagged = number == LSST_PACKETS - 1
        source_id = FLAGGED if flagged else FLAGGED - 1000 + number
        alerts.append(_alert(schema, source_id, number, rng, psfFlux_flag=flagged, **special))
    (source,) = [field["type"] for field in schema["fields"] if field["name"] == "diaSource"]
    layout = {
        "diaSourceId": pa.int64(),
        "diaSource": _arrow(source),
        "prvDiaSources": pa.list_(_arrow(source)),
    }
    layout |= {f"cutout{name}": pa.binary() for name in ("Difference", "Science", "Template")}
    rows = [{name: alert[name] for name in layout} for alert in alerts]
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(layout.items())))
    pq.write_table(table, folder / "lsstcam_alerts_v10_0.parquet")
    wire = io.BytesIO()
    fastavro.schemaless_writer(wire, _lsst_schema("9_0"), _alert(_lsst_schema("9_0"), WIRE_ID, 20, rng))
    name = folder / f"lsst_wire_v9_0_{WIRE_ID}.avro"
    name.write_bytes(b"\0" + (900).to_bytes(4, "big") + wire.getvalue())


def _arrow(record: Record) -> pa.DataType:
    """Give the fields of a record as Arrow has them, singles as singles."""
    fields = []
    for field in record["fields"]:
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        (kind,) = [one for one in kinds if one != "null"]
        plain = kind["type"] if isinstance(kind, dict) else kind
        fields.append(pa.field(field["name"], PRIMITIVES[plain]))
    return pa.struct(fields)


# DECam

DECAM_FILES = (
    "FinalDifference.DeCorr.fits",
    "FinalDifference.fits",
    "Stack-DEC-OBS04.fits",
    "Stack-DEC-OBS18.fits",
)


def _tpv() -> fits.Header:
    """A gnomonic projection with a distortion of third order, as DECam's pipeline writes it."""
    header = fits.Header()
    header.update(
        {
            "CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "CUNIT1": "deg", "CUNIT2": "deg", "EQUINOX": 2000.0,
            "RADESYS": "ICRS", "CRVAL1": 318.108, "CRVAL2": -66.0156, "CRPIX1": 128.5, "CRPIX2": 128.5,
            "CD1_1": 1.2e-6, "CD1_2": 7.28e-5, "CD2_1": -7.28e-5, "CD2_2": 1.3e-6,
        }
    )  # fmt: skip
    for axis in (1, 2):
        terms = {
            0: 1e-5,
            1: 1.0 + 2e-4,
            2: -1e-5,
            4: 3e-3,
            5: 1e-3,
            6: 2e-3,
            7: 0.04,
            8: -0.01,
            9: 0.03,
            10: -0.02,
        }
        header.update({f"PV{axis}_{term}": value for term, value in terms.items()})
    return header


def _write_decam(folder: Path, rng: np.random.Generator) -> None:
    for name in DECAM_FILES:
        image = rng.normal(0 if "Difference" in name else 300, 8, (256, 256))
        for _ in range(12):
            y, x = rng.uniform(10, 246, 2)
            rows, columns = np.indices(image.shape)
            image += rng.uniform(100, 2000) * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 6)
        fits.PrimaryHDU(image.astype(np.float32), _tpv()).writeto(folder / name)


# afw


def _sip() -> fits.Header:
    header = fits.Header()
    header.update(
        {
            "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 320.5, "CRVAL2": -0.35, "CRPIX1": 900.0,
            "CRPIX2": 1200.0, "CD1_1": 0.0, "CD1_2": 4.67e-5, "CD2_1": 4.67e-5, "CD2_2": 0.0, "RADESYS": "ICRS",
            "EQUINOX": 2000.0, "CUNIT1": "deg", "CUNIT2": "deg", "A_ORDER": 2, "B_ORDER": 2,
            "A_2_0": 2e-7, "A_1_1": -1e-7, "A_0_2": 1e-7, "B_2_0": 1e-7, "B_1_1": 2e-7, "B_0_2": -2e-7,
            "AP_ORDER": 2, "BP_ORDER": 2, "AP_2_0": -2e-7, "AP_1_1": 1e-7, "AP_0_2": -1e-7, "BP_2_0": -1e-7,
            "BP_1_1": -2e-7, "BP_0_2": 2e-7,
        }
    )  # fmt: skip
    return header


def _write_afw(path: Path, rng: np.random.Generator) -> None:
    """An exposure whose planes have types in the place of names, and whose archive repeats the header's WCS."""
    image = rng.normal(100, 5, (200, 200)).astype(np.float32)
    mask = np.zeros(image.shape, np.int16)
    mask[40:60, 80:120] = 1 << 5
    planes = (
        "BAD",
        "SAT",
        "INTRP",
        "CR",
        "EDGE",
        "DETECTED",
        "DETECTED_NEGATIVE",
        "SUSPECT",
        "CROSSTALK",
        "NO_DATA",
    )
    origin = {
        "LTV1": -100.0,
        "LTV2": -100.0,
        "CTYPE1A": "LINEAR",
        "CTYPE2A": "LINEAR",
        "CRPIX1A": 1.0,
        "CRPIX2A": 1.0,
    }
    origin |= {"CRVAL1A": 100.0, "CRVAL2A": 100.0, "CUNIT1A": "PIXEL", "CUNIT2A": "PIXEL"}
    header = _sip()
    header.update(origin | {"EXTTYPE": "IMAGE"})
    mask_cards = {"EXTTYPE": "MASK"} | {f"HIERARCH MP_{name}": bit for bit, name in enumerate(planes)}
    mask_header, variance_header = fits.Header(), fits.Header({"EXTTYPE": "VARIANCE"})
    for name, value in mask_cards.items():
        mask_header[name] = value
    names = ("id", "cat.archive", "cat.persistable", "row0", "nrows")
    index = [fits.Column(name, "J", array=[n, n]) for n, name in enumerate(names, start=1)]
    index.append(fits.Column("name", "64A", array=["TanWcs", "TanWcs"]))
    hdus = [
        fits.PrimaryHDU(header=fits.Header({"AR_HDU": 5})),
        fits.ImageHDU(image, header),
        fits.ImageHDU(mask, mask_header),
        fits.ImageHDU(np.full_like(image, 25), variance_header),
        fits.BinTableHDU.from_columns(index, fits.Header({"EXTTYPE": "ARCHIVE_INDEX"})),
    ]
    fits.HDUList(hdus).writeto(path)


# APDB

SOURCE_COLUMNS = {
    "diaSourceId": "BIGINT NOT NULL PRIMARY KEY", "visit": "BIGINT NOT NULL", "detector": "SMALLINT NOT NULL",
    "diaObjectId": "BIGINT", "ssObjectId": "BIGINT", "parentDiaSourceId": "BIGINT", "midpointMjdTai": "DOUBLE NOT NULL",
    "ra": "DOUBLE NOT NULL", "raErr": "FLOAT", "dec": "DOUBLE NOT NULL", "decErr": "FLOAT", "x": "FLOAT NOT NULL",
    "y": "FLOAT NOT NULL", "snr": "FLOAT", "psfFlux": "FLOAT", "psfFluxErr": "FLOAT", "psfChi2": "FLOAT",
    "psfNdata": "INTEGER", "psfFlux_flag": "BOOLEAN", "scienceFlux": "FLOAT", "scienceFluxErr": "FLOAT",
    "extendedness": "FLOAT", "reliability": "FLOAT", "band": "CHAR", "isDipole": "BOOLEAN",
    "time_processed": "DATETIME", "time_withdrawn": "DATETIME", "bboxSize": "BIGINT", "pixelFlags": "BOOLEAN",
    "pixelFlags_bad": "BOOLEAN", "pixelFlags_edge": "BOOLEAN", "pixelFlags_saturated": "BOOLEAN",
    "pixelId": "BIGINT NOT NULL",
}  # fmt: skip
FORCED_COLUMNS = {
    "diaForcedSourceId": "BIGINT NOT NULL PRIMARY KEY", "diaObjectId": "BIGINT NOT NULL", "visit": "BIGINT NOT NULL",
    "detector": "SMALLINT NOT NULL", "psfFlux": "FLOAT", "psfFluxErr": "FLOAT", "midpointMjdTai": "DOUBLE NOT NULL",
    "band": "CHAR", "time_processed": "DATETIME NOT NULL", "time_withdrawn": "DATETIME", "scienceFlux": "FLOAT",
    "scienceFluxErr": "FLOAT",
}  # fmt: skip
SHARED_OBJECTS = 31
"""As many objects were seen in both visits."""


def _write_apdb(path: Path, rng: np.random.Generator) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE metadata (name TEXT PRIMARY KEY, value TEXT)")
        told = {"version:schema": "1.0.0", "instrument": "LSSTCam-imSim"}
        database.executemany("INSERT INTO metadata VALUES (?, ?)", told.items())
        sources = list(_apdb_sources(rng))
        _fill(database, "DiaSource", SOURCE_COLUMNS, sources)
        _fill(database, "DiaForcedSource", FORCED_COLUMNS, _apdb_forced(sources, rng))
    database.close()


def _fill(database: sqlite3.Connection, table: str, columns: Mapping[str, str], rows: Any) -> None:
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    database.execute(f'CREATE TABLE "{table}" ({declared})')
    marks = ", ".join(f":{name}" for name in columns)
    database.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)


def _apdb_sources(rng: np.random.Generator) -> Iterator[Record]:
    for (visit, detector), count in APDB_ROWS.items():
        wcs = WCS(naxis=2)
        wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [55.8, -32.35], [2036, 2000]
        wcs.wcs.cd = np.array([[-1.0, 0.1], [0.1, 1.0]]) * 0.2 / 3600
        for number in range(count):
            x, y = rng.uniform(60, 4000), rng.uniform(60, 3900)
            ra, dec = (float(value) for value in wcs.wcs_pix2world(x, y, 0))
            flux = rng.uniform(300, 20_000) * (-1 if number % 9 == 4 else 1)
            yield dict.fromkeys(SOURCE_COLUMNS) | {
                "diaSourceId": (visit * 200 + detector) * 2**31 + number, "visit": visit, "detector": detector,
                "diaObjectId": 2**50 + (number if number < SHARED_OBJECTS else visit * 1000 + number), "ssObjectId": 0,
                "midpointMjdTai": 60961.233 + visit % 7, "ra": ra, "dec": dec, "x": x, "y": y,
                "snr": abs(flux) / 60, "psfFlux": flux, "psfFluxErr": 60.0, "psfChi2": 1.0, "psfNdata": 1681,
                "psfFlux_flag": 0, "scienceFlux": abs(flux) + 100, "scienceFluxErr": 61.0, "extendedness": 0.0,
                "reliability": rng.uniform(0, 1), "band": "r", "isDipole": int(number % 8 == 3), "bboxSize": 30,
                "time_processed": "2026-10-12 00:00:00.000000", "pixelFlags": 0, "pixelFlags_bad": 0,
                "pixelFlags_edge": None if number % 10 == 9 else int(number % 10 == 1), "pixelFlags_saturated": 0,
                "pixelId": math.floor(rng.uniform(2**44, 2**45)),
            }  # fmt: skip


def _apdb_forced(sources: list[Record], rng: np.random.Generator) -> Iterator[Record]:
    """One flux an object and visit in which it was seen, but for every fifth."""
    for number, row in enumerate(sources):
        if number % 5:
            kept = {name: row[name] for name in FORCED_COLUMNS if name in row}
            yield kept | {"diaForcedSourceId": 2**40 + number, "psfFlux": row["psfFlux"] + rng.normal(0, 20)}
