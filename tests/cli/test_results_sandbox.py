"""Robots of the sandbox classify what was uploaded, and `zoocut results` tells how well."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from panoptes_client import Panoptes
from uploads import Zoocut, account, make_run

from zoocut.sandbox import running

RETIRE_AT = 4
SUBJECTS = 6
LONGEST_S = 90.0
TASK = {"type": "single", "question": "Is it real?", "answers": [{"label": "Real"}, {"label": "Bogus"}]}


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST_S
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


def retired(zoocut: Zoocut, run: Path, signed_in: dict[str, str]) -> int:
    told = json.loads(zoocut("status", run, "--remote", "--json", **signed_in).stdout)
    return sum(one["retired"] for one in told["targets"][0]["remote"]["workflows"])


@pytest.fixture
def classified(tmp_path: Path, zoocut: Zoocut) -> Any:
    """A run whose subjects robots have classified until each is retired; subjects tell the answer that is right."""
    run = make_run(tmp_path / "night", SUBJECTS, **{"#answer": "Bogus"})
    options = ["--volunteers", "5", "--accuracy", "1", "--export-every", "0", "--count-delay", "0"]
    with running(options=options) as server:
        done = zoocut("upload", run, "--project", "owner/rehearsal", "--set", "Night", **account(server))
        assert done.returncode == 0, done.stderr
        client = Panoptes(server.endpoint, username="owner", password="sandbox-password")
        (target,) = json.loads(zoocut("status", run, "--json").stdout)["targets"]
        content = {
            "display_name": "Real or bogus?", "primary_language": "en", "active": True, "tasks": {"T0": TASK},
            "retirement": {"criteria": "classification_count", "options": {"count": RETIRE_AT}},
            "links": {"project": target["project"]["id"]},
        }  # fmt: skip
        workflow = client.post("/workflows", json={"workflows": content})[0]["workflows"][0]["id"]
        sets = {"subject_sets": [target["subject_set"]["id"]]}
        client.post(f"/workflows/{workflow}/links/subject_sets", json=sets)
        until(lambda: retired(zoocut, run, account(server)) == SUBJECTS)
        yield run, account(server)


def test_from_upload_to_votes(classified: Any, zoocut: Zoocut) -> None:
    run, signed_in = classified
    done = zoocut("results", run, "-o", "r.csv", "--page", "r.html", "--json", **signed_in)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    read, used = told["classifications"]["read"], told["classifications"]["used"]
    assert used + sum(told["classifications"]["left_out"].values()) == read >= SUBJECTS * RETIRE_AT
    assert told["tasks"]["T0"]["answers"] == {"0": "Real", "1": "Bogus"}
    with (run.parent / "r.csv").open(newline="") as file:
        file.readline()
        rows = list(csv.DictReader(file))
    assert [row["diaSourceId"] for row in rows] == [str(1700 + n) for n in range(SUBJECTS)]
    for row in rows:
        assert int(row["T0.n"]) >= RETIRE_AT
        assert (row["T0.consensus_label"], row["T0.1.votes"], row["T0.0.votes"]) == (
            "Bogus",
            row["T0.n"],
            "0",
        )
        assert row["retired_at"]
        assert row["band"] in ("g", "r")
    assert sum(int(row["classifications"]) for row in rows) == used
    assert sum(int(row["anonymous"]) for row in rows) == told["classifications"]["anonymous"] > 0
    remote = json.loads(zoocut("status", run, "--remote", "--json", **signed_in).stdout)["targets"][0][
        "remote"
    ]
    assert (remote["workflows"][0]["retired"], remote["workflows"][0]["classified"]) == (SUBJECTS, SUBJECTS)
