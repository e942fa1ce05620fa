"""A million DiaSources out of an APDB: rows a second, queries, and whether memory stays flat.

python tests/bench/apdb_paging.py [rows]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from zoocut.catalogs import open_catalog
from zoocut.config.catalog import ApdbSettings

ROWS_AT_ONCE = 2000
EXTRA_COLUMNS = 40


def make(path: Path, rows: int) -> None:
    """Rows in an order that is not that of their keys."""
    engine = sa.create_engine(f"sqlite:///{path}")
    metadata = sa.MetaData()
    numbers = ("diaSourceId", "visit", "detector")
    values = ("ra", "dec", "reliability", *(f"value{n}" for n in range(EXTRA_COLUMNS)))
    table = sa.Table(
        "DiaSource",
        metadata,
        *(sa.Column(name, sa.BigInteger, primary_key=name == "diaSourceId") for name in numbers),
        *(sa.Column(name, sa.Double) for name in values),
        sa.Index("IDX_DiaSource_visitDetector", "visit", "detector"),
    )
    metadata.create_all(engine)
    with engine.begin() as connection:
        for start in range(0, rows, 20_000):
            numbers_here = ((n * 7919) % rows for n in range(start, min(start + 20_000, rows)))
            block = [
                {"diaSourceId": 2**60 + n, "visit": n // 5000, "detector": n // 500 % 10}
                | dict.fromkeys(values, n / rows)
                for n in numbers_here
            ]
            connection.execute(table.insert(), block)
    engine.dispose()


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "apdb.sqlite3"
        make(path, rows)
        sent = 0

        def count(*_: object) -> None:
            nonlocal sent
            sent += 1

        sa.event.listen(sa.Engine, "before_cursor_execute", count)
        settings = ApdbSettings(kind="apdb", path=str(path), rows_at_once=ROWS_AT_ONCE, columns={})
        catalog = open_catalog(settings, Path())
        opening, started, marks = sent, time.perf_counter(), []
        for number, _ in enumerate(catalog.sources(), start=1):
            if number % (rows // 10) == 0:
                marks.append((time.perf_counter(), peak_mb()))
        whole = marks[-1][0] - started
        print(f"{rows} rows, {path.stat().st_size / 2**20:.0f} MB: {rows / whole:.0f} rows/s")
        print(f"queries: {sent - opening} for {rows // ROWS_AT_ONCE} pages, {opening} to open")
        print(f"peak memory: {marks[0][1]:.0f} MB after a tenth, {marks[-1][1]:.0f} MB at the end")
        print(
            f"the last tenth took {(marks[-1][0] - marks[-2][0]) / (marks[0][0] - started):.2f} of the first"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
