"""What the sandbox really holds, compared with a run folder: the four promises of an upload.

Every subject that was made for the run counts, in a set or not: a second one that no set holds is invisible to
volunteers, and still is what an upload exists to prevent.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tomllib
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from zoocut.run.manifest import read_manifest


@dataclass(frozen=True)
class Differences:
    """What is wrong, in numbers; all zero is right."""

    duplicates: int
    missing: int
    wrong_bytes: int
    linked_before_image: int
    ledger: int
    strays: int = 0


def differences(endpoint: str, run: Path, set_name: str) -> Differences:
    document = requests.get(f"{endpoint}/sandbox/truth", timeout=240).json()
    set_ids = [one["id"] for one in document["sets"] if one["display_name"] == set_name]
    members = [
        s for s in document["subjects"] if set(set_ids) & set(s["sets"]) and s["external_id"] != "drift"
    ]
    expected = {
        row.external_id: [_md5(run / location) for location in row.locations]
        for row in read_manifest(run / "manifest.csv")
    }
    held = Counter(member["external_id"] for member in members)
    return Differences(
        duplicates=sum(count - 1 for count in held.values()) + max(0, len(set_ids) - 1),
        missing=sum(name not in held for name in expected),
        wrong_bytes=sum(expected.get(m["external_id"]) != _stored(m) for m in members),
        linked_before_image=_too_early(document["events"], members, set_ids),
        ledger=len(_linked_in_ledger(run, set_ids) ^ {(m["external_id"], str(m["id"])) for m in members}),
        strays=len(made_for(document, run, set_ids) - {one["id"] for one in members}),
    )


def made_for(document: dict[str, Any], run: Path, set_ids: list[int]) -> set[int]:
    """Name every subject that was made for a run and the sets of these ids, wherever it is now."""
    run_id = tomllib.loads((run / "run.toml").read_text())["run"]["id"]
    starts = tuple(f"{run_id}/{number}/" for number in set_ids)
    return {
        one["id"]
        for one in document["subjects"]
        if str(one["metadata"].get("#zoocut", "")).startswith(starts)
    }


def members_of(endpoint: str, set_name: str) -> set[str]:
    """Name the subjects that the sets of this name hold."""
    document = requests.get(f"{endpoint}/sandbox/truth", timeout=240).json()
    set_ids = {one["id"] for one in document["sets"] if one["display_name"] == set_name}
    return {str(one["id"]) for one in document["subjects"] if set_ids & set(one["sets"])}


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def _stored(subject: dict[str, Any]) -> list[str | None]:
    return [(location["blob"] or {}).get("md5") for location in subject["locations"]]


def _too_early(events: list[dict[str, Any]], members: list[dict[str, Any]], set_ids: list[int]) -> int:
    stored: dict[str, int] = {}
    linked: dict[int, int] = {}
    for event in events:
        if event["kind"] == "blob-stored":
            stored.setdefault(event["path"], event["seq"])
        elif event["kind"] == "linked" and event["set"] in set_ids:
            linked.setdefault(event["subject"], event["seq"])
    never = float("inf")
    return sum(
        any(
            stored.get(location["path"], never) > linked.get(member["id"], never)
            for location in member["locations"]
        )
        for member in members
    )


def _linked_in_ledger(run: Path, set_ids: list[int]) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(run / "ledger.sqlite3")) as ledger:
        rows = ledger.execute(
            "SELECT external_id, subject_id FROM rows JOIN targets ON target = number "
            f"WHERE state = 'linked' AND set_id IN ({','.join('?' * len(set_ids))})",
            [str(number) for number in set_ids],
        )
        return set(rows)
