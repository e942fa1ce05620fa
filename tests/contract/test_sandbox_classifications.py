"""Classifications: what they count, what is served, what robots do, and the exports made of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests

from zoocut.sandbox import running

ACCEPT = "application/vnd.api+json; version=1"
TASKS = {"T0": {"type": "single", "question": "Real?", "answers": [{"label": "Yes"}, {"label": "No"}]}}


def new_workflow(me: Any, project: str, sets: list[str], **fields: Any) -> str:
    content = {"display_name": "W", "primary_language": "en", "tasks": TASKS, "links": {"project": project}}
    workflow = me.made(me.call("POST", "/workflows", {"workflows": content | fields}))["id"]
    me.call("POST", f"/workflows/{workflow}/links/subject_sets", {"subject_sets": sets})
    return workflow


def launch(me: Any, project: str, live: bool = True) -> None:
    tag = me.call("GET", f"/projects/{project}").headers["ETag"]
    assert (
        me.call("PUT", f"/projects/{project}", {"projects": {"live": live}}, **{"If-Match": tag}).status_code
        == 200
    )


class Live:
    """A live project with a set of subjects and a workflow that retires after two classifications."""

    def __init__(self, me: Any, count: int = 3, **fields: Any) -> None:
        self.me, self.project = me, me.new_project()
        self.subjects = [me.new_subject(self.project, external_id=f"e{n}")["id"] for n in range(count)]
        self.set_id = me.new_set(self.project)
        me.link(self.set_id, *self.subjects)
        rule = {"criteria": "classification_count", "options": {"count": 2}}
        self.workflow = new_workflow(me, self.project, [self.set_id], **({"retirement": rule} | fields))
        launch(me, self.project)

    def content(self, subject: str, value: Any = 0, **fields: Any) -> dict[str, Any]:
        metadata = {
            "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:09Z", "user_agent": "t",
            "user_language": "en", "workflow_version": self.me.found(f"/workflows/{self.workflow}")["version"],
        }  # fmt: skip
        links = {"project": self.project, "workflow": self.workflow, "subjects": [subject]}
        annotations = [{"task": "T0", "value": value}]
        return {
            "classifications": {"metadata": metadata, "annotations": annotations, "links": links} | fields
        }

    def classify(self, subject: str, value: Any = 0, by: Any = None, **fields: Any) -> requests.Response:
        return (by or self.me).call("POST", "/classifications", self.content(subject, value, **fields))

    def anonymous(self, subject: str, value: Any = 0, address: str = "198.51.100.7") -> requests.Response:
        sent = {"Accept": ACCEPT, "X-Forwarded-For": address}
        url = f"{self.me.endpoint}/api/classifications"
        return requests.post(url, json=self.content(subject, value), headers=sent, timeout=240)

    def count(self, subject: str) -> tuple[int, str | None]:
        query = f"workflow_id={self.workflow}&subject_id={subject}"
        rows = self.me.call("GET", f"/subject_workflow_statuses?{query}").json()["subject_workflow_statuses"]
        return (rows[0]["classifications_count"], rows[0]["retirement_reason"]) if rows else (0, None)


@pytest.fixture
def live(tester: Any) -> Live:
    return Live(tester)


def test_a_classification_is_kept_as_it_was_sent(live: Live) -> None:
    made = live.me.made(live.classify(live.subjects[0], 1))
    assert made["annotations"] == [{"task": "T0", "value": 1}]
    assert made["metadata"]["workflow_version"] == "1.1"
    assert (made["metadata"]["live_project"], made["links"]["subjects"]) == (True, [live.subjects[0]])
    assert live.me.found(f"/classifications/{made['id']}")["id"] == made["id"]


def test_subjects_retire_at_the_workflows_count(live: Live, at: Callable[..., Any]) -> None:
    subject, other = live.subjects[0], at(live.me.endpoint, "stranger")
    live.classify(subject)
    assert live.count(subject) == (1, None)
    live.classify(subject, by=other)
    assert live.count(subject) == (2, "classification_count")
    live.me.control("POST", "/jobs/run")
    workflow = live.me.found(f"/workflows/{live.workflow}")
    assert (workflow["retired_set_member_subjects_count"], workflow["classifications_count"]) == (1, 2)
    assert workflow["completeness"] == pytest.approx(1 / 3)
    assert live.me.found(f"/subject_sets/{live.set_id}")["completeness"] == {
        live.workflow: pytest.approx(1 / 3)
    }


def test_a_second_look_counts_nothing(live: Live) -> None:
    subject = live.subjects[0]
    live.classify(subject)
    again = live.me.made(live.classify(subject))
    assert again["metadata"]["seen_before"] is True
    assert live.count(subject) == (1, None)


def test_who_is_not_signed_in_is_somebody_new(live: Live) -> None:
    subject = live.subjects[0]
    for _ in range(2):
        assert live.anonymous(subject).status_code == 201
    assert live.count(subject) == (2, "classification_count")


def test_nothing_counts_before_the_launch(live: Live) -> None:
    launch(live.me, live.project, live=False)
    made = live.me.made(live.classify(live.subjects[0]))
    assert made["metadata"]["live_project"] is False
    assert live.count(live.subjects[0]) == (0, None)


@pytest.mark.parametrize("fields", [{"completed": False}])
def test_what_is_not_complete_does_not_count(live: Live, fields: dict[str, Any]) -> None:
    assert live.classify(live.subjects[0], **fields).status_code == 201
    assert live.count(live.subjects[0]) == (0, None)


def test_what_never_retires(tester: Any) -> None:
    live = Live(tester, 1, retirement={"criteria": "never_retire", "options": {}})
    for _ in range(3):
        live.anonymous(live.subjects[0])
    assert live.count(live.subjects[0]) == (3, None)


@pytest.mark.parametrize(
    ("change", "status"),
    [({"links": {"project": "1", "workflow": "99999999", "subjects": ["1"]}}, 422), ({"metadata": {}}, 422),
     ({"annotations": "x"}, 422), ({"nonsense": 1}, 422)],
)  # fmt: skip
def test_odd_classifications_are_refused(live: Live, change: dict[str, Any], status: int) -> None:
    assert live.classify(live.subjects[0], **change).status_code == status


def test_classified_subjects_outlive_their_set(live: Live) -> None:
    live.classify(live.subjects[0])
    path = f"/subject_sets/{live.set_id}"
    tag = live.me.call("GET", path).headers["ETag"]
    assert live.me.call("DELETE", path, **{"If-Match": tag}).status_code == 204
    live.me.control("POST", "/jobs/run")
    held = [
        one["id"]
        for one in live.me.control("GET", "/truth")["subjects"]
        if one["project"] == int(live.project)
    ]
    assert held == [int(live.subjects[0])]


def test_owners_see_the_classifications_of_their_project(live: Live, at: Callable[..., Any]) -> None:
    other = at(live.me.endpoint, "stranger")
    made = [live.me.made(live.classify(subject, by=other))["id"] for subject in live.subjects]
    path = f"/classifications/project?project_id={live.project}"
    assert [one["id"] for one in live.me.call("GET", path).json()["classifications"]] == made
    later = live.me.call("GET", f"{path}&last_id={made[0]}").json()["classifications"]
    assert [one["id"] for one in later] == made[1:]
    assert other.call("GET", path).json()["classifications"] == []
    assert [
        one["id"]
        for one in other.call("GET", f"/classifications?project_id={live.project}").json()["classifications"]
    ] == made
    assert live.me.call("GET", f"/classifications?project_id={live.project}").json()["classifications"] == []


# serving


def served(live: Live, **params: Any) -> list[str]:
    query = "&".join(f"{key}={value}" for key, value in ({"workflow_id": live.workflow} | params).items())
    answer = live.me.call("GET", f"/subjects/queued?{query}")
    assert answer.status_code == 200, answer.text
    return [one["external_id" if "external_id" in one else "id"] for one in answer.json()["subjects"]]


def test_prioritized_subjects_come_in_their_order(tester: Any) -> None:
    live = Live(tester, 5, prioritized=True)
    rows = tester.call("GET", f"/set_member_subjects?subject_set_id={live.set_id}").json()[
        "set_member_subjects"
    ]
    row_of = {row["links"]["subject"]: row["id"] for row in rows}
    for subject, priority in zip(live.subjects, (3, None, 1, -2, 2.5), strict=True):
        if priority is not None:
            body = {"set_member_subjects": {"priority": priority}}
            tester.call("PUT", f"/set_member_subjects/{row_of[subject]}", body)
    assert served(live) == [live.subjects[n] for n in (3, 2, 4, 0, 1)]


@pytest.mark.parametrize("key", ["#priority", "#PRIORITY", "priority"])
def test_priorities_of_metadata_decide_what_comes_first(tester: Any, key: str) -> None:
    live = Live(tester, 0, prioritized=True)
    made = [tester.new_subject(live.project, metadata={key: value})["id"] for value in ("10", "9", "0.5")]
    tester.link(live.set_id, *made)
    tester.control("POST", "/jobs/run")
    assert served(live) == made[::-1]


def test_what_is_retired_or_seen_is_not_served(live: Live) -> None:
    first, second, third = live.subjects
    live.classify(first)
    for _ in range(2):
        live.anonymous(second)
    assert served(live) == [third]
    live.classify(third)
    answer = live.me.call("GET", f"/subjects/queued?workflow_id={live.workflow}").json()
    flags = {one["id"]: (one["retired"], one["already_seen"]) for one in answer["subjects"]}
    assert flags == {first: (False, True), second: (True, False), third: (False, True)}


def test_nothing_to_serve(tester: Any) -> None:
    project = tester.new_project()
    workflow = new_workflow(tester, project, [])
    missing = tester.call("GET", "/subjects/queued")
    assert (missing.status_code, "workflow_id parameter missing" in missing.text) == (422, True)
    assert (
        "no subject set is associated" in tester.call("GET", f"/subjects/queued?workflow_id={workflow}").text
    )


# exports


def export(me: Any, path: str, within_s: float = 240) -> list[dict[str, str]]:
    body = {"media": {"content_type": "text/csv", "metadata": {"recipients": []}}}
    asked = me.call("POST", path, body)
    assert asked.status_code == 201, asked.text
    assert asked.json()["media"][0]["metadata"]["state"] == "creating"
    end = time.monotonic() + within_s
    while (medium := me.call("GET", path).json()["media"][0])["metadata"]["state"] != "ready":
        assert time.monotonic() < end
        time.sleep(0.05)
    answer = requests.get(medium["src"], timeout=240)
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_classifications_as_a_file(live: Live) -> None:
    first, second, third = live.subjects
    live.classify(first, 1)
    live.classify(third, completed=False)
    live.anonymous(first, 0)
    live.anonymous(second, 0, "198.51.100.8")
    rows = export(live.me, f"/workflows/{live.workflow}/classifications_export")
    assert list(rows[0]) == [
        "classification_id", "user_name", "user_id", "user_ip", "workflow_id", "workflow_name", "workflow_version",
        "created_at", "gold_standard", "expert", "metadata", "annotations", "subject_data", "subject_ids",
    ]  # fmt: skip
    mine, anonymous, other = rows
    assert (mine["user_name"], mine["user_id"], mine["workflow_version"]) == (
        "owner",
        live.me.found("/me")["id"],
        "1.1",
    )
    assert json.loads(mine["annotations"]) == [{"task": "T0", "task_label": "Real?", "value": "No"}]
    assert json.loads(anonymous["annotations"])[0]["value"] == "Yes"
    assert anonymous["user_name"] == f"not-logged-in-{anonymous['user_ip']}"
    assert (anonymous["user_id"], len({row["user_ip"] for row in rows})) == ("", 3)
    data = json.loads(mine["subject_data"])[first]
    assert (data["retired"]["retirement_reason"], data["retired"]["classifications_count"]) == (
        "classification_count",
        2,
    )
    assert json.loads(other["subject_data"])[second]["retired"] is None
    assert [row["subject_ids"] for row in rows] == [first, first, second]
    assert mine["created_at"].endswith(" UTC")


def test_labels_are_those_of_the_version_that_was_classified(live: Live) -> None:
    live.classify(live.subjects[0], 0)
    tasks = {"T0": {**TASKS["T0"], "answers": [{"label": "Oui"}, {"label": "Non"}]}}
    path = f"/workflows/{live.workflow}"
    refused = live.me.call("PUT", path, {"workflows": {"tasks": tasks}})
    assert (refused.status_code, "Can't change an active workflow" in refused.text) == (403, True)
    live.me.call("PUT", path, {"workflows": {"active": False}})
    live.me.call("PUT", path, {"workflows": {"tasks": tasks}})
    changed = live.me.call("PUT", path, {"workflows": {"active": True}})
    assert changed.json()["workflows"][0]["version"] == "2.1"
    live.anonymous(live.subjects[0], 0)
    rows = export(live.me, f"{path}/classifications_export")
    assert [json.loads(row["annotations"])[0]["value"] for row in rows] == ["Yes", "Oui"]
    versions = live.me.call("GET", f"/workflow_versions?workflow_id={live.workflow}").json()[
        "workflow_versions"
    ]
    assert [(one["major_number"], one["tasks"]) for one in versions] == [(1, TASKS), (2, tasks)]


@pytest.mark.parametrize("kind", ["project", "set"])
def test_exports_of_projects_and_sets(live: Live, kind: str) -> None:
    live.classify(live.subjects[0])
    path = f"/projects/{live.project}" if kind == "project" else f"/subject_sets/{live.set_id}"
    (row,) = export(live.me, f"{path}/classifications_export")
    assert row["subject_ids"] == live.subjects[0]


def test_subjects_and_workflows_as_files(live: Live) -> None:
    live.classify(live.subjects[0])
    rows = export(live.me, f"/projects/{live.project}/subjects_export")
    assert [(row["subject_id"], row["classifications_count"]) for row in rows] == list(
        zip(live.subjects, ["1", "0", "0"], strict=True)
    )
    assert {row["subject_set_id"] for row in rows} == {live.set_id}
    (workflow,) = export(live.me, f"/projects/{live.project}/workflows_export")
    assert (workflow["workflow_id"], json.loads(workflow["tasks"])) == (live.workflow, TASKS)


def test_a_second_export_so_soon_is_never_made(live: Live) -> None:
    path = f"/workflows/{live.workflow}/classifications_export"
    export(live.me, path)
    assert live.me.call("POST", path, {"media": {"content_type": "text/csv"}}).status_code == 201
    live.me.control("POST", "/jobs/run")
    assert live.me.call("GET", path).json()["media"][0]["metadata"]["state"] == "creating"


def test_exports_may_be_made_as_often_as_told(at: Callable[..., Any]) -> None:
    with running(options=["--export-every", "0"]) as server:
        live = Live(at(server.endpoint, "owner"))
        path = f"/workflows/{live.workflow}/classifications_export"
        assert export(live.me, path) == []
        live.classify(live.subjects[0])
        assert len(export(live.me, path)) == 1


def test_an_export_is_lost(live: Live) -> None:
    live.me.control("POST", "/faults", {"name": "export-lost"})
    path = f"/workflows/{live.workflow}/classifications_export"
    assert live.me.call("POST", path, {"media": {"content_type": "text/csv"}}).status_code == 201
    live.me.control("POST", "/jobs/run")
    assert live.me.call("GET", path).json()["media"][0]["metadata"]["state"] == "creating"


def test_only_who_may_write_has_exports(live: Live, at: Callable[..., Any]) -> None:
    path, other = f"/workflows/{live.workflow}/classifications_export", at(live.me.endpoint, "stranger")
    export(live.me, path)
    assert other.call("POST", path, {}).status_code == 404
    assert other.call("GET", path).status_code == 404
    src = live.me.call("GET", path).json()["media"][0]["src"]
    assert requests.get(src.split("?")[0], timeout=240).status_code == 403
    assert requests.get(src.replace("/private/", "/public/"), timeout=240).status_code in (403, 404)
    assert requests.put(src, data=b"x", timeout=240).status_code in (403, 404, 405)


def test_the_file_is_gzip_as_it_lies_there(live: Live) -> None:
    path = f"/workflows/{live.workflow}/classifications_export"
    export(live.me, path)
    src = live.me.call("GET", path).json()["media"][0]["src"]
    with requests.get(src, timeout=240, stream=True) as answer:
        raw = answer.raw.read(decode_content=False)
    assert gzip.decompress(raw).startswith(b"classification_id,")


# robots


@pytest.mark.parametrize("accuracy", [1.0, 0.0])
def test_robots_are_as_right_as_they_are_said_to_be(at: Callable[..., Any], accuracy: float) -> None:
    options = ["--volunteers", "4", "--accuracy", str(accuracy), "--export-every", "0"]
    with running(options=options) as server:
        me = at(server.endpoint, "owner")
        project = me.project()
        assert me.found(f"/projects/{project}")["live"] is True
        answers = {"0": "Yes", "No": "No"}
        made = [me.new_subject(project, metadata={"#answer": given})["id"] for given in answers]
        set_id = me.new_set(project)
        me.link(set_id, *made)
        rule = {"criteria": "classification_count", "options": {"count": 3}}
        workflow = new_workflow(me, project, [set_id], retirement=rule)
        end = time.monotonic() + 240
        query = f"/subject_workflow_statuses?workflow_id={workflow}"
        while (
            sum(bool(one["retired_at"]) for one in me.call("GET", query).json()["subject_workflow_statuses"])
            < 2
        ):
            assert time.monotonic() < end
            time.sleep(0.05)
        rows = export(me, f"/workflows/{workflow}/classifications_export")
    votes = Counter((row["subject_ids"], json.loads(row["annotations"])[0]["value"]) for row in rows)
    right = dict(zip(made, answers.values(), strict=True))
    wrong = {"Yes": "No", "No": "Yes"}
    shown = {subject: word if accuracy else wrong[word] for subject, word in right.items()}
    assert set(votes) == set(shown.items())
    assert all(3 <= count <= 4 for count in votes.values())
    assert max(Counter((row["user_ip"], row["subject_ids"]) for row in rows).values()) == 1
    assert any(row["user_name"].startswith("not-logged-in-") for row in rows)
    assert any(row["user_name"].startswith("volunteer-") for row in rows)
