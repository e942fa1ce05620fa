"""Memory and time of the commands that read a whole run, by its number of rows.

Run: python tests/bench/scale.py [--rows 10000 100000 1000000] [--only generate status ...] [--keep FOLDER]

`verify` runs against pages that are made in its own process, in the place of a server's: its time has no waiting in it.

A run of that many rows is made as `generate` leaves it: a catalog of 33 columns, its record, and a picture a source
(hard links to a few, since nothing looks into pictures that are older than the record); and a ledger in which every
row is linked. Then the commands are run, each in a process of its own; peak memory is `ru_maxrss` of that process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

FIRST_ID = 250_911_420_113_408_000
FIRST_SUBJECT = 90_000_000
AN_EXPOSURE = 200
FOLDER_OF = 1000
MOST_LINKS = 60_000
"""Of one file: ext4 allows 65,000."""

CONFIG = """
[catalog]
kind = "table"
path = "sources.parquet"
[images]
kind = "frames"
template = "{visit}_template.fits"
science = "{visit}_science.fits"
difference = "{visit}_difference.fits"
[draw]
chunk_size = 1000
[metadata]
"!diaSourceId" = "diaSourceId"
"#snr" = "snr"
band = "band"
"""
SHA256 = "3a" * 32
ENDPOINT = "http://127.0.0.1:1/api"


def make(folder: Path, rows: int) -> None:
    """Make a catalog, its configuration and a run in which all of it is drawn and uploaded."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "zoocut.toml").write_text(CONFIG)
    make_catalog(folder / "sources.parquet", rows)
    make_run(folder, rows)
    generate = [
        sys.executable,
        "-m",
        "zoocut",
        "generate",
        folder / "zoocut.toml",
        "-o",
        folder / "run",
        "-q",
    ]
    subprocess.run(list(map(str, generate)), check=True, stdout=subprocess.DEVNULL)
    make_ledger(folder / "run", rows)
    make_classifications(folder / "classifications.csv", rows)


def make_catalog(path: Path, rows: int) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    at = np.arange(rows)
    columns = {
        "diaSourceId": FIRST_ID + at,
        "ra": 150 + rng.random(rows),
        "dec": rng.random(rows),
        "visit": 2_026_000_000 + at // AN_EXPOSURE // 4,
        "detector": at // AN_EXPOSURE % 4,
        "snr": rng.normal(10, 2, rows).round(2),
        "band": pa.array(np.array(list("ugrizy"))[at // AN_EXPOSURE % 6]),
    }
    columns |= {f"column{n}": rng.random(rows) for n in range(26)}
    pq.write_table(pa.table(columns), path, row_group_size=100_000)


def make_run(folder: Path, rows: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from zoocut.config.load import load
    from zoocut.generating.runs import open_run

    run = folder / "run"
    open_run(run, load(folder / "zoocut.toml").settings)
    ids = range(FIRST_ID, FIRST_ID + rows)
    names = [f"images/{number // FOLDER_OF * FOLDER_OF}/{number}.png" for number in ids]
    for at, name in enumerate(names):
        if at % MOST_LINKS == 0:
            model = folder / f"picture-{at}.png"
            write_picture(model)
        if at == 0 or ids[at] % FOLDER_OF == 0:
            (run / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(model, run / name)
    table = pq.read_table(folder / "sources.parquet")
    table = table.append_column("image:1", pa.array(names))
    table = table.append_column("sha256:1", pa.array([SHA256] * rows))
    pq.write_table(table, run / "sources.parquet", row_group_size=5000)


def write_picture(path: Path) -> None:
    from PIL import Image

    Image.new("L", (90, 30)).save(path, "PNG")


def make_ledger(run: Path, rows: int) -> None:
    """Plan the manifest as `upload` does, then say that every row is linked."""
    from zoocut.ledger import Ledger
    from zoocut.ledger.planning import PlannedRow
    from zoocut.ledger.records import Image
    from zoocut.run.folder import Run

    opened = Run.open(run)
    image = ("image/png", 1000, SHA256, "5b" * 16, "")

    def planned() -> Iterator[PlannedRow]:
        for row in opened.rows():
            images = tuple(Image(name, *image) for name in row.locations)
            yield PlannedRow(row.external_id, dict(row.metadata), images)

    with Ledger.open(opened.ledger, opened.run_id) as ledger:
        ledger.plan(ledger.add_target(ENDPOINT, "1", "owner/project", "2", "Set"), planned(), SHA256)
    with closing(sqlite3.connect(opened.ledger)) as connection, connection:
        connection.execute(
            "UPDATE rows SET state = 'linked', subject_id = CAST(? + row - (SELECT MIN(row) FROM rows) AS TEXT), "
            "sent_at = 1780000000, sent_as = '3'",
            (FIRST_SUBJECT,),
        )


def make_classifications(path: Path, rows: int) -> None:
    with path.open("w") as file:
        file.write("classification_id,user_name,annotations,subject_data,subject_ids\n")
        for number in range(rows):
            at = number * 7919 % rows
            data = f'{{""{FIRST_SUBJECT + at}"":{{""retired"":null,""!diaSourceId"":""{FIRST_ID + at}""}}}}'
            file.write(f'{number},volunteer{number % 5000},[],"{data}",{FIRST_SUBJECT + at}\n')


def commands(folder: Path, rows: int) -> dict[str, list[object]]:
    run = folder / "run"
    of_zoocut: dict[str, list[object]] = {
        "generate, nothing to do": ["generate", folder / "zoocut.toml", "-o", run, "-q"],
        "status": ["status", run],
        "export, CSV": ["export", run, "-o", folder / "export.csv"],
        "export, parquet": ["export", run, "-o", folder / "export.parquet"],
        "preview": ["preview", run],
        "join": ["join", folder / "classifications.csv", run, "-o", folder / "joined.csv"],
    }
    verify = {"verify, pages made here": [__file__, "--verify", run, "--rows", rows]}
    return {name: ["-m", "zoocut", *args] for name, args in of_zoocut.items()} | verify


class Pages:
    """Stands for a session with a server: subjects of the run's set, a page at a time."""

    endpoint = ENDPOINT

    def __init__(self, rows: int) -> None:
        from zoocut.zooniverse.clock import Clock

        self.rows, self.clock = rows, Clock()

    def request(self, method: str, path: str, params: dict[str, str], *_: object) -> object:
        from zoocut.zooniverse.session import Answer

        assert (method, path) == ("GET", "/subjects"), path
        size, page = int(params["page_size"]), int(params["page"])
        numbers = range(self.rows)[:: -1 if params["sort"] == "-id" else 1][(page - 1) * size : page * size]
        meta = {"subjects": {"count": self.rows, "page_size": size}}
        return Answer({"subjects": [self.subject(at) for at in numbers], "meta": meta}, None)

    def subject(self, at: int) -> dict[str, object]:
        key = f"0123456789ab/2/{FIRST_ID + at}/{SHA256[:12]}"
        return {
            "id": str(FIRST_SUBJECT + at),
            "external_id": str(FIRST_ID + at),
            "metadata": {"!diaSourceId": str(FIRST_ID + at), "band": "g", "#snr": "12.5", "#zoocut": key},
            "locations": [
                {"image/png": f"https://panoptes-uploads.zooniverse.org/subject_location/{at}.png"}
            ],
            "links": {"project": "1", "subject_sets": ["2"]},
            "created_at": "2026-11-26T16:00:00.000Z",
        }


def verify_against_pages(run: Path, rows: int) -> None:
    from typing import Any, cast

    from zoocut.ledger import Ledger
    from zoocut.run.folder import Run
    from zoocut.verifying import verify
    from zoocut.zooniverse.api import RetryingApi
    from zoocut.zooniverse.panoptes import RetryingPanoptes

    opened = Run.open(run)
    panoptes = RetryingPanoptes(RetryingApi(cast("Any", Pages(rows))))
    with Ledger.read(opened.ledger) as ledger:
        (target,) = ledger.targets()
        audit = verify(opened, ledger, target, panoptes, cast("Any", None), "none")
    assert (audit.members, audit.differences) == (rows, 0), audit


def measured(command: Sequence[object]) -> tuple[float, float, float]:
    """Run a command; return wall and CPU seconds, and megabytes."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    assert process.returncode == 0, said.decode()
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def report(folder: Path, rows: int, only: list[str], show: Callable[[str], object] = print) -> None:
    for name, args in commands(folder, rows).items():
        if only and not any(name.startswith(one) for one in only):
            continue
        wall_s, cpu_s, peak_mb = measured(args)
        load = os.getloadavg()[0]
        show(
            f"| {name} | {rows} | {wall_s:.2f} | {cpu_s:.2f} | {cpu_s / rows * 1e6:.1f} | {peak_mb:.0f} | {load:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--keep", type=Path, help="make the runs here, and use those that are there")
    parser.add_argument("--make", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--verify", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.verify:
        verify_against_pages(args.verify, args.rows[0])
        return
    base = args.keep or Path(tempfile.mkdtemp())
    if args.make:
        make(base / str(args.make), args.make)
        return
    print(
        "| command | rows | wall s | CPU s | CPU us a row | peak MB | load |\n|---|---|---|---|---|---|---|"
    )
    try:
        for rows in args.rows:
            folder = base / str(rows)
            if not folder.exists():
                # in a process of its own: this one must stay small, its peak counts for those that it starts
                subprocess.run(
                    [sys.executable, __file__, "--make", str(rows), "--keep", str(base)], check=True
                )
            report(folder, rows, args.only)
    finally:
        if not args.keep:
            shutil.rmtree(base)


if __name__ == "__main__":
    main()
