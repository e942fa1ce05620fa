"""What every catalog and every kind of image must hold, whatever it reads."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.table import MaskedColumn, Table
from astropy.wcs import WCS

from zoocut.catalogs import open_catalog
from zoocut.catalogs.data_frame import DataFrameCatalog
from zoocut.config.catalog import AlertsSettings, ApdbSettings, ButlerTableSettings, TableSettings
from zoocut.config.draw import DrawSettings
from zoocut.config.images import ButlerSettings, FramesSettings, StampsSettings
from zoocut.errors import InputError
from zoocut.images import open_images
from zoocut.model import Catalog, Cutout, DiaSource, Images, Rejection, Value

BIG = 2**60 + 1
"""No double holds it, nor its neighbours."""

ROWS: list[dict[str, Any]] = [
    {
        "diaSourceId": BIG + 2 * n,
        "visit": 9000000001 + n % 2,
        "detector": n % 3,
        "ra": 10.0 + n / 1000,
        "dec": -30.0,
        "band": "r" if n % 2 else "i",
        "snr": None if n == 4 else 5.5 + n,
        "diaObjectId": None if n % 3 == 0 else BIG + 100 + n,
        "isDipole": n % 2 == 0,
    }
    for n in range(12)
]
COLUMNS = tuple(ROWS[0])


def table_settings(path: Path) -> TableSettings:
    return TableSettings(kind="table", path=str(path), columns={})


def masked(name: str, kind: str | None = None) -> MaskedColumn:
    values = [row[name] for row in ROWS]
    filled = [0 if value is None else value for value in values]
    return MaskedColumn(filled, name=name, mask=[value is None for value in values], dtype=kind)


def astropy_table() -> Table:
    kinds = {"diaSourceId": "int64", "diaObjectId": "int64", "visit": "int64"}
    return Table([masked(name, kinds.get(name)) for name in COLUMNS])


def make_csv(folder: Path, _: Any) -> Callable[[], Catalog]:
    # pandas' nullable integers keep what its plain ones would turn into floating point
    frame = pd.DataFrame(ROWS).astype({"diaObjectId": "object"})
    frame["diaObjectId"] = pd.array([row["diaObjectId"] for row in ROWS], dtype="Int64")
    frame.to_csv(folder / "sources.csv", index=False)
    return lambda: open_catalog(table_settings(folder / "sources.csv"), folder)


def make_with_astropy(name: str, kind: str) -> Callable[[Path, Any], Callable[[], Catalog]]:
    def make(folder: Path, _: Any) -> Callable[[], Catalog]:
        astropy_table().write(folder / name, format=kind)
        return lambda: open_catalog(table_settings(folder / name), folder)

    return make


def make_parquet(folder: Path, _: Any) -> Callable[[], Catalog]:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "sources.parquet")
    return lambda: open_catalog(table_settings(folder / "sources.parquet"), folder)


def make_data_frame(_folder: Path, _: Any) -> Callable[[], Catalog]:
    frame = pa.Table.from_pylist(ROWS).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return lambda: DataFrameCatalog(frame.set_index("diaSourceId"))


def fill_database(engine: sa.Engine) -> None:
    kinds = {int: sa.BigInteger, float: sa.Double, bool: sa.Boolean, str: sa.Text}
    first = {name: next(row[name] for row in ROWS if row[name] is not None) for name in COLUMNS}
    metadata = sa.MetaData()
    columns = (sa.Column(name, kinds[type(first[name])]) for name in COLUMNS)
    table = sa.Table("DiaSource", metadata, *columns)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), ROWS)


def make_sqlite(folder: Path, _: Any) -> Callable[[], Catalog]:
    fill_database(sa.create_engine(f"sqlite:///{folder / 'apdb.sqlite3'}", poolclass=sa.NullPool))
    settings = ApdbSettings(kind="apdb", path="apdb.sqlite3", rows_at_once=5, columns={})
    return lambda: open_catalog(settings, folder)


def make_postgres(folder: Path, request: pytest.FixtureRequest) -> Callable[[], Catalog]:
    server = request.getfixturevalue("postgres")
    request.getfixturevalue("monkeypatch").setenv("PGPASSWORD", server.password)
    url = server.create(f"conformance_{abs(hash(folder))}")
    fill_database(sa.create_engine(url.replace("://", "+psycopg://"), poolclass=sa.NullPool))
    settings = ApdbSettings(kind="apdb", url=url, rows_at_once=5, columns={})
    return lambda: open_catalog(settings, folder)


def make_butler(folder: Path, request: pytest.FixtureRequest) -> Callable[[], Catalog]:
    repository = request.getfixturevalue("repository")
    for exposure in sorted({(row["visit"], row["detector"]) for row in ROWS}):
        here = [row for row in ROWS if (row["visit"], row["detector"]) == exposure]
        path = folder / f"{exposure[0]}_{exposure[1]}.parq"
        pq.write_table(pa.Table.from_pylist(here), path)
        repository.put("dia_source_detector", *exposure, path)
    settings = ButlerTableSettings(
        kind="butler",
        repository=str(repository.root),
        collections=("night",),
        dataset_type="dia_source_detector",
        columns={},
    )
    return lambda: open_catalog(settings, folder)


def packets() -> list[dict[str, Any]]:
    return [{"diaSourceId": row["diaSourceId"], "diaSource": row} for row in in_order(ROWS)]


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["visit"], row["detector"], row["diaSourceId"]))


def write_avro(path: Path, several: list[dict[str, Any]]) -> None:
    kinds = {int: "long", float: "double", bool: "boolean", str: "string"}
    first = {name: next(row[name] for row in ROWS if row[name] is not None) for name in COLUMNS}
    fields = [{"name": name, "type": ["null", kinds[type(first[name])]]} for name in COLUMNS]
    record = {"type": "record", "name": "diaSource", "fields": fields}
    schema = {
        "type": "record",
        "name": "alert",
        "fields": [{"name": "diaSourceId", "type": "long"}, {"name": "diaSource", "type": record}],
    }
    with path.open("wb") as file:
        fastavro.writer(file, schema, several)


def alerts(folder: Path, name: str) -> Callable[[], Catalog]:
    settings = AlertsSettings(
        kind="alerts", path=name, dia_source_id="diaSourceId", measurements="diaSource", columns={}
    )
    return lambda: open_catalog(settings, folder)


def make_avro(folder: Path, _: Any) -> Callable[[], Catalog]:
    write_avro(folder / "night.avro", packets())
    return alerts(folder, "night.avro")


def make_alert_parquet(folder: Path, _: Any) -> Callable[[], Catalog]:
    pq.write_table(pa.Table.from_pylist(packets()), folder / "night.parquet")
    return alerts(folder, "night.parquet")


def make_archive(folder: Path, _: Any) -> Callable[[], Catalog]:
    with tarfile.open(folder / "night.tar.gz", "w:gz") as archive:
        for number, packet in enumerate(packets()):
            write_avro(folder / f"{number}.avro", [packet])
            archive.add(folder / f"{number}.avro", arcname=f"{number}.avro")
            (folder / f"{number}.avro").unlink()
    return alerts(folder, "night.tar.gz")


CATALOGS: dict[str, Callable[[Path, Any], Callable[[], Catalog]]] = {
    "csv": make_csv,
    "ecsv": make_with_astropy("sources.ecsv", "ascii.ecsv"),
    "votable": make_with_astropy("sources.vot", "votable"),
    "fits": make_with_astropy("sources.fits", "fits"),
    "parquet": make_parquet,
    "data frame": make_data_frame,
    "apdb sqlite": make_sqlite,
    "apdb postgresql": make_postgres,
    "butler": make_butler,
    "alerts avro": make_avro,
    "alerts parquet": make_alert_parquet,
    "alerts archive": make_archive,
}


@pytest.fixture(params=list(CATALOGS))
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Catalog]:
    """Open the twelve rows by each adapter."""
    folder = tmp_path / "input"
    folder.mkdir()
    return CATALOGS[request.param](folder, request)


def sources_of(opened: Catalog) -> list[DiaSource]:
    rows = list(opened.sources())
    assert all(isinstance(row, DiaSource) for row in rows), rows
    return [row for row in rows if isinstance(row, DiaSource)]


def test_a_catalog(catalog: Callable[[], Catalog]) -> None:
    """Ids and nulls exact, every row once, exposures together, plain values, twice the same, told where from."""
    opened = catalog()
    sources = sources_of(opened)
    assert [s.dia_source_id for s in sources] == [row["diaSourceId"] for row in in_order(ROWS)]
    for source, row in zip(sources, in_order(ROWS), strict=True):
        assert {name: source.columns[name] for name in COLUMNS} == row
        for value in source.columns.values():
            assert value is None or type(value) in (int, float, str, bool)
        assert (source.ra_deg, source.dec_deg) == (row["ra"], row["dec"])
        assert source.origin
        assert source.row
    exposures = [(s.columns["visit"], s.columns["detector"]) for s in sources]
    assert exposures == sorted(exposures)
    assert opened.expected in (len(ROWS), None)
    assert [s.columns for s in opened.sources() if isinstance(s, DiaSource)] == [s.columns for s in sources]
    assert len({source.row for source in sources}) == len(ROWS)
    assert pickle.loads(pickle.dumps(sources)) == sources


@dataclass
class Exposure:
    """An adapter for images, its sources, and a way to spoil the difference image."""

    images: Callable[[DrawSettings], Images]
    sources: list[DiaSource]
    spoil: Callable[[], None]


SHAPE = (60, 80)
PIXELS = {"template": 3000.0, "science": 2000.0, "difference": 0.0}


def image_of(name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Every pixel has its own value."""
    rows, columns = SHAPE
    return (np.arange(rows * columns, dtype=np.float32).reshape(SHAPE) + PIXELS[name]).astype(np.float32)


def simple_wcs() -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [10.0, -30.0], [41.0, 31.0]
    wcs.wcs.cdelt = [-0.2 / 3600, 0.2 / 3600]
    return wcs


PLACES = [(30.2, 39.7), (2.2, 3.3), (57.3, 76.8), (30.0, 200.0)]
"""(y, x): inside, near two corners, off the frame."""


def frame_sources(origin: str, columns: dict[str, Value]) -> list[DiaSource]:
    found = []
    for number, (y_pix, x_pix) in enumerate(PLACES):
        ra, dec = (float(v) for v in simple_wcs().pixel_to_world_values(x_pix, y_pix))
        cells = {**columns, "diaSourceId": BIG + number}
        found.append(DiaSource(BIG + number, ra, dec, origin, f"row {number}", cells))
    return found


def make_frames(folder: Path, _: Any) -> Exposure:
    for name in PIXELS:
        fits.PrimaryHDU(image_of(name), simple_wcs().to_header()).writeto(folder / f"{name}.fits")
    settings = FramesSettings(**{name: f"{{night}}/../{name}.fits" for name in PIXELS})
    (folder / "1").mkdir()
    spoil = folder / "difference.fits"
    return Exposure(
        lambda draw: open_images(settings, draw, folder),
        frame_sources("table", {"night": 1}),
        lambda: spoil.write_bytes(spoil.read_bytes()[:9000]) and None,
    )


def make_exposures(folder: Path, request: pytest.FixtureRequest) -> Exposure:
    repository = request.getfixturevalue("repository")
    writers = request.getfixturevalue("exposure_writers")
    kinds = {
        "template": "template_detector",
        "science": "preliminary_visit_image",
        "difference": "difference_image",
    }
    for (name, dataset_type), write in zip(kinds.items(), writers, strict=True):
        write(folder / f"{name}.fits", image_of(name), simple_wcs())
        repository.put(dataset_type, 5, 6, folder / f"{name}.fits")
    (spoilt,) = repository.root.rglob("difference_image_*.fits")
    settings = ButlerSettings(repository=str(repository.root), collections=("night",))
    columns: dict[str, Value] = {"instrument": "LSSTCam", "visit": 5, "detector": 6}
    return Exposure(
        lambda draw: open_images(settings, draw, folder),
        frame_sources("table", columns),
        lambda: spoilt.write_bytes(spoilt.read_bytes()[:9000]) and None,
    )


def stamp(name: str) -> bytes:
    file = io.BytesIO()
    fits.PrimaryHDU(image_of(name), simple_wcs().to_header()).writeto(file)
    return gzip.compress(file.getvalue())


def make_stamps(folder: Path, _: Any) -> Exposure:
    fields = [{"name": "candid", "type": "long"}, *({"name": n, "type": "bytes"} for n in PIXELS)]
    schema = {"type": "record", "name": "alert", "fields": fields}
    path = folder / "night.avro"
    sources = frame_sources(str(path), {})
    with path.open("wb") as file:
        stamps = {name: stamp(name) for name in PIXELS}
        fastavro.writer(file, schema, [{"candid": s.dia_source_id, **stamps} for s in sources])
    settings = StampsSettings(template="template", science="science", difference="difference")
    return Exposure(
        lambda draw: open_images(settings, draw, folder),
        sources,
        lambda: path.write_bytes(path.read_bytes()[:9000]) and None,
    )


IMAGES: dict[str, Callable[[Path, Any], Exposure]] = {
    "frames": make_frames,
    "butler exposures": make_exposures,
    "alert stamps": make_stamps,
}


@pytest.fixture(params=list(IMAGES))
def exposure(request: pytest.FixtureRequest, tmp_path: Path) -> Exposure:
    """Open the same pixels by each adapter."""
    folder = tmp_path / "pixels"
    folder.mkdir()
    return IMAGES[request.param](folder, request)


def outcomes(images: Images, sources: list[DiaSource]) -> list[tuple[Cutout, ...] | Rejection]:
    (name,) = {images.exposure_of(source) for source in sources}
    return list(images.cut(name, sources))


def test_pixels_are_those_of_the_file(exposure: Exposure) -> None:
    """At several sizes, odd and even, also over the edge: astropy's Cutout2D is the judge."""
    sizes = (11, 20)
    found = outcomes(exposure.images(DrawSettings(sizes=sizes)), exposure.sources)
    assert len(found) == len(PLACES)
    for place, several in zip(PLACES[:-1], found[:-1], strict=True):
        assert not isinstance(several, Rejection), several
        for size, cutout in zip(sizes, several, strict=True):
            for name in PIXELS:
                truth = Cutout2D(image_of(name), place[::-1], size, mode="partial", fill_value=np.nan)
                np.testing.assert_array_equal(getattr(cutout, name), truth.data)
            assert cutout.pixel_scale_arcsec == pytest.approx(0.2, rel=1e-6)
    refused = found[-1]
    assert isinstance(refused, Rejection)
    assert refused.dia_source_id == str(exposure.sources[-1].dia_source_id)
    assert refused.row == exposure.sources[-1].row


def test_cutting_again_gives_the_same(exposure: Exposure) -> None:
    """In another order, one by one, and in an adapter that has cut before."""
    draw = DrawSettings(sizes=(11,))
    images = exposure.images(draw)
    together = outcomes(images, exposure.sources)
    alone = [outcomes(images, [source])[0] for source in reversed(exposure.sources)]
    for one, other in zip(together, reversed(alone), strict=True):
        assert isinstance(one, Rejection) == isinstance(other, Rejection)
        if not isinstance(one, Rejection) and not isinstance(other, Rejection):
            np.testing.assert_array_equal(one[0].difference, other[0].difference)


def test_turning_keeps_every_pixel(exposure: Exposure) -> None:
    """North is up and east left on these pixels already, so nothing turns."""
    up = outcomes(exposure.images(DrawSettings(sizes=(11,), orientation="north-up")), exposure.sources[:1])
    plain = outcomes(exposure.images(DrawSettings(sizes=(11,))), exposure.sources[:1])
    assert not isinstance(up[0], Rejection)
    assert not isinstance(plain[0], Rejection)
    np.testing.assert_array_equal(up[0][0].science, plain[0][0].science)


def test_a_broken_file_is_told(exposure: Exposure) -> None:
    """By an InputError before anything is yielded, or source by source; by nothing else."""
    exposure.spoil()
    images = exposure.images(DrawSettings(sizes=(11,)))
    try:
        found = outcomes(images, exposure.sources)
    except InputError as error:
        reasons = [str(error)]
    else:
        assert all(isinstance(outcome, Rejection) for outcome in found)
        reasons = [outcome.reason for outcome in found if isinstance(outcome, Rejection)]
    assert all(".fits" in reason or ".avro" in reason for reason in reasons)


def test_a_source_without_its_place(exposure: Exposure) -> None:
    """A source that does not tell its exposure, or is not in the file, is refused alone."""
    images = exposure.images(DrawSettings(sizes=(11,)))
    stranger = replace(exposure.sources[0], dia_source_id=5, columns={"diaSourceId": 5}, ra_deg=None)
    try:
        name = images.exposure_of(stranger)
    except InputError as error:
        reason = str(error)
    else:
        ((outcome),) = images.cut(name, [stranger])
        assert isinstance(outcome, Rejection)
        reason = outcome.reason
    assert any(word in reason for word in ("column", "instrument", "packet"))
