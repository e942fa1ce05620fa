"""Rules of Panoptes that the recorded exchanges touch lightly or not at all."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from zoocut.sandbox import Running, running

ID, SECRET = "5a4d" * 16, "5ec7" * 16


@pytest.fixture
def project(owner: Any) -> str:
    return owner.new_project()


def message(answer: requests.Response) -> str:
    return answer.json()["errors"][0]["message"]


def ids(answer: requests.Response) -> list[str]:
    return [row["id"] for row in next(iter(answer.json().values()))]


def test_client_credentials_act_as_the_applications_owner(owner: Any) -> None:
    given = owner.grant("client_credentials", client_id=ID, client_secret=SECRET).json()
    assert "refresh_token" not in given
    owner.token = given["access_token"]
    assert owner.found("/me")["login"] == "owner"
    for secret in ({"client_secret": "wrong"}, {}):
        answer = owner.grant("client_credentials", client_id=ID, **secret)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_any_client_id_of_64_hex_digits_will_do(owner: Any) -> None:
    known = {"login": "owner", "password": "sandbox-password"}
    assert owner.grant(client_id="ab" * 32, **known).status_code == 200
    assert owner.grant(client_id="ab" * 31, **known).status_code == 422


def test_collaborators_write_and_strangers_do_not(person: Callable[[str], Any], owner: Any) -> None:
    project = owner.project()
    assert person("collab").try_subject(project).status_code == 201
    assert message(person("stranger").try_subject(project)) == "Couldn't find linked project for current user"
    roles = person("collab").call("GET", f"/projects?id={project}&current_user_roles=owner,collaborator")
    assert ids(roles) == [project]


def test_pages_follow_each_other(owner: Any, project: str) -> None:
    made = [owner.new_subject(project)["id"] for _ in range(5)]
    path, seen = f"/subjects?project_id={project}&page_size=2", []
    while path:
        answer = owner.call("GET", path)
        seen += ids(answer)
        path = answer.json()["meta"]["subjects"]["next_href"]
    assert seen == made


@pytest.mark.parametrize(
    ("size", "shown", "in_href"),
    [("1000", 200, "page_size=1000"), ("-3", 25, "page_size=-3"), ("7", 7, "page_size=7")],
)
def test_page_sizes_are_clamped_but_repeated(
    owner: Any, project: str, size: str, shown: int, in_href: str
) -> None:
    owner.new_subject(project)
    meta = owner.call("GET", f"/subjects?project_id={project}&page_size={size}").json()["meta"]["subjects"]
    assert meta["page_size"] == shown
    assert in_href in meta["first_href"]


@pytest.mark.parametrize("size", ["0", "many"])
def test_a_page_without_size_is_refused(owner: Any, size: str) -> None:
    assert owner.call("GET", f"/subjects?page_size={size}").status_code == 422


def test_lists_of_ids_narrow(owner: Any, project: str) -> None:
    first, second = (owner.new_subject(project)["id"] for _ in range(2))
    assert ids(owner.call("GET", f"/subjects?id={first},{second},999999999")) == [first, second]
    assert ids(owner.call("GET", f"/subjects?ids={first},999999999")) == [first]
    assert ids(owner.call("GET", "/subjects?ids=999999999")) == []
    nobody = owner.call("GET", "/subjects?id=999999998,999999999")
    assert (nobody.status_code, message(nobody)) == (
        404,
        "Could not find subject with ids='999999998,999999999'",
    )


def test_unknown_parameters_are_ignored(owner: Any, project: str) -> None:
    made = owner.new_subject(project, external_id="unique")["id"]
    answer = owner.call(
        "GET", f"/subjects?project_id={project}&external_id=other&admin=true&nonsense=1&sort=color"
    )
    assert ids(answer) == [made]
    assert answer.json()["meta"]["subjects"]["first_href"] == f"/subjects?project_id={project}"


def test_sets_are_found_by_name_metadata_subject_and_workflow(owner: Any, project: str) -> None:
    plain = owner.new_set(project, display_name="plain", metadata={"run": "a", "n": 1})
    comma = owner.new_set(project, display_name="with, comma", metadata={"run": "b"})
    subject = owner.new_subject(project)["id"]
    owner.link(comma, subject)
    sets = f"/subject_sets?project_id={project}"
    assert ids(owner.call("GET", f"{sets}&display_name=plain")) == [plain]
    assert ids(owner.call("GET", f"{sets}&display_name=with, comma")) == []
    assert ids(owner.call("GET", f"{sets}&metadata.run=a")) == [plain]
    assert ids(owner.call("GET", f"{sets}&metadata.n=1")) == []
    assert ids(owner.call("GET", f"/subject_sets?subject_id={subject}")) == [comma]
    assert ids(owner.call("GET", f"{sets}&sort=-display_name")) == [comma, plain]


def test_records_are_sent_along(owner: Any, project: str) -> None:
    set_id, subject = owner.new_set(project), owner.new_subject(project)["id"]
    owner.link(set_id, subject)
    answer = owner.call("GET", f"/subjects/{subject}?include=project,subject_sets").json()
    assert [row["id"] for row in answer["linked"]["projects"]] == [project]
    assert [row["id"] for row in answer["linked"]["subject_sets"]] == [set_id]
    wrong = owner.call("GET", f"/subjects/{subject}?include=nonsense")
    assert wrong.status_code == 422


def test_unchanged_records_are_not_sent_again(owner: Any, project: str) -> None:
    path = f"/subjects/{owner.new_subject(project)['id']}"
    tag = owner.call("GET", path).headers["ETag"]
    answer = owner.call("GET", path, **{"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_deleted_subject_keeps_its_membership(owner: Any, project: str) -> None:
    set_id, subject = owner.new_set(project), owner.new_subject(project)["id"]
    owner.link(set_id, subject)
    path = f"/subjects/{subject}"
    tag = owner.call("GET", path).headers["ETag"]
    assert owner.call("DELETE", path).status_code == 428
    assert owner.call("DELETE", path, **{"If-Match": "*"}).status_code == 412
    assert owner.call("DELETE", path, **{"If-Match": tag}).status_code == 204
    assert owner.call("GET", path).status_code == 404
    assert owner.call("DELETE", path, **{"If-Match": tag}).status_code == 404
    assert ids(owner.call("GET", f"/subjects?subject_set_id={set_id}")) == []
    members = owner.call("GET", f"/set_member_subjects?subject_set_id={set_id}").json()
    assert members["meta"]["set_member_subjects"]["count"] == 1
    assert owner.link(set_id, subject).status_code == 422


def test_counts_priorities_and_removals_come_later(tester: Any) -> None:
    project = tester.new_project()
    set_id = tester.new_set(project)
    numbered = tester.new_subject(project, metadata={"#PRIORITY": "2.5"})
    assert numbered["metadata"] == {"#priority": "2.5"}
    tester.link(set_id, numbered["id"])
    members = f"/set_member_subjects?subject_set_id={set_id}"
    assert tester.found(f"/subject_sets/{set_id}")["set_member_subjects_count"] == 0
    tester.control("POST", "/jobs/run")
    assert tester.found(f"/subject_sets/{set_id}")["set_member_subjects_count"] == 1
    assert float(tester.found(members)["priority"]) == 2.5
    tag = tester.call("GET", f"/subject_sets/{set_id}").headers["ETag"]
    assert tester.call("DELETE", f"/subject_sets/{set_id}", **{"If-Match": tag}).status_code == 204
    assert tester.call("GET", f"/subjects/{numbered['id']}").status_code == 200
    tester.control("POST", "/jobs/run")
    assert tester.call("GET", f"/subjects/{numbered['id']}").status_code == 404


def test_one_priority_that_is_no_number_spoils_the_batch(tester: Any) -> None:
    project = tester.new_project()
    set_id = tester.new_set(project)
    made = [tester.new_subject(project, metadata={"#priority": value})["id"] for value in ("1", "soon")]
    tester.link(set_id, *made)
    tester.control("POST", "/jobs/run")
    rows = tester.call("GET", f"/set_member_subjects?subject_set_id={set_id}").json()["set_member_subjects"]
    assert [row["priority"] for row in rows] == [None, None]


def test_memberships_are_made_one_at_a_time(owner: Any, project: str) -> None:
    set_id, subject = owner.new_set(project), owner.new_subject(project)["id"]
    body = {"set_member_subjects": {"links": {"subject": subject, "subject_set": set_id}, "priority": 3}}
    made = owner.made(owner.call("POST", "/set_member_subjects", body))
    again = owner.call("POST", "/set_member_subjects", body)
    assert (again.status_code, message(again)) == (400, "Validation failed: Subject has already been taken")
    path = f"/set_member_subjects/{made['id']}"
    assert owner.call("DELETE", path).status_code == 428
    tag = owner.call("GET", path).headers["ETag"]
    assert owner.call("DELETE", path, **{"If-Match": tag}).status_code == 204


def test_images_are_attached(owner: Any, project: str) -> None:
    subject = owner.new_subject(project)["id"]
    path = f"/subjects/{subject}/attached_images"
    none = owner.call("GET", path)
    assert (none.status_code, message(none)) == (404, f"No attached_images exists for subject #{subject}")
    made = owner.call("POST", path, {"media": {"content_type": "image/png", "metadata": {}}})
    assert made.status_code == 201
    assert owner.put(made.json()["media"][0]["src"], b"bytes").status_code == 201
    public = owner.call("GET", path).json()["media"][0]["src"]
    assert requests.get(public, timeout=240).content == b"bytes"


def test_a_signed_address_lives_as_long_as_it_says(at: Callable[..., Any]) -> None:
    with running(options=["--url-life", "1"]) as server:
        me = at(server.endpoint, "owner")
        subject = me.new_subject(me.project())
        end = time.monotonic() + 240
        while me.put(me.url(subject), b"x").status_code == 201:
            assert time.monotonic() < end
        answer = me.put(me.url(subject), b"x")
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthorizationFailure")
        sent = 403
        while sent != 201:  # until one is used within its second
            assert time.monotonic() < end
            tag = me.call("GET", f"/subjects/{subject['id']}").headers["ETag"]
            body = {"subjects": {"locations": []}}
            made = me.call("PUT", f"/subjects/{subject['id']}", body, **{"If-Match": tag})
            fresh = me.url(made.json()["subjects"][0])
            assert fresh.split("?")[0] == me.url(subject).split("?")[0]
            sent = me.put(fresh, b"x").status_code


def test_bytes_that_are_no_json_are_refused_before_anything_else(sandbox: Running) -> None:
    accept = {"Accept": "application/vnd.api+json; version=1", "Content-Type": "application/json"}
    for body in (
        b"{",
        b'{"a": NaN}',
        b"[" * 5000,
        b'{"a": "\\ud800"}',
        b" ",
    ):
        answer = requests.post(f"{sandbox.endpoint}/api/subjects", data=body, headers=accept, timeout=240)
        assert answer.status_code == 400, body
    for body in (b"\xff", '{"a": 1}'.encode("utf-16"), gzip.compress(b"{}")):
        answer = requests.post(f"{sandbox.endpoint}/api/subjects", data=body, headers=accept, timeout=240)
        assert answer.status_code == 500, body


def test_a_body_beyond_the_proxys_limit_is_refused(owner: Any) -> None:
    answer = owner.call("POST", "/subjects", {"subjects": "x" * 20_000_001})
    assert answer.status_code == 413
    assert answer.headers["Content-Type"].startswith("text/html")


def test_retired_subjects_count(tester: Any) -> None:
    project = tester.new_project()
    set_id, subject = tester.new_set(project), tester.new_subject(project)["id"]
    tester.link(set_id, subject)
    fields = {"display_name": "W", "primary_language": "en", "tasks": {}, "links": {"project": project}}
    workflow = tester.made(tester.call("POST", "/workflows", {"workflows": fields}))["id"]
    tester.call("POST", f"/workflows/{workflow}/links/subject_sets", {"subject_sets": [set_id]})
    retired = tester.call("POST", f"/workflows/{workflow}/retired_subjects", {"subject_ids": [subject]})
    assert retired.status_code == 204
    tester.control("POST", "/jobs/run")
    status = tester.call("GET", f"/subject_workflow_statuses?workflow_id={workflow}").json()
    assert status["subject_workflow_statuses"][0]["retirement_reason"] == "other"
    assert status["meta"]["subject_workflow_statuses"]["count"] == 0
    assert tester.found(f"/workflows/{workflow}")["completeness"] == 1.0
    assert tester.found(f"/subject_sets/{set_id}")["completeness"] == {workflow: 1.0}
    tag = tester.call("GET", f"/workflows/{workflow}").headers["ETag"]
    assert tester.call("DELETE", f"/workflows/{workflow}", **{"If-Match": tag}).status_code == 204


def test_a_sign_in_without_its_own_token_leaves_nobody_signed_in(sandbox: Running) -> None:
    def signed_in(change: Callable[[str], str]) -> bool:
        with requests.Session() as session:
            page = session.get(f"{sandbox.endpoint}/users/sign_in", timeout=240)
            token = change(page.headers["X-CSRF-Token"])
            user = {"login": "owner", "password": "sandbox-password"}
            form = {"authenticity_token": token, "user": user}
            assert (
                session.post(f"{sandbox.endpoint}/users/sign_in", json=form, timeout=240).status_code == 200
            )
            grant = {"grant_type": "password", "client_id": "0" * 64}
            return session.post(f"{sandbox.endpoint}/oauth/token", data=grant, timeout=240).ok

    assert signed_in(lambda token: token)
    assert not signed_in(lambda token: token[:-1] + ("A" if token[-1] != "A" else "B") + "x")
    assert not signed_in(lambda token: "made.up")
    assert not signed_in(lambda token: "")
