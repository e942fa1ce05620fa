"""Answers of 200 that are JSON and still make no sense, as a proxy or a broken page may give: doubt, never a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zoocut.zooniverse.api import RetryingApi
from zoocut.zooniverse.clock import Clock
from zoocut.zooniverse.panoptes import RetryingPanoptes
from zoocut.zooniverse.records import Account, Project
from zoocut.zooniverse.request_errors import Doubtful
from zoocut.zooniverse.session import Answer
from zoocut.zooniverse.set_admin import SetAdmin

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
READS: dict[str, Callable[[SetAdmin], object]] = {
    "account": lambda admin: admin.panoptes.account(),
    "project": lambda admin: admin.panoptes.project("owner/rehearsal"),
    "subject_sets": lambda admin: admin.panoptes.subject_sets(PROJECT, "Night"),
    "subject_set": lambda admin: admin.panoptes.subject_set("1"),
    "create_subject_set": lambda admin: admin.panoptes.create_subject_set(PROJECT, "Night", {}),
    "active_workflows": lambda admin: admin.panoptes.active_workflows("1"),
    "count_uploaded": lambda admin: admin.panoptes.count_uploaded(ACCOUNT),
    "newest_subject_id": lambda admin: admin.panoptes.newest_subject_id("1"),
    "newest_subjects": lambda admin: list(admin.panoptes.newest_subjects("1", "1", 0, lambda one: one)),
    "of_members": lambda admin: list(admin.panoptes.of_members("1", lambda one: one)),
    "subjects": lambda admin: admin.panoptes.subjects(["7"]),
    "subject": lambda admin: admin.panoptes.subject("7"),
    "create_subject": lambda admin: admin.panoptes.create_subject("1", "a", {}, ["image/png"]),
    "renewed_addresses": lambda admin: admin.panoptes.renewed_addresses("7"),
    "link": lambda admin: admin.panoptes.link("1", ["7"]),
    "linked": lambda admin: admin.panoptes.linked("1", ["7"]),
    "details": lambda admin: admin.details("1"),
    "workflows": lambda admin: admin.workflows(PROJECT),
    "statuses": lambda admin: list(admin.statuses("1", ["7"])),
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
    clock = Clock()

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def request(self, *words: object, **more: object) -> Answer:
        return Answer(self._document, None)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("read", READS)
def test_an_odd_answer_is_a_doubt(read: str, odd: str) -> None:
    session: Any = OneAnswer(ODD[odd])
    with pytest.raises(Doubtful, match="run again"):
        READS[read](SetAdmin(RetryingPanoptes(RetryingApi(session))))
