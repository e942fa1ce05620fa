"""Rules of lists: pages, filters, sorting, included records, and what is answered to odd questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests

from zoocut.sandbox import Running


@pytest.fixture(scope="module")
def held(sandbox: Running, at: Callable[[str, str], Any]) -> dict[str, Any]:
    """A project with two sets, five subjects in the first of them, one in both, and a workflow."""
    me = at(sandbox.endpoint, "owner")
    project = me.new_project()
    subjects = [me.new_subject(project, external_id=f"e{n}")["id"] for n in range(5)]
    first, second = me.new_set(project), me.new_set(project)
    me.link(first, *subjects)
    me.link(second, subjects[0])
    fields = {"display_name": "W", "primary_language": "en", "tasks": {}, "links": {"project": project}}
    workflow = me.made(me.call("POST", "/workflows", {"workflows": fields}))["id"]
    return {"me": me, "project": project, "subjects": subjects, "sets": [first, second], "workflow": workflow}


def get(held: dict[str, Any], path: str) -> Any:
    return held["me"].call("GET", path)


def meta(held: dict[str, Any], query: str) -> dict[str, Any]:
    answer = get(held, f"/subjects?project_id={held['project']}&{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["meta"]["subjects"]


# pages


@pytest.mark.parametrize("page", ["0", "-1", "abc", "", "-99", "1.9", "1abc"])
def test_a_page_before_the_first_is_the_first(held: dict[str, Any], page: str) -> None:
    told = meta(held, f"page={page}&page_size=2")
    assert (told["page"], told["previous_page"], told["next_page"]) == (1, None, 2)
    assert "page=2" in told["next_href"]


@pytest.mark.parametrize("page", [4, 7, 99])
def test_a_page_after_the_last_has_no_neighbours(held: dict[str, Any], page: int) -> None:
    told = meta(held, f"page={page}&page_size=2")
    assert (told["page"], told["page_count"]) == (page, 3)
    assert [told[key] for key in ("previous_page", "next_page", "previous_href", "next_href")] == [None] * 4


@pytest.mark.parametrize("size", ["0", "abc", "", "0x10", "-0"])
def test_a_page_of_nothing_cannot_be_counted(held: dict[str, Any], size: str) -> None:
    answer = get(held, f"/subjects?project_id={held['project']}&page_size={size}")
    assert answer.status_code == 422
    message = "Current page was incalculable. Perhaps you supplied 'page_size: 0' as a param?"
    assert answer.json()["errors"][0]["message"] == message


@pytest.mark.parametrize(
    ("size", "told"), [("-3", 25), ("2.7", 2), ("%202", 2), ("2abc", 2), ("9" * 30, 200)]
)
def test_odd_sizes_are_numbers_after_all(held: dict[str, Any], size: str, told: int) -> None:
    assert meta(held, f"page_size={size}")["page_size"] == told


@pytest.mark.parametrize("query", ["page=99999999999999999999", "page=9223372036854775807&page_size=200",
                                   "page[size]=2", "page[number]=2", "page_size[]=2", "page[]=1"])  # fmt: skip
def test_some_pages_break_the_server(held: dict[str, Any], query: str) -> None:
    answer = get(held, f"/subjects?project_id={held['project']}&{query}")
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (500, "text/html")


def test_statuses_are_not_counted(held: dict[str, Any]) -> None:
    told = get(held, f"/subject_workflow_statuses?workflow_id={held['workflow']}&page=0").json()["meta"]
    told = told["subject_workflow_statuses"]
    assert (told["page"], told["previous_page"], told["count"]) == (1, 0, 0)
    assert told["previous_href"].startswith("/subject_workflow_statuses?page=0&")


# filters


def ids(held: dict[str, Any], query: str) -> list[str]:
    answer = get(held, f"/subjects?{query}&page_size=200")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["subjects"]]


def test_a_filter_on_links_to_many_has_one_spelling(held: dict[str, Any]) -> None:
    second = held["sets"][1]
    assert ids(held, f"subject_set_id={second}") == held["subjects"][:1]
    by_plural = get(held, f"/subjects?subject_set_ids={second}&page_size=1").json()["meta"]["subjects"]
    assert by_plural["count"] >= 5
    assert "subject_set" not in by_plural["first_href"]


def test_a_filter_on_a_column_has_two_and_the_plural_counts(held: dict[str, Any]) -> None:
    first, second = held["subjects"][:2]
    assert ids(held, f"ids={first},{second}") == [first, second]
    assert ids(held, f"id={first}&ids={second}") == [second]


@pytest.mark.parametrize("name", ["subject_set_id", "workflow_id", "collection_id"])
def test_an_empty_filter_on_links_to_many_does_not_count(held: dict[str, Any], name: str) -> None:
    query = f"project_id={held['project']}"
    assert ids(held, f"{query}&{name}=") == held["subjects"]


@pytest.mark.parametrize("name", ["upload_user_id", "ids"])
def test_an_empty_filter_on_a_column_matches_nothing(held: dict[str, Any], name: str) -> None:
    assert ids(held, f"project_id={held['project']}&{name}=") == []


def test_a_record_is_named_by_its_own_name_too(held: dict[str, Any]) -> None:
    first = held["subjects"][0]
    answer = get(held, f"/subjects?project_id={held['project']}&subject_id={first}").json()
    assert [one["id"] for one in answer["subjects"]] == [first]
    assert "subject_id" not in answer["meta"]["subjects"]["first_href"]
    set_id = held["sets"][0]
    rows = get(held, f"/subject_sets?project_id={held['project']}&subject_set_id={set_id}").json()
    assert [one["id"] for one in rows["subject_sets"]] == [set_id]
    gone = get(held, "/subjects?subject_id=99999999")
    assert (gone.status_code, "Could not find subject with id='99999999'" in gone.text) == (404, True)


def test_a_list_of_ids_in_brackets_matches_nothing(held: dict[str, Any]) -> None:
    first, second = held["subjects"][:2]
    answer = get(held, f"/subjects?id[]={first}&id[]={second}").json()
    assert answer["subjects"] == []
    assert f'id=["{first}", "{second}"]' in answer["meta"]["subjects"]["first_href"]


def test_statuses_are_filtered_by_subject(tester: Any) -> None:
    project = tester.new_project()
    one, other = (tester.new_subject(project)["id"] for _ in range(2))
    set_id = tester.new_set(project)
    tester.link(set_id, one, other)
    fields = {"display_name": "W", "primary_language": "en", "tasks": {}, "links": {"project": project}}
    workflow = tester.made(tester.call("POST", "/workflows", {"workflows": fields}))["id"]
    tester.call("POST", f"/workflows/{workflow}/links/subject_sets", {"subject_sets": [set_id]})
    tester.call("POST", f"/workflows/{workflow}/retired_subjects", {"subject_ids": [one, other]})
    tester.control("POST", "/jobs/run")
    for name in ("subject_id", "subject_ids"):
        rows = tester.call("GET", f"/subject_workflow_statuses?{name}={one}").json()
        assert [row["links"]["subject"] for row in rows["subject_workflow_statuses"]] == [one]


@pytest.mark.parametrize("sort", ["", "created_at", "nonsense", "-"])
def test_unknown_sorting_is_no_sorting(held: dict[str, Any], sort: str) -> None:
    answer = get(held, f"/subjects?project_id={held['project']}&sort={sort}").json()
    assert [one["id"] for one in answer["subjects"]] == held["subjects"]
    assert ("sort=id" in answer["meta"]["subjects"]["first_href"]) == (sort == "")


@pytest.mark.parametrize(("query", "count"), [("featured=true", 0), ("launch_approved=false", 1), ("private=true", 0),
    ("state=paused", 0), ("state=live", 0), ("state=finished", 0), ("mobile_friendly=0", 1)])  # fmt: skip
def test_projects_by_what_is_yes_or_no(held: dict[str, Any], query: str, count: int) -> None:
    answer = get(held, f"/projects?ids={held['project']}&{query}").json()
    assert answer["meta"]["projects"]["count"] == count


# included records


def include(held: dict[str, Any], path: str) -> dict[str, Any]:
    answer = get(held, path)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_one_record_is_sent_along_for_each_row(held: dict[str, Any]) -> None:
    content = include(held, f"/subjects?project_id={held['project']}&include=project")
    projects = content["linked"]["projects"]
    assert [one["id"] for one in projects] == [held["project"]] * 5
    assert projects[0]["links"]["subjects"] == held["subjects"]
    assert not [key for key in content["links"] if key.startswith("projects.")]


def test_many_records_are_sent_along_once(held: dict[str, Any]) -> None:
    content = include(held, f"/subjects?project_id={held['project']}&include=subject_sets")
    assert [one["id"] for one in content["linked"]["subject_sets"]] == held["sets"]
    assert content["meta"]["subject_sets"]["count"] == 2
    assert "subject_sets.project" in content["links"]


def test_collections_are_none(held: dict[str, Any]) -> None:
    content = include(held, f"/subjects/{held['subjects'][0]}?include=collections")
    assert content["linked"]["collections"] == []
    assert "collections.owner" in content["links"]


def test_attached_images_are_all_media_of_a_number(held: dict[str, Any]) -> None:
    subject = held["subjects"][0]
    (medium,) = include(held, f"/subjects/{subject}?include=attached_images")["linked"]["media"]
    assert (medium["media_type"], medium["metadata"]) == ("subject_location", {"index": 0})
    assert medium["href"] == f"/subjects/{subject}/location"


@pytest.mark.parametrize(
    "word", ["locations", "set_member_subjects", "Project", "projects", quote(" project")]
)
def test_what_cannot_be_sent_along_keeps_the_tag(held: dict[str, Any], word: str) -> None:
    path = f"/subjects/{held['subjects'][0]}"
    refused = get(held, f"{path}?include={word}")
    assert refused.status_code == 422
    assert refused.headers["ETag"] == get(held, path).headers["ETag"]
    assert "ETag" not in get(held, f"/subjects?project_id={held['project']}&include={word}").headers


# roles, media, odd bodies


def test_roles_are_given_raised_and_taken(tester: Any, at: Any) -> None:
    project, other = tester.new_project(private=True), at(tester.endpoint, "stranger")
    user = other.found("/me")["id"]
    links = {"user": user, "project": project}
    create = lambda roles, by=tester, **more: by.call(  # noqa: E731
        "POST", "/project_roles", {"project_roles": {"roles": roles, "links": {**links, **more}}}
    )
    assert create(["collaborator"], by=other).status_code == 422
    assert (
        create(["collaborator"], user="99999999").json()["errors"][0]["message"]
        == "No User with id: 99999999 exists"
    )
    assert other.call("GET", f"/projects/{project}").status_code == 404
    made = tester.made(create(["tester"]))
    assert (made["roles"], made["links"]["owner"]) == (
        ["tester"],
        {"id": user, "type": "users", "href": f"/users/{user}"},
    )
    assert create(["collaborator"]).status_code == 400
    assert other.call("GET", f"/projects/{project}").status_code == 200
    assert other.try_subject(project).status_code == 422
    path = f"/project_roles/{made['id']}"
    tag = tester.call("GET", path).headers["ETag"]
    raised = tester.call("PUT", path, {"project_roles": {"roles": ["collaborator"]}}, **{"If-Match": tag})
    assert raised.json()["project_roles"][0]["roles"] == ["collaborator"]
    assert other.try_subject(project).status_code == 201
    listed = tester.call("GET", f"/project_roles?project_id={project}&user_id={user}").json()
    assert [one["id"] for one in listed["project_roles"]] == [made["id"]]
    assert listed["meta"]["project_roles"]["first_href"] == f"/project_roles?resource_id={project}"
    tag = tester.call("GET", path).headers["ETag"]
    assert tester.call("DELETE", path, **{"If-Match": tag}).status_code == 204
    assert other.try_subject(project).status_code == 422


def test_of_some_media_a_project_has_one(tester: Any) -> None:
    project = tester.new_project()
    path = f"/projects/{project}/avatar"
    assert "No avatar exists for project" in tester.call("GET", path).text
    first = tester.made(tester.call("POST", path, {"media": {"content_type": "image/png"}}))
    second = tester.made(tester.call("POST", path, {"media": {"content_type": "image/jpeg"}}))
    assert tester.put(second["src"], b"bytes").status_code == 201
    (shown,) = tester.call("GET", path).json()["media"]
    assert (shown["id"], shown["content_type"]) == (second["id"], "image/jpeg")
    assert first["id"] != second["id"]


def test_attached_images_are_changed_and_deleted(tester: Any) -> None:
    subject = tester.new_subject(tester.new_project())["id"]
    path = f"/subjects/{subject}/attached_images"
    made = [
        tester.made(tester.call("POST", path, {"media": {"content_type": "image/png"}})) for _ in range(2)
    ]
    one = f"{path}/{made[0]['id']}"
    answer = tester.call("GET", one)
    assert [row["id"] for row in answer.json()["media"]] == [made[0]["id"]]
    changed = tester.call(
        "PUT", one, {"media": {"metadata": {"name": "finder"}}}, **{"If-Match": answer.headers["ETag"]}
    )
    assert changed.json()["media"][0]["metadata"] == {"name": "finder"}
    tag = tester.call("GET", one).headers["ETag"]
    assert tester.call("DELETE", one).status_code == 428
    assert tester.call("DELETE", one, **{"If-Match": tag}).status_code == 204
    gone = tester.call("GET", one)
    assert (gone.status_code, gone.json()["errors"][0]["message"]) == (
        404, f"No attached_images #{made[0]['id']} exists for subject #{subject}",
    )  # fmt: skip
    assert [row["id"] for row in tester.call("GET", path).json()["media"]] == [made[1]["id"]]
    linked = tester.found(f"/subjects/{subject}")["links"]["attached_images"]["ids"]
    assert linked == [made[1]["id"]]


@pytest.mark.parametrize(
    ("mime", "kept"),
    [
        ("audio/mp3", "audio/mpeg"),
        ("audio/x-wav", "audio/mpeg"),
        ("audio/wav", "audio/wav"),
        ("image/png", "image/png"),
    ],
)
def test_some_types_are_kept_as_others_by_subjects_alone(tester: Any, mime: str, kept: str) -> None:
    subject = tester.new_subject(tester.new_project(), locations=[mime])
    assert list(subject["locations"][0]) == [kept]
    attached = tester.call(
        "POST", f"/subjects/{subject['id']}/attached_images", {"media": {"content_type": mime}}
    )
    shown = attached.json()["media"][0]["content_type"] if attached.status_code == 201 else None
    assert shown == (None if mime == "audio/x-wav" else mime)


def test_attaching_again_after_a_lost_answer_makes_a_second(tester: Any) -> None:
    subject = tester.new_subject(tester.new_project())["id"]
    path = f"/subjects/{subject}/attached_images"
    content = {"media": {"content_type": "image/png", "metadata": {"key": "k"}}}
    tester.control(
        "POST",
        "/faults",
        {"name": "commit-then-500", "route": "POST /api/subjects/*/attached_images", "nth": 1},
    )
    assert tester.call("POST", path, content).status_code == 500
    assert tester.call("POST", path, content).status_code == 201
    assert [one["metadata"] for one in tester.call("GET", path).json()["media"]] == [{"key": "k"}] * 2
    (held,) = [one for one in tester.control("GET", "/truth")["subjects"] if one["id"] == int(subject)]
    assert [(one["metadata"], one["blob"]) for one in held["attached"]] == [({"key": "k"}, None)] * 2


@pytest.mark.parametrize(("name", "shown"), [("list-lags", 404), ("list-skips", 1)])
def test_lists_of_attached_images_have_their_faults(tester: Any, name: str, shown: int) -> None:
    subject = tester.new_subject(tester.new_project())["id"]
    path = f"/subjects/{subject}/attached_images"
    for _ in range(2):
        tester.made(tester.call("POST", path, {"media": {"content_type": "image/png"}}))
    settings = {"lag_s": 3600} if name == "list-lags" else {}
    tester.fault(name, route="GET /api/subjects/*/attached_images", **settings)
    answer = tester.call("GET", path)
    assert (answer.status_code if shown == 404 else len(answer.json()["media"])) == shown


@pytest.mark.parametrize(
    ("condition", "status", "code"),
    [({"If-None-Match": "*"}, 409, "BlobAlreadyExists"), ({"If-Match": '"x"'}, 412, "ConditionNotMet"),
     ({"If-Match": "*", "If-None-Match": "*"}, 400, "MultipleConditionHeadersNotSupported"),
     ({"If-None-Match": "*", "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "InvalidOperation"),
     ({"If-None-Match": '"other"'}, 201, None), ({"If-Match": "*"}, 201, None), ({}, 201, None)],
)  # fmt: skip
def test_conditions_of_a_put(tester: Any, condition: dict[str, str], status: int, code: str | None) -> None:
    subject = tester.new_subject(tester.new_project())
    url = tester.url(subject)
    assert tester.put(url, b"first", **{"If-None-Match": "*"}).status_code == 201
    answer = tester.put(url, b"second", **condition)
    assert (answer.status_code, answer.headers.get("x-ms-error-code")) == (status, code)

    served = requests.get(tester.url(tester.found(f"/subjects/{subject['id']}")), timeout=240).content
    assert served == (b"second" if status == 201 else b"first")


def test_a_put_of_the_right_version(tester: Any) -> None:
    url = tester.url(tester.new_subject(tester.new_project()))
    tag = tester.put(url, b"first").headers["ETag"]
    assert tester.put(url, b"second", **{"If-None-Match": tag}).status_code == 412
    assert tester.put(url, b"second", **{"If-Match": tag}).status_code == 201


def test_conditions_of_a_get(tester: Any) -> None:
    subject = tester.new_subject(tester.new_project())
    tag = tester.put(tester.url(subject), b"first").headers["ETag"]
    public = tester.url(tester.found(f"/subjects/{subject['id']}"))

    def status(address: str = public, **headers: str) -> int:
        return requests.get(address, headers=headers, timeout=240).status_code

    assert status() == 200
    assert status(**{"If-None-Match": "*"}) == 400
    assert status(**{"If-None-Match": tag}) == 304
    assert status(**{"If-Match": '"x"'}) == 412
    assert status(f"{tester.endpoint}/public?restype=container&comp=list") == 403
    assert requests.post(f"{tester.endpoint}/public/subject_location/a.png", timeout=240).status_code == 400


@pytest.mark.parametrize(
    ("value", "status"),
    [("null \0 character", 500), ("\\u0000 in words", 201), ("back\\\\slash", 201)],
)  # fmt: skip
def test_a_null_character_breaks_the_server(tester: Any, value: str, status: int) -> None:
    project = tester.new_project()
    answer = tester.try_subject(project, metadata={"key": value})
    assert answer.status_code == status
    if status == 201:
        assert answer.json()["subjects"][0]["metadata"] == {"key": value}
    else:
        assert tester.call("GET", f"/subjects?project_id={project}").json()["subjects"] == []


def test_a_number_beyond_doubles_is_null(tester: Any) -> None:
    project = tester.new_project()
    body = f'{{"subjects": {{"locations": [], "metadata": {{"n": 1e400}}, "links": {{"project": "{project}"}}}}}}'
    sent = {"Accept": "application/vnd.api+json; version=1", "Content-Type": "application/json",
            "Authorization": f"Bearer {tester.token}"}  # fmt: skip
    answer = tester.session.post(f"{tester.endpoint}/api/subjects", data=body, headers=sent, timeout=240)
    assert answer.json()["subjects"][0]["metadata"] == {"n": None}


@pytest.mark.parametrize(
    ("url", "shown"), [(None, None), (["https://e.org/a.png"], '["https://e.org/a.png"]'), ("", "")]
)
def test_addresses_of_media_elsewhere_are_kept_whatever_they_are(tester: Any, url: Any, shown: Any) -> None:
    subject = tester.new_subject(tester.new_project(), locations=[{"image/png": url}])
    assert subject["locations"] == [{"image/png": shown}]


def test_lists_in_lists_of_a_link_are_flattened(tester: Any) -> None:
    project = tester.new_project()
    set_id, subject = tester.new_set(project), tester.new_subject(project)["id"]
    answer = tester.call("POST", f"/subject_sets/{set_id}/links/subjects", {"subjects": [[subject]]})
    assert answer.status_code == 200
    assert tester.call("GET", f"/set_member_subjects?subject_set_id={set_id}").json()["set_member_subjects"]


def test_a_deleted_subject_is_found_and_not_there(tester: Any) -> None:
    project = tester.new_project()
    set_id, subject = tester.new_set(project), tester.new_subject(project)["id"]
    tag = tester.call("GET", f"/subjects/{subject}").headers["ETag"]
    tester.call("DELETE", f"/subjects/{subject}", **{"If-Match": tag})
    refused = tester.link(set_id, subject)
    assert (refused.status_code, "check the subject set and all the subjects exist" in refused.text) == (
        422,
        True,
    )
    assert "Couldn't find linked subjects" in tester.link(set_id, "99999999").text


@pytest.mark.parametrize(("tag", "status"), [(None, 428), ("", 412), ("*", 412), ('"x"', 412)])
def test_what_is_no_tag_does_not_match(tester: Any, tag: str | None, status: int) -> None:
    path = f"/subjects/{tester.new_subject(tester.new_project())['id']}"
    headers = {} if tag is None else {"If-Match": tag}
    assert tester.call("PUT", path, {"subjects": {"metadata": {"a": 1}}}, **headers).status_code == status


def test_a_method_may_be_another(tester: Any) -> None:
    set_id = tester.new_set(tester.new_project())
    path = f"/subject_sets/{set_id}"
    tag = tester.call("GET", path).headers["ETag"]
    answer = tester.call("POST", path, {}, **{"X-HTTP-Method-Override": "DELETE", "If-Match": tag})
    assert answer.status_code == 204
    assert tester.call("GET", path).status_code == 404


def test_a_membership_is_changed_without_a_tag(tester: Any) -> None:
    project = tester.new_project()
    set_id, subject = tester.new_set(project), tester.new_subject(project)["id"]
    tester.link(set_id, subject)
    (row,) = tester.call("GET", f"/set_member_subjects?subject_set_id={set_id}").json()["set_member_subjects"]
    body = {"set_member_subjects": {"priority": 3}}
    for tag in ({}, {"If-Match": '"x"'}):
        changed = tester.call("PUT", f"/set_member_subjects/{row['id']}", body, **tag)
        assert changed.json()["set_member_subjects"][0]["priority"] == "3.0"


@pytest.mark.parametrize(("reason", "status"), [("because", 422), ("", 422), ("human", 204), (None, 204)])
def test_reasons_of_retirement_are_a_list(tester: Any, reason: str | None, status: int) -> None:
    project = tester.new_project()
    fields = {"display_name": "W", "primary_language": "en", "tasks": {}, "links": {"project": project}}
    workflow = tester.made(tester.call("POST", "/workflows", {"workflows": fields}))["id"]
    body = {"subject_id": "1", "retirement_reason": reason}
    assert tester.call("POST", f"/workflows/{workflow}/retired_subjects", body).status_code == status


def test_a_project_is_paused_while_its_workflows_hold_nothing(tester: Any) -> None:
    project = tester.new_project()
    set_id, subject = tester.new_set(project), tester.new_subject(project)["id"]
    fields = {"display_name": "W", "primary_language": "en", "tasks": {}, "links": {"project": project}}
    workflow = tester.made(tester.call("POST", "/workflows", {"workflows": fields}))["id"]
    assert tester.found(f"/projects/{project}")["state"] == "development"
    tester.call("POST", f"/workflows/{workflow}/links/subject_sets", {"subject_sets": [set_id]})
    assert tester.found(f"/projects/{project}")["state"] == "paused"
    tester.link(set_id, subject)
    tester.control("POST", "/jobs/run")
    shown = tester.found(f"/projects/{project}")
    assert (shown["state"], shown["subjects_count"]) == ("development", 1)
    tester.call("DELETE", f"/workflows/{workflow}/links/subject_sets/{set_id}")
    assert tester.found(f"/projects/{project}")["state"] == "paused"


def test_a_workflow_has_as_many_subjects_as_its_sets_tell(owner: Any) -> None:
    project = owner.new_project()
    set_id, subject = owner.new_set(project), owner.new_subject(project)["id"]
    owner.link(set_id, subject)
    fields = {"display_name": "W", "primary_language": "en", "tasks": {}, "links": {"project": project}}
    workflow = owner.made(owner.call("POST", "/workflows", {"workflows": fields}))["id"]
    owner.call("POST", f"/workflows/{workflow}/links/subject_sets", {"subject_sets": [set_id]})
    assert owner.found(f"/workflows/{workflow}")["subjects_count"] == 0
    owner.control("POST", "/jobs/run")
    assert owner.found(f"/workflows/{workflow}")["subjects_count"] == 1


# the words of the server's schemas


def refusal(me: Any, path: str, root: str, content: dict[str, Any]) -> tuple[int, str]:
    answer = me.call("POST", path, {root: content})
    return answer.status_code, answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        (
            "/subjects",
            {"metadata": {}},
            """{"schema"=>"did not contain a required property of 'locations'"}""",
        ),
        (
            "/subject_sets",
            {"metadata": {}},
            """{"schema"=>"did not contain a required property of 'display_name'"}""",
        ),
        ("/workflows", {"tasks": {}}, """{"schema"=>"did not contain a required property of 'links'"}"""),
        (
            "/projects",
            {"display_name": "x", "primary_language": "en", "private": False},
            """{"schema"=>"did not contain a required property of 'description'"}""",
        ),
        (
            "/subjects",
            {"external_id": 1, "metadata": 2, "locations": [], "links": {"project": None}},
            '{"external_id"=>"of type integer did not match the following type: string", '
            '"metadata"=>"of type integer did not match the following type: object", '
            '"links/project"=>"of type null did not match one or more of the following types: string, integer"}',
        ),
        (
            "/subject_set_imports",
            {"links": {"subject_set": True}},
            '{"links/subject_set"=>"of type boolean did not match one or more of the following types: '
            'integer, string"}',
        ),
        (
            "/workflows",
            {
                "display_name": "W",
                "primary_language": "en",
                "links": {"project": "1"},
                "retirement": {"when": 1},
            },
            '{"retirement"=>"contains additional properties [\\"when\\"] outside of the schema when none are allowed"}',
        ),
    ],
)
def test_schemas_speak_the_servers_words(
    owner: Any, path: str, content: dict[str, Any], message: str
) -> None:
    assert refusal(owner, path, path.removeprefix("/"), content) == (422, message)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"criteria": "never"},
            "Retirement criteria Retirement criteria must be one of never_retire, classification_count",
        ),
        (
            {"criteria": "classification_count", "options": {"count": "2"}},
            "Retirement options count Retirement count must be a number",
        ),
    ],
)
def test_rules_of_retirement_are_two(owner: Any, rule: dict[str, Any], message: str) -> None:
    content = {
        "display_name": "W",
        "primary_language": "en",
        "links": {"project": owner.project()},
        "retirement": rule,
    }
    assert refusal(owner, "/workflows", "workflows", content) == (400, f"Validation failed: {message}")


def test_workflows_are_shown_in_part(held: dict[str, Any]) -> None:
    answer = get(held, f"/workflows/{held['workflow']}?fields=display_name,active,nonsense").json()
    assert set(answer["workflows"][0]) == {"id", "display_name", "active", "links"}
