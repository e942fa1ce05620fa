"""What all tests share."""

from __future__ import annotations

import gc
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from zoocut.sandbox import Running, running

os.environ["PANOPTES_ENDPOINT"] = "http://127.0.0.1:9"
"""Nothing answers there: a test that forgets its own endpoint fails instead of reaching the real site."""

for secret in ("PANOPTES_USERNAME", "PANOPTES_PASSWORD", "PANOPTES_CLIENT_ID", "PANOPTES_CLIENT_SECRET"):
    os.environ.pop(secret, None)

# where no compiled files are kept, as in many containers, each command that a test starts would compile the program
# anew: a third of the time that it takes to start
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a suite that a shell runs in the background ignores Ctrl-C, and would hand that on to each command that it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Give options to tests that need more than this machine."""
    parser.addoption(
        "--stand-ins", action="store_true", help="do as on a machine without published survey files"
    )
    parser.addoption("--node", action="store_true", help="check light curves in node, with packages from npm")


os.environ["COLUMNS"] = "200"
"""Sentences of the program are compared whole: no terminal may break them."""


@pytest.fixture
def zoocut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `zoocut ARGS` in `tmp_path` and give what it printed and its exit code.

    The command line runs in this process, from `run` on as the installed program does, without a terminal; tests
    that kill it, or that want one, start a process of their own.
    """
    from zoocut.cli.main import run

    def call(*args: object, **environment: str) -> subprocess.CompletedProcess[str]:
        words = list(map(str, args))
        out, err, hook = io.StringIO(), io.StringIO(), sys.excepthook
        searched_after = gc.get_threshold()
        signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        with monkeypatch.context() as here, open(os.devnull) as nothing:
            here.chdir(tmp_path)
            for name, value in ({"HOME": str(tmp_path)} | environment).items():
                here.setenv(name, value)
            here.setattr(sys, "argv", ["zoocut", *words])
            here.setattr(sys, "stdin", nothing)
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
                run()
        gc.set_threshold(*searched_after)
        sys.excepthook = hook
        assert {number: signal.getsignal(number) for number in signals} == signals
        return subprocess.CompletedProcess(words, int(ended.value.code or 0), out.getvalue(), err.getvalue())

    return call


@pytest.fixture(scope="session")
def published(request: pytest.FixtureRequest) -> Path:
    """The folder beside the checkout with files that surveys published and recorded exchanges."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir() or request.config.getoption("--stand-ins"):
        pytest.skip(f"needs files that surveys published, in {folder}")
    return folder


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with survey files in `data`: the published ones, or where they are not, files made in their layouts."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if folder.is_dir() and not request.config.getoption("--stand-ins"):
        return folder
    sys.path.insert(0, str(Path(__file__).parent))
    from stand_ins import write_survey_files

    made = tmp_path_factory.mktemp("shared")
    write_survey_files(made / "data")
    return made


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Running]:
    """One sandbox in a process of its own, without faults, for all tests that leave none behind."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def chromium_path() -> str | None:
    """Where this machine has a Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


Columns = Mapping[str, tuple[str, Sequence[Any]]]
"""A table of an object: format and values of each column."""

INDEX = (("id", "1J"), ("cat.archive", "1J"), ("cat.persistable", "1J"), ("row0", "1J"), ("nrows", "1J"))


@dataclass
class AfwArchive:
    """Lays objects out as afw's OutputArchive does: tables of one schema share an HDU, the index comes first."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    tables: dict[tuple[tuple[str, str], ...], dict[str, list[Any]]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    count: int = 0

    def reserve(self) -> int:
        """Number an object before it is saved, as afw does with one that holds others."""
        self.count += 1
        return self.count

    def catalog(self, part: Columns) -> tuple[tuple[str, str], ...]:
        """Make the table that parts like this share."""
        schema = tuple((column, form) for column, (form, _) in part.items())
        if schema not in self.tables:
            self.tables[schema] = {column: [] for column in part}
            self.names.append("")
        return schema

    def save(self, number: int, name: str, module: str, *parts: Columns) -> None:
        """Write an object's tables; without any, it is written as empty."""
        for persistable, part in enumerate(parts):
            schema = self.catalog(part)
            place, table = list(self.tables).index(schema), self.tables[schema]
            self.names[place] = name
            first, count = (
                len(next(iter(c.values()))) for c in (table, {n: v for n, (_, v) in part.items()})
            )
            for column, (_, values) in part.items():
                table[column].extend(values)
            self.rows.append((number, place + 1, persistable, first, count, name, module))
        if not parts:
            self.rows.append((number, -1, -1, -1, 0, name, module))

    def put(self, name: str, module: str, *parts: Columns) -> int:
        """Number and save an object."""
        number = self.reserve()
        self.save(number, name, module, *parts)
        return number

    def put_footprint(self, spans: Sequence[tuple[int, int, int]], heavy: bool = False) -> int:
        """Save a Footprint of spans (y, x0, x1), with a peak in each; a heavy one holds pixels, too."""
        number, holder = self.reserve(), {"id": ("1J", [0])}
        self.catalog(holder)
        y, x0, x1 = ([span[i] for span in spans] for i in range(3))
        within = self.put("SpanSet", "lsst.afw.geom", {"y": ("1J", y), "x0": ("1J", x0), "x1": ("1J", x1)})
        whole = {"id": ("1K", list(range(len(y)))), "i_x": ("1J", x0), "i_y": ("1J", y)}
        peaks = whole | dict.fromkeys(("f_x", "f_y", "peakValue"), ("1E", x0))
        pixels = [np.ones(sum(last - first + 1 for _, first, last in spans))]
        more = [dict.fromkeys(("image", "variance"), ("1QE", pixels))] if heavy else []
        name = "HeavyFootprintF" if heavy else "Footprint"
        self.save(number, name, "lsst.afw.detection", {"id": ("1J", [within])}, peaks, *more)
        return number

    def hdus(self) -> list[fits.BinTableHDU]:
        """Give the index and the tables."""
        form = [*INDEX, ("name", "64A"), ("module", "64A")]
        cells = list(zip(*self.rows, strict=True)) or [()] * len(form)
        index = [fits.Column(n, f, array=list(v)) for (n, f), v in zip(form, cells, strict=True)]
        header = fits.Header({"EXTTYPE": "ARCHIVE_INDEX", "AR_CATN": 0, "AR_NCAT": len(self.tables) + 1})
        return [
            fits.BinTableHDU.from_columns(index, header, name="ARCHIVE_INDEX"),
            *map(self._table, range(len(self.tables))),
        ]

    def _table(self, place: int) -> fits.BinTableHDU:
        schema, table = list(self.tables.items())[place]
        columns = [fits.Column(n, f, array=_cells(f, table[n])) for n, f in schema]
        header = fits.Header({"EXTTYPE": "ARCHIVE_DATA", "AR_CATN": place + 1, "AR_NAME": self.names[place]})
        if schema[0][0] == "flags":
            header["FLAGCOL"] = 1
        return fits.BinTableHDU.from_columns(columns, header, name=self.names[place])


def _cells(form: str, values: list[Any]) -> Any:
    if form not in ("1QB", "1QE"):
        return values
    cells = np.empty(len(values), dtype=object)
    cells[:] = [np.asarray(value, np.uint8 if form == "1QB" else np.float32) for value in values]
    return cells


@pytest.fixture
def afw_archive() -> AfwArchive:
    """An archive without objects."""
    return AfwArchive()


def write_source_catalog(path: Path, archive: AfwArchive, numbers: Mapping[int, int]) -> None:
    """Write an afw SourceCatalog of ids and the archive's numbers of their footprints."""
    columns = [
        fits.Column("flags", "3X", array=np.zeros((len(numbers), 3), bool)),
        fits.Column("id", "1K", array=list(numbers)),
        fits.Column("coord_ra", "1D", array=np.zeros(len(numbers)), unit="rad"),
        fits.Column("coord_dec", "1D", array=np.zeros(len(numbers)), unit="rad"),
        fits.Column("parent", "1K", array=[0] * len(numbers)),
        fits.Column("footprint", "1J", array=list(numbers.values())),
    ]
    header = fits.Header({"AR_HDU": 3, "FLAGCOL": 1, "AFW_TYPE": "SOURCE", "TFLAG1": "slot_Centroid_flag"})
    table = fits.BinTableHDU.from_columns(columns, header)
    fits.HDUList([fits.PrimaryHDU(), table, *archive.hdus()]).writeto(path)


@pytest.fixture(scope="session")
def source_catalog_writer() -> Callable[[Path, AfwArchive, Mapping[int, int]], None]:
    """Give the function that writes a SourceCatalog."""
    return write_source_catalog
