"""What commands that read a large set keep in memory: each on a sandbox whose set holds the members already.

    python tests/bench/resume_many_members.py --members 20000
    python tests/bench/resume_many_members.py --members 20000 --only resume,dedupe

Members and ledger are written into their databases, since uploading them would take all the time. `resume` uploads the
ten rows of the run that are missing: its first link reads all members. `again` is another run of ten of the sources,
which lists the set for what it holds already; `adopt` rebuilds the ledger of the first run.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from PIL import Image as Picture
from rehearsal import environment
from upload_many_rows import measured as spent

from zoocut.ledger import Image, Ledger, PlannedRow, State
from zoocut.metadata_keys import SubjectKey
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import running
from zoocut.uploading.steps.measure import measured
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.credentials import Credentials

FIRST_NAME, MISSING = 170_000_000_000_000_000, 10
PROJECT, SET = "owner/rehearsal", "many"
IMAGE = "images/one.png"
KEYS = ("!diaSourceId", "band", "mjd", "ra", "dec")


def metadata_of(name: str) -> dict[str, str]:
    return dict(zip(KEYS, (name, "r", "60676.12345", "150.1163213", "2.2057895"), strict=True))


def make_run(folder: Path, names: list[str]) -> Run:
    run = Run.create(folder)
    run.images.mkdir(exist_ok=True)
    Picture.new("L", (8, 8), 7).save(folder / IMAGE)
    write_manifest(run.manifest, (ManifestRow(name, (IMAGE,), metadata_of(name)) for name in names), KEYS)
    return run


def fill_set(data: Path, project_id: str, set_id: str, run: Run, names: list[str], image: Image) -> None:
    """Put the subjects of all names into the sandbox's set."""
    now = int((time.time() - 86400) * 1e6)
    place = json.dumps([{"mime": "image/png", "path": "/subject_location/" + "0" * 36 + ".png"}])
    with closing(sqlite3.connect(data / "sandbox.sqlite3")) as connection, connection:
        ((user,),) = connection.execute("SELECT id FROM users WHERE login = 'owner'")
        for at, name in enumerate(names, 1):
            told = {
                **metadata_of(name),
                "#zoocut": str(SubjectKey.of(run.run_id, set_id, name, image.sha256)),
            }
            connection.execute(
                "INSERT INTO subjects VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)",
                (at, project_id, user, name, json.dumps(told), place, now, now),
            )
            connection.execute(
                "INSERT INTO set_member_subjects VALUES (?, ?, ?, NULL, ?, ?)", (at, set_id, at, now, now)
            )


def fill_ledger(run: Run, endpoint: str, project_id: str, set_id: str, linked: int, image: Image) -> None:
    with Ledger.open(run.ledger, run.run_id) as ledger:
        target = ledger.add_target(endpoint, project_id, PROJECT, set_id, SET)
        planned = (PlannedRow(row.external_id, row.metadata, (image,), None) for row in run.rows())
        ledger.plan(target, planned, "0" * 64)
        proved = replace(image, proved=True)
        entries = islice(ledger.every(target), linked)
        for at in range(0, linked, 500):
            ledger.save(
                [
                    replace(entry, state=State.LINKED, subject_id=str(at + n), sent_as="1", images=(proved,))
                    for n, entry in enumerate(islice(entries, 500), 1)
                ]
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=20_000)
    parser.add_argument("--only", default="status,resume,again,members,dedupe,verify,adopt")
    parser.add_argument("--under", type=Path, help="a folder for what is written")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.under) as home:
        work(Path(home), asked.members, asked.only.split(","))


def work(home: Path, members: int, only: list[str]) -> None:
    names = [str(FIRST_NAME + number) for number in range(members + MISSING)]
    run = make_run(home / "run", names)
    image = measured(Image(IMAGE, "image/png"), (run.path / IMAGE).read_bytes())
    data = home / "sandbox"
    options = ["--quota", "10000000"]
    with running(data, options) as sandbox:
        endpoint = sandbox.endpoint
        panoptes, _ = connect(endpoint, Credentials("owner", "sandbox-password"))
        project = panoptes.project(PROJECT)
        made = panoptes.create_subject_set(project, SET, {})
    fill_set(data, project.project_id, made.set_id, run, names[:members], image)
    fill_ledger(run, endpoint, project.project_id, made.set_id, members, image)
    other = make_run(home / "other", [*names[:5], *(f"{name}0" for name in names[:5])])
    where = ["--project", PROJECT]
    kinds: dict[str, Callable[[], list[str]]] = {
        "status": lambda: ["status", str(run.path)],
        "resume": lambda: ["upload", str(run.path), *where, "--set", SET],
        "again": lambda: ["upload", str(other.path), *where, "--set", SET],
        "dry": lambda: ["upload", str(other.path), *where, "--set", SET, "--dry-run"],
        "members": lambda: ["sets", "members", SET, *where, "--csv"],
        "copy": lambda: ["sets", "copy", SET, "Another", *where, "--yes"],
        "dedupe": lambda: ["dedupe", *where, "--set", SET],
        "verify": lambda: ["verify", str(run.path), "--check", "none"],
        "adopt": lambda: ["adopt", str(make_run(home / "lost", names).path), *where, "--set", SET, "--yes"],
    }
    with running(data, options, port=int(endpoint.rpartition(":")[2])):
        for name in only:
            words = [sys.executable, "-m", "zoocut", *kinds[name]()]
            spent(f"{members} members, {name}", words, environment(endpoint))


if __name__ == "__main__":
    main()
