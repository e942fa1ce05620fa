"""Faults of answers, stores, lists and clocks that make a client believe what is not so."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from zoocut.sandbox import Running, running

BYTES = b"\x89PNG some bytes"


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


# answers to a create


@pytest.mark.parametrize("status", [403, 408, 409, 502])
def test_a_page_after_the_work_was_done(tester: Any, project: str, status: int) -> None:
    tester.fault("commit-then-page", status=status)
    answer = tester.try_subject(project, "a")
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (status, "text/html")
    assert tester.external_ids(project) == ["a"]


def test_json_of_a_gateway_after_the_work_was_done(tester: Any, project: str) -> None:
    tester.fault("commit-then-json")
    answer = tester.try_subject(project, "a")
    assert (answer.status_code, "errors" in answer.json()) == (503, False)
    assert tester.external_ids(project) == ["a"]


def test_nothing_is_said_after_the_work_was_done(tester: Any, project: str) -> None:
    tester.fault("commit-then-empty")
    answer = tester.try_subject(project, "a")
    assert (answer.status_code, answer.content) == (201, b"")
    assert tester.external_ids(project) == ["a"]


def test_a_conflict_as_the_api_says_it_makes_nothing(tester: Any, project: str) -> None:
    tester.fault("error-json", status=409)
    answer = tester.try_subject(project, "a")
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["message"].startswith("Attempted to update a stale object")
    assert tester.external_ids(project) == []


def test_a_conflict_as_a_page_says_it_makes_nothing(tester: Any, project: str) -> None:
    tester.fault("error-page", status=409)
    answer = tester.try_subject(project, "a")
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (409, "text/html")
    assert tester.external_ids(project) == []


def test_documents_without_their_records(tester: Any, project: str) -> None:
    tester.fault("records-dropped")
    answer = tester.try_subject(project, "a")
    assert (answer.status_code, answer.json()["subjects"]) == (201, [])
    assert tester.external_ids(project) == ["a"]


def test_subjects_without_what_volunteers_do_not_see(tester: Any, project: str) -> None:
    tester.fault("keys-dropped")
    metadata = {"diaSourceId": "1", "#zoocut": "k", "//note": "n"}
    subject = tester.new_subject(project, metadata=metadata)
    assert subject["metadata"] == {"diaSourceId": "1"}
    assert tester.found(f"/subjects/{subject['id']}")["metadata"] == {"diaSourceId": "1"}
    (held,) = [one for one in tester.control("GET", "/truth")["subjects"] if one["project"] == int(project)]
    assert held["metadata"] == metadata


# the store


def test_the_store_tells_no_checksum(tester: Any, project: str) -> None:
    subject = tester.new_subject(project)
    tester.fault("blob-no-checksum")
    answer = tester.put(tester.url(subject), BYTES)
    assert (answer.status_code, "Content-MD5" in answer.headers) == (201, False)


def test_the_store_tells_the_checksum_of_other_bytes(tester: Any, project: str) -> None:
    subject = tester.new_subject(project)
    tester.fault("blob-other-checksum")
    answer = tester.put(tester.url(subject), BYTES)
    assert answer.headers["Content-MD5"] not in ("", md5(BYTES))
    public = tester.url(tester.found(f"/subjects/{subject['id']}"))
    assert requests.get(public, timeout=240).content == BYTES


def test_the_store_keeps_other_bytes(tester: Any, project: str) -> None:
    subject = tester.new_subject(project)
    tester.fault("blob-other-bytes")
    answer = tester.put(tester.url(subject), BYTES)
    served = requests.get(tester.url(tester.found(f"/subjects/{subject['id']}")), timeout=240)
    assert served.content != BYTES
    assert answer.headers["Content-MD5"] == served.headers["Content-MD5"] == md5(served.content)


# lists


def listed(tester: Any, project: str, size: int = 2) -> list[str]:
    """The external ids of a project's subjects, page by page."""
    found, page = [], 1
    while page:
        query = f"project_id={project}&sort=id&page_size={size}&page={page}"
        answer = tester.call("GET", f"/subjects?{query}").json()
        found += [one["external_id"] for one in answer["subjects"]]
        page = answer["meta"]["subjects"]["next_page"]
    return found


def test_lists_lag(tester: Any, project: str) -> None:
    tester.new_subject(project, external_id="a")
    tester.fault("list-lags", lag_s=3600)
    assert listed(tester, project) == []
    tester.control("DELETE", "/faults")
    tester.fault("list-lags", lag_s=0.7)
    end = time.monotonic() + 240
    while listed(tester, project) != ["a"]:
        assert time.monotonic() < end


def test_lists_skip(tester: Any, project: str) -> None:
    for name in "abc":
        tester.new_subject(project, external_id=name)
    tester.fault("list-skips")
    answer = tester.call("GET", f"/subjects?project_id={project}").json()
    assert [one["external_id"] for one in answer["subjects"]] == ["a", "c"]
    assert answer["meta"]["subjects"]["count"] == 3


def test_lists_shift(tester: Any, project: str) -> None:
    for name in "abcde":
        tester.new_subject(project, external_id=name)
    tester.fault("list-shifts")
    assert listed(tester, project) == ["a", "b", "d", "e"]


def test_memberships_lag_too(tester: Any, project: str) -> None:
    set_id = tester.new_set(project)
    tester.link(set_id, tester.new_subject(project)["id"])
    tester.fault("list-lags", lag_s=3600)
    rows = tester.call("GET", f"/set_member_subjects?subject_set_id={set_id}").json()
    assert (rows["set_member_subjects"], rows["meta"]["set_member_subjects"]["count"]) == ([], 0)


# documents and clocks


def test_documents_are_kept_for_a_while(tester: Any, project: str) -> None:
    set_id = tester.new_set(project, metadata={"lease": "a"})
    path = f"/subject_sets/{set_id}"
    tester.fault("cached-documents", age_s=3600)
    tester.found(path)
    tester.call("PUT", path, {"subject_sets": {"metadata": {"lease": "b"}}})
    assert tester.found(path)["metadata"] == {"lease": "a"}
    tester.control("DELETE", "/faults")
    assert tester.found(path)["metadata"] == {"lease": "b"}


@pytest.mark.parametrize(
    ("settings", "lie_s"), [({"ahead_s": 86400}, 86400), ({"ahead_s": 0, "behind_s": 3600}, -3600)]
)
def test_dates_lie(tester: Any, project: str, settings: dict[str, float], lie_s: float) -> None:
    tester.fault("date-lies", **settings)
    answer = tester.call("GET", "/me")
    dated = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(dated - time.time() - lie_s) < 30


def test_dates_do_not_lie_by_themselves(tester: Any) -> None:
    answer = tester.call("GET", "/me")
    dated = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(dated - time.time()) < 30


# other instances, other origins


def test_a_new_instance_gives_the_same_numbers_at_other_times(at: Callable[..., Any]) -> None:
    seen = []
    for _ in range(2):
        with running() as server:
            me = at(server.endpoint, "owner")
            project = me.found("/projects?slug=owner/rehearsal")
            made = me.found(f"/subject_sets/{me.new_set(project['id'])}")
            seen.append((project["id"], project["created_at"], made["id"], made["created_at"]))
    (first, second) = seen
    assert (first[0], first[2]) == (second[0], second[2])
    assert first[1] != second[1]
    assert first[3] != second[3]


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
     {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)  # fmt: skip
def test_pages_of_other_origins_change_nothing(sandbox: Running, headers: dict[str, str]) -> None:
    text = '{"name": "latency"}'
    for path in ("/sandbox/faults", "/users/sign_in", "/api/subjects"):
        sent = {"Content-Type": "text/plain", **headers}
        answer = requests.post(f"{sandbox.endpoint}{path}", data=text, headers=sent, timeout=240)
        assert answer.status_code == 403, path
    assert requests.get(f"{sandbox.endpoint}/sandbox/faults", timeout=240).json()["faults"] == []


def test_pages_of_the_sandbox_may(sandbox: Running) -> None:
    sent = {"Origin": sandbox.endpoint, "Sec-Fetch-Site": "same-origin"}
    answer = requests.post(f"{sandbox.endpoint}/sandbox/jobs/run", headers=sent, timeout=240)
    assert answer.status_code == 200
