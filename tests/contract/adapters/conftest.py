"""Real repositories, a real PostgreSQL server and links that expire, for the adapters."""

from __future__ import annotations

import gc
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.wcs import WCS

DETECTOR_PIX = (4000, 4072)
"""(y, x) of an LSST detector of type ITL or E2V, about."""


def _packed(shape: tuple[int, ...]) -> dict[str, Any]:
    tile = (min(50, shape[0]), shape[1])
    return {"compression_type": "GZIP_2", "quantize_level": 0.0, "tile_shape": tile}


@dataclass
class Postgres:
    """A server on loopback; `url(database)` is its address, without the password."""

    port: int
    password: str
    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, *statements: str) -> str:
        import psycopg

        with psycopg.connect(self.url("postgres"), password=self.password, autocommit=True) as connection:
            connection.execute(f'create database "{database}"')  # type: ignore[call-overload]
        with psycopg.connect(self.url(database), password=self.password, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]
        return self.url(database)


def _program(name: str) -> str | None:
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(debian[-1]) if debian else shutil.which(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start a PostgreSQL server, as the user `postgres` where the tests run as root."""
    initdb, server = _program("initdb"), _program("postgres")
    if initdb is None or server is None:
        pytest.skip("needs a PostgreSQL server: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="zoocut-postgres-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Postgres(port, secrets.token_hex(8), folder)
    (folder / "password").write_text(running.password)
    if user is not None:
        for path in (folder, folder / "password"):
            os.chown(path, pwd.getpwnam(user).pw_uid, -1)
    settings = ["-A", "scram-sha-256", "-U", "postgres", f"--pwfile={folder / 'password'}", "-N"]
    subprocess.run(
        [initdb, "-D", folder / "data", *settings], user=user, check=True, capture_output=True, cwd="/"
    )
    command = [server, "-D", folder / "data", "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-F"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, user=user, stdout=log, stderr=log, cwd="/")
    try:
        _await_answers(running, process)
        yield running
    finally:
        process.terminate()
        process.wait(240)
        shutil.rmtree(folder)


def _await_answers(server: Postgres, process: subprocess.Popen[bytes]) -> None:
    import psycopg

    deadline = time.monotonic() + 240
    while True:
        assert process.poll() is None, (server.folder / "log").read_text()
        try:
            psycopg.connect(server.url("postgres"), password=server.password).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, (server.folder / "log").read_text()
            threading.Event().wait(0.05)


@dataclass
class Links:
    """An HTTP server whose links work until they are taken back."""

    folder: Path
    port: int = 0
    valid: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def link(self, name: str) -> str:
        signature = secrets.token_hex(8)
        self.valid.add(signature)
        return f"http://127.0.0.1:{self.port}/{name}?signature={signature}"

    def expire(self) -> None:
        self.valid.clear()


@pytest.fixture
def links(tmp_path: Path) -> Iterator[Links]:
    """Serve `tmp_path/served` by links that expire."""
    state = Links(tmp_path / "served")
    state.folder.mkdir()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, _, query = self.path.partition("?")
            state.asked.append(self.path)
            allowed = query.removeprefix("signature=") in state.valid
            content = (state.folder / name.lstrip("/")).read_bytes() if allowed else b""
            self.send_response(200 if allowed else 403)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # lsst.resources closes no session
        gc.collect()


Pixels = npt.NDArray[np.float32]


def write_afw(
    path: Path, image: Pixels, wcs: WCS, origin: tuple[int, int] = (0, 0), mean_njy: float | None = None
) -> None:
    """Write an exposure as afw does: MP_ planes, LTV and the A frame, PhotoCalib in the archive."""
    header = wcs.to_header(relax=True)
    header["LTV1"], header["LTV2"] = -origin[1], -origin[0]
    for axis, value in enumerate(reversed(origin), start=1):
        header[f"CTYPE{axis}A"], header[f"CRPIX{axis}A"], header[f"CRVAL{axis}A"] = "LINEAR", 1, value
    header["INHERIT"] = True
    mask = np.zeros(image.shape, np.int32)
    mask[~np.isfinite(image)] = 1 << 8
    planes = fits.Header({"MP_BAD": 0, "HIERARCH MP_NO_DATA": 8, "MP_SAT": 1})
    hdus: list[Any] = [
        fits.PrimaryHDU(header=fits.Header({"AR_HDU": 4 if mean_njy else 0})),
        fits.CompImageHDU(image, header, name="IMAGE", **_packed(image.shape)),
        fits.CompImageHDU(mask, planes, name="MASK", **_packed(image.shape)),
    ]
    if mean_njy is not None:
        hdus += _archive(mean_njy)
    fits.HDUList(hdus).writeto(path)


def _archive(mean_njy: float) -> list[fits.BinTableHDU]:
    index = [
        fits.Column("id", "J", array=[1]),
        fits.Column("cat.archive", "J", array=[1]),
        fits.Column("cat.persistable", "J", array=[0]),
        fits.Column("row0", "J", array=[0]),
        fits.Column("nrows", "J", array=[1]),
        fits.Column("name", "64A", array=["PhotoCalib"]),
        fits.Column("module", "64A", array=["lsst.afw.image"]),
    ]
    data = [fits.Column("calibrationMean", "D", array=[mean_njy])]
    return [fits.BinTableHDU.from_columns(index), fits.BinTableHDU.from_columns(data)]


def write_lsst_images(path: Path, image: Pixels, wcs: WCS, origin: tuple[int, int] = (0, 0)) -> None:
    """Write an exposure as lsst.images does: MSKN and MSKM cards, BUNIT, the A frame."""
    header = wcs.to_header(relax=True)
    header["BUNIT"] = "nJy"
    for axis, value in enumerate(reversed(origin), start=1):
        header[f"CTYPE{axis}A"], header[f"CRPIX{axis}A"], header[f"CRVAL{axis}A"] = (
            "LINEAR",
            1.0,
            float(value),
        )
    mask = np.where(np.isfinite(image), 0, 4).astype(np.int32)
    cards = {"MSKN0000": "BAD", "MSKM0000": 1, "MSKN0002": "NO_DATA", "MSKM0002": 4}
    fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.CompImageHDU(image, header, name="IMAGE", **_packed(image.shape)),
            fits.CompImageHDU(mask, fits.Header(cards), name="MASK", **_packed(image.shape)),
        ]
    ).writeto(path)


@pytest.fixture(scope="session")
def exposure_writers() -> tuple[Callable[..., None], ...]:
    """Writers for template, science and difference: both of LSST's formats."""
    return write_afw, write_lsst_images, write_afw


@dataclass
class Repository:
    """A Butler repository that a test fills."""

    root: Path
    butler: Any
    registered: set[tuple[object, ...]] = field(default_factory=set)

    def put(self, dataset_type: str, visit: int, detector: int, path: Path | str, run: str = "night") -> None:
        """Ingest a file under `dataset_type`; a link is kept as it is, a path is copied."""
        from lsst.daf.butler import DatasetRef, DatasetType, FileDataset

        self._know(visit, detector)
        storage = "ArrowTable" if str(path).partition("?")[0].endswith(".parq") else "ExposureF"
        kind = DatasetType(
            dataset_type, ["instrument", "visit", "detector"], storage, universe=self.butler.dimensions
        )
        self.butler.registry.registerDatasetType(kind)
        self.butler.registry.registerRun(run)
        data_id = self.butler.registry.expandDataId(instrument="LSSTCam", visit=visit, detector=detector)
        dataset = FileDataset(path, DatasetRef(kind, data_id, run=run), formatter=_formatter())
        self.butler.ingest(dataset, transfer="copy" if isinstance(path, Path) else "direct")

    def _know(self, visit: int, detector: int) -> None:
        self._insert("instrument", name="LSSTCam", class_name="lsst.obs.lsst.LsstCam", detector_max=205)
        self._insert("physical_filter", instrument="LSSTCam", name="r_57", band="r")
        self._insert("day_obs", instrument="LSSTCam", id=20260101)
        self._insert("detector", instrument="LSSTCam", id=detector, full_name=f"D{detector}")
        self._insert(
            "visit",
            instrument="LSSTCam",
            id=visit,
            name=str(visit),
            physical_filter="r_57",
            day_obs=20260101,
        )

    def _insert(self, element: str, **record: object) -> None:
        key = (element, *record.values())
        if key not in self.registered:
            self.registered.add(key)
            self.butler.registry.insertDimensionData(element, record, skip_existing=True)


def _formatter() -> type[Any]:
    """A formatter for the endings used: reading through it is not what zoocut does."""
    from lsst.daf.butler import FormatterV2

    class Unread(FormatterV2):
        default_extension = None
        supported_extensions = frozenset({".fits", ".fits.fz", ".parq"})

    return Unread


@pytest.fixture(scope="module")
def new_repository() -> Iterator[Callable[..., Repository]]:
    """Make a repository, at will with its registry in PostgreSQL or its files elsewhere."""
    from lsst.daf.butler import Butler, Config

    with ExitStack() as stack:

        def make(root: Path, registry: str | None = None, files: str | None = None) -> Repository:
            elsewhere = {"registry": {"db": registry}} if registry else {}
            elsewhere |= {"datastore": {"root": files}} if files else {}
            Butler.makeRepo(str(root), config=Config(elsewhere), forceConfigRoot=False)
            return Repository(root, stack.enter_context(Butler.from_config(str(root), writeable=True)))

        yield make


@pytest.fixture
def repository(new_repository: Callable[..., Repository], tmp_path: Path) -> Repository:
    """An empty repository with a SQLite registry."""
    return new_repository(tmp_path / "repo")


@dataclass
class Night:
    """The exposures and tables of the APDB's two visits."""

    folder: Path
    exposures: tuple[tuple[int, int], ...]
    rows: dict[tuple[int, int], list[dict[str, Any]]]
    wcs: dict[tuple[int, int], WCS]

    brightness: dict[tuple[tuple[int, int], tuple[int, int]], int] = field(default_factory=dict)
    """By exposure and (y, x) pixel; two sources may share a pixel."""

    def pixel_of(self, exposure: tuple[int, int], row: dict[str, Any]) -> tuple[int, int]:
        x_pix, y_pix = self.wcs[exposure].world_to_pixel_values(row["ra"], row["dec"])
        return round(float(y_pix)), round(float(x_pix))

    def file(self, kind: str, exposure: tuple[int, int]) -> Path:
        return self.folder / f"{kind}_{exposure[0]}_{exposure[1]}{'.parq' if kind == 'table' else '.fits'}"


@pytest.fixture(scope="session")
def night(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Exposures on which every source of the APDB has its own brightness; WCS from its own x, y, ra, dec."""
    import pyarrow as pa
    import sqlalchemy as sa

    engine = sa.create_engine(f"sqlite:///{shared / 'data/apdb/apdb.sqlite3'}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        found = connection.execute(
            sa.text('select * from "DiaSource" order by visit, detector, "diaSourceId"')
        )
        records = [dict(row) for row in found.mappings()]
    made = Night(tmp_path_factory.mktemp("night"), ((943296, 168), (982985, 164)), {}, {})
    for number, exposure in enumerate(made.exposures):
        rows = [row for row in records if (row["visit"], row["detector"]) == exposure]
        made.rows[exposure], made.wcs[exposure] = rows, _wcs_of(rows)
        pq.write_table(pa.Table.from_pylist(rows), made.file("table", exposure))
        _write_exposure(made, exposure, write_afw if number == 0 else write_lsst_images)
    return made


def _wcs_of(rows: list[dict[str, Any]]) -> WCS:
    """Fit a tangent plane to the rows' own pixels and positions."""
    pixels = np.array([[row["x"], row["y"]] for row in rows], dtype=float)
    sky = np.array([[row["ra"], row["dec"]] for row in rows])
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], sky.mean(axis=0)
    plane = np.transpose(wcs.wcs_world2pix(*sky.T, 0))
    design = np.column_stack([pixels, np.ones(len(rows))])
    ((a, b), (c, d), shift), *_ = np.linalg.lstsq(design, plane + 1, rcond=None)
    wcs.wcs.cd = [[a, c], [b, d]]
    wcs.wcs.crpix = np.linalg.solve(wcs.wcs.cd, -shift) + 1
    wcs.wcs.set()
    return wcs


def _write_exposure(night: Night, exposure: tuple[int, int], write: Callable[..., None]) -> None:
    """The template is a part of the detector: its first pixel is (12, 20) of the whole."""
    wcs = night.wcs[exposure]
    image = np.zeros(DETECTOR_PIX, np.float32)
    for number, row in enumerate(night.rows[exposure], start=1):
        pixel = night.pixel_of(exposure, row)
        image[pixel] = night.brightness[exposure, pixel] = number
    write(night.file("science", exposure), image + 1000, wcs)
    write(night.file("difference", exposure), image, wcs)
    part = wcs.slice((slice(12, None), slice(20, None)))
    template = image[12:-8, 20:-30] + 2000
    template[-200:] = np.nan
    write(night.file("template", exposure), template, part, (12, 20))
