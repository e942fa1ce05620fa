"""Every fault does what it says, to the calls it was set for and to no others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from zoocut.errors import ConfigError
from zoocut.sandbox import Running, running
from zoocut.sandbox.faults.reading import read_faults, rule_of_text
from zoocut.sandbox.faults.registry import FAULTS

BYTES = b"\x89PNG some bytes" * 100


def wait_until(condition: Callable[[], bool], within_s: float = 240) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize(("name", "status"), [("commit-then-500", 500), ("commit-then-504", 504)])
def test_the_work_is_done_but_the_answer_is_an_error_page(
    tester: Any, project: str, name: str, status: int
) -> None:
    tester.fault(name, **({"delay_s": 0.3} if status == 504 else {}))
    begun = time.monotonic()
    answer = tester.try_subject(project, "a")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert tester.external_ids(project) == ["a"]
    assert status == 500 or time.monotonic() - begun >= 0.3


def test_the_work_is_done_but_the_connection_breaks(tester: Any, project: str) -> None:
    tester.fault("commit-then-close")
    with pytest.raises(requests.ConnectionError):
        tester.try_subject(project, "a")
    assert tester.external_ids(project) == ["a"]


def test_the_work_is_done_but_the_answer_is_cut(tester: Any, project: str) -> None:
    tester.fault("truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        tester.try_subject(project, "a")
    assert tester.external_ids(project) == ["a"]


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("bad-gateway", 502, "text/html"),
        ("unavailable", 503, "text/html"),
        ("feature-off", 503, "application/vnd.api+json"),
        ("too-many", 429, ""),
        ("unauthorised", 401, "text/html"),
        ("quota", 403, "application/vnd.api+json"),
    ],
)
def test_nothing_is_done(tester: Any, project: str, name: str, status: int, kind: str) -> None:
    tester.fault(name)
    answer = tester.try_subject(project, "a")
    assert answer.status_code == status
    assert answer.headers.get("Content-Type", "").startswith(kind)
    assert tester.external_ids(project) == []
    if name == "too-many":
        assert answer.headers["Retry-After"] == "1"
    if name == "unauthorised":
        assert answer.content == b""


def test_the_work_is_done_later(tester: Any, project: str) -> None:
    tester.fault("late-commit", delay_s=3)
    assert tester.try_subject(project, "late").status_code == 504
    assert tester.external_ids(project) == []
    wait_until(lambda: tester.external_ids(project) == ["late"])


def test_links_conflict(tester: Any, project: str) -> None:
    set_id, subject = tester.new_set(project), tester.new_subject(project)
    tester.fault("conflict", nth=1)
    answers = [tester.link(set_id, subject["id"]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [409, 200]
    assert answers[0].json()["errors"][0]["message"] == "Attempted to update a stale object: SubjectSet."


def test_a_token_expires(tester: Any, project: str) -> None:
    tester.fault("token-expired", nth=2)
    assert tester.try_subject(project).status_code == 201
    answer = tester.try_subject(project)
    assert (answer.status_code, answer.content) == (401, b"")
    assert "expired" in answer.headers["WWW-Authenticate"]


def test_a_token_is_pruned(tester: Any, project: str) -> None:
    tester.fault("token-pruned")
    answer = tester.try_subject(project)
    assert answer.status_code == 401
    assert "logged in" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("url-expired", 403, "AuthorizationFailure"), ("blob-busy", 503, "ServerBusy")],
)
def test_the_store_refuses(tester: Any, project: str, name: str, status: int, code: str) -> None:
    url = tester.url(tester.new_subject(project))
    tester.fault(name, nth=1)
    answer = tester.put(url, BYTES)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (status, code)
    assert tester.put(url, BYTES).status_code == 201


def blob(tester: Any, subject: dict[str, Any]) -> dict[str, Any] | None:
    (row,) = [s for s in tester.control("GET", "/truth")["subjects"] if s["id"] == int(subject["id"])]
    found: dict[str, Any] | None = row["locations"][0]["blob"]
    return found


def test_the_store_breaks_off(tester: Any, project: str) -> None:
    subject = tester.new_subject(project)
    tester.fault("blob-reset")
    with pytest.raises(requests.ConnectionError):
        tester.put(tester.url(subject), BYTES * 2000)
    assert blob(tester, subject) is None


def test_the_store_acknowledges_and_loses(tester: Any, project: str) -> None:
    subject = tester.new_subject(project)
    tester.fault("blob-lost")
    assert tester.put(tester.url(subject), BYTES).status_code == 201
    assert blob(tester, subject) is None


def test_a_body_comes_slowly(tester: Any, project: str) -> None:
    tester.new_subject(project)
    tester.fault("slow-body", delay_s=0.4)
    begun = time.monotonic()
    answer = tester.call("GET", f"/subjects?project_id={project}")
    assert time.monotonic() - begun >= 0.4
    assert len(answer.json()["subjects"]) == 1


def test_rows_appear_between_pages(tester: Any, project: str) -> None:
    for number in range(4):
        tester.new_subject(project, external_id=str(number))
    tester.fault("page-drift", rows=2)
    query = f"/subjects?project_id={project}&sort=-id&page_size=2"
    pages = [tester.call("GET", f"{query}&page={page}").json()["subjects"] for page in (1, 2)]
    assert [[row["external_id"] for row in page] for page in pages] == [["3", "2"], ["3", "2"]]
    assert tester.external_ids(project).count("drift") == 2


def test_tags_are_weak_and_still_match(tester: Any, project: str) -> None:
    subject = tester.new_subject(project)
    tester.fault("weak-etags")
    tag = tester.call("GET", f"/subjects/{subject['id']}").headers["ETag"]
    assert tag.startswith('W/"')
    again = tester.call(
        "PUT", f"/subjects/{subject['id']}", {"subjects": {"locations": []}}, **{"If-Match": tag}
    )
    assert again.status_code == 200


def test_documents_are_stale(tester: Any, project: str) -> None:
    tester.fault("stale-documents")
    before = tester.found("/me")["uploaded_subjects_count"]
    tester.new_subject(project)
    assert tester.found("/me")["uploaded_subjects_count"] == before
    tester.control("DELETE", "/faults")
    assert tester.found("/me")["uploaded_subjects_count"] == before + 1


def test_answers_take_time(tester: Any, project: str) -> None:
    tester.fault("latency", delay_s=0.2, max_s=0.3)
    begun = time.monotonic()
    tester.try_subject(project)
    assert time.monotonic() - begun >= 0.2


def test_bytes_take_time(tester: Any, project: str) -> None:
    url = tester.url(tester.new_subject(project))
    tester.fault("bandwidth", bytes_per_s=100_000)
    begun = time.monotonic()
    assert tester.put(url, b"x" * 40_000).status_code == 201
    assert time.monotonic() - begun >= 0.4


def test_every_fault_has_a_test() -> None:
    """Each fault known is set by name in a test of the sandbox."""
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_sandbox_*.py"))
    assert [name for name in FAULTS if f'"{name}"' not in text] == []


def test_calls_are_chosen_by_number_and_route(tester: Any, project: str) -> None:
    tester.fault("unavailable", nth=[2, 3])
    tester.call("GET", f"/subjects?project_id={project}")
    assert [tester.try_subject(project).status_code for _ in range(4)] == [201, 503, 503, 201]
    injected = tester.control("GET", "/injected")["injected"]
    assert [(one["name"], one["call"], one["path"]) for one in injected[-2:]] == [
        ("unavailable", 2, "/api/subjects"),
        ("unavailable", 3, "/api/subjects"),
    ]


def test_chance_is_repeatable(tester: Any, project: str) -> None:
    def run() -> list[int]:
        tester.fault("unavailable", probability=0.5, seed=7)
        statuses = [tester.try_subject(project).status_code for _ in range(20)]
        tester.control("DELETE", "/faults")
        return statuses

    first = run()
    assert set(first) == {201, 503}
    assert run() == first


def test_faults_end_after_some_times(tester: Any, project: str) -> None:
    tester.fault("unavailable", times=2)
    assert [tester.try_subject(project).status_code for _ in range(4)] == [503, 503, 201, 201]


def test_one_fault_is_taken_away(tester: Any, project: str) -> None:
    number = tester.control("POST", "/faults", {"name": "unavailable"})["number"]
    assert tester.control("DELETE", f"/faults/{number}") == {"removed": 1}
    assert tester.try_subject(project).status_code == 201


def test_faults_come_from_a_file_and_from_options(tmp_path: Path, at: Callable[..., Any]) -> None:
    file = tmp_path / "faults.toml"
    file.write_text('[[fault]]\nname = "unavailable"\nnth = 1\n')
    options = ["--faults", str(file), "--fault", "bad-gateway:nth=2,route=POST /api/subjects"]
    with running(options=options) as server:
        me = at(server.endpoint, "owner")
        project = me.new_project()
        assert [me.try_subject(project).status_code for _ in range(3)] == [503, 502, 201]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[fault]]\nname = "comit-then-500"', "there is no fault 'comit-then-500'; did you mean 'commit-"),
        ('[[fault]]\nname = "late-commit"\ndelay = 3', "has no setting 'delay'; did you mean 'delay_s'?"),
        ('[[fault]]\nname = "late-commit"\ndelay_s = "3"', "delay_s is '3'; give a number"),
        ('[[fault]]\nname = "late-commit"\nnth = 0', "nth is 0; give the number of a call"),
        ('[fault]\nname = "late-commit"', "two brackets"),
        ('[[faults]]\nname = "late-commit"', "'faults' is not known here"),
        ("[[fault]\n", "is not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_fault_file_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "faults.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_faults(file)
    assert str(file) in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["nonsense", "latency:delay_s", "latency:delay_s=soon", "latency:nth=x+2"])
def test_a_mistake_in_a_fault_option_is_one_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match="--fault"):
        rule_of_text(text)


def test_a_mistake_at_run_time_is_answered(faulty: Running) -> None:
    for body in (b"[]", b"{", json.dumps({"name": "nonsense"}).encode(), b'{"name": "latency", "nth": -1}'):
        answer = requests.post(f"{faulty.endpoint}/sandbox/faults", data=body, timeout=240)
        assert answer.status_code == 400
        assert answer.json()["error"]
