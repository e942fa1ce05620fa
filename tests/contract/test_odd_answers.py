"""Answers of 200 that are JSON and still make no sense, as a proxy or a broken page may give: doubt, never a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zoocut.zooniverse.clock import ServerClock
from zoocut.zooniverse.faults import Doubtful
from zoocut.zooniverse.keeper import Keeper
from zoocut.zooniverse.records import Account, Project
from zoocut.zooniverse.session import Answer

PROJECT = Project("1", "owner/rehearsal")
ACCOUNT = Account("1", "owner", None, False, 0)
KINDS = (
    "users",
    "projects",
    "subjects",
    "subject_sets",
    "set_member_subjects",
    "workflows",
    "subject_workflow_statuses",
)
READS: dict[str, Callable[[Keeper], object]] = {
    "account": lambda keeper: keeper.account(),
    "project": lambda keeper: keeper.project("owner/rehearsal"),
    "subject_sets": lambda keeper: keeper.subject_sets(PROJECT, "Night"),
    "subject_set": lambda keeper: keeper.subject_set("1"),
    "create_subject_set": lambda keeper: keeper.create_subject_set(PROJECT, "Night", {}),
    "active_workflows": lambda keeper: keeper.active_workflows("1"),
    "count_uploaded": lambda keeper: keeper.count_uploaded(ACCOUNT),
    "newest_subject_id": lambda keeper: keeper.newest_subject_id("1"),
    "newest_subjects": lambda keeper: list(keeper.newest_subjects("1", "1", 0)),
    "subjects_of_set": lambda keeper: list(keeper.subjects_of_set("1")),
    "subjects": lambda keeper: keeper.subjects(["7"]),
    "subject": lambda keeper: keeper.subject("7"),
    "create_subject": lambda keeper: keeper.create_subject("1", "a", {}, ["image/png"]),
    "renewed_addresses": lambda keeper: keeper.renewed_addresses("7"),
    "link": lambda keeper: keeper.link("1", ["7"]),
    "linked": lambda keeper: keeper.linked("1", ["7"]),
    "details": lambda keeper: keeper.details("1"),
    "workflows": lambda keeper: keeper.workflows(PROJECT),
    "statuses": lambda keeper: list(keeper.statuses("1", ["7"])),
}
ODD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no records": {kind: [None] for kind in KINDS},
    "hardly a record": {kind: [{"active": True}] for kind in KINDS} | {"meta": None},
    "no list": {kind: {"id": "7"} for kind in KINDS},
}


class OneAnswer:
    """Stands for a session whose every request is answered alike."""

    endpoint = "http://127.0.0.1:9"
    clock = ServerClock()

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def request(self, *words: object, **more: object) -> Answer:
        return Answer(self._document, None)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("read", READS)
def test_an_odd_answer_is_a_doubt(read: str, odd: str) -> None:
    with pytest.raises(Doubtful, match="run again"):
        READS[read](Keeper(OneAnswer(ODD[odd])))
