"""What a Panoptes server does, as rules in our own words, each with cases: the sandbox is held to them everywhere.

They were seen at a running Panoptes; `test_sandbox_reference.py` compares with the recordings where these are. A case
is who asks, what, and the answer's status and words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from zoocut.sandbox import Running

NO_LOGIN = "You must be logged in to access this resource."
NO_PROJECT = "Couldn't find linked project for current user"
NO_TAG = "Request requires If-Match header to be present"
STALE = "JsonApiController::PreconditionFailed"
NO_ROOT = "param is missing or the value is empty: {root}"
NOTHING = "Could not find {kind} with id='{number}'"
NOWHERE = "99999999"


@dataclass
class World:
    """Who asks, and the records that are asked about; `{subject}` in a path is the id of that record."""

    people: Mapping[str, Any]
    records: Mapping[str, str]

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        filled = json.loads(self._filled(json.dumps(body)))
        answer: requests.Response = self.people[who].call(method, self._filled(path), filled, **headers)
        return answer

    def _filled(self, text: str) -> str:
        for name, number in self.records.items():
            text = text.replace(f"<{name}>", number)
        return text


class Nobody:
    """Somebody who sends another token than a person's, or none."""

    def __init__(self, endpoint: str, token: str = "") -> None:
        self.endpoint, self.token = endpoint, token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        sent = {"Accept": "application/vnd.api+json; version=1", **headers}
        sent |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return requests.request(method, f"{self.endpoint}/api{path}", json=body, headers=sent, timeout=240)


@pytest.fixture(scope="module")
def world(faulty: Running, at: Callable[[str, str], Any]) -> World:
    """A public project with a set of one subject and a workflow, and a private one."""
    owner, stranger = at(faulty.endpoint, "owner"), at(faulty.endpoint, "stranger")
    project, private = owner.new_project(), owner.new_project(private=True)
    subject, free, hidden = (owner.new_subject(one)["id"] for one in (project, project, private))
    set_id, empty = (
        owner.new_set(project, display_name="Alpha"),
        owner.new_set(project, display_name="Beta, two"),
    )
    assert owner.link(set_id, subject).status_code == 200
    fields = {
        "display_name": "W",
        "primary_language": "en",
        "first_task": "",
        "tasks": {},
        "links": {"project": project},
    }
    workflow = owner.made(owner.call("POST", "/workflows", {"workflows": fields}))["id"]
    records = {
        "project": project, "private": private, "subject": subject, "free": free, "hidden": hidden, "set": set_id,
        "empty": empty, "workflow": workflow, "nothing": NOWHERE,
    }  # fmt: skip
    others = {"nobody": Nobody(faulty.endpoint), "garbage": Nobody(faulty.endpoint, "x.y.z")}
    return World({"owner": owner, "stranger": stranger, **others}, records)


def subject(**fields: Any) -> dict[str, Any]:
    whole = {"locations": ["image/png"], "links": {"project": "<project>"}} | fields
    return {"subjects": {name: value for name, value in whole.items() if value is not ...}}


def a_set(**fields: Any) -> dict[str, Any]:
    return {"subject_sets": {"display_name": "never", "links": {"project": "<project>"}} | fields}


def type_error(place: str, given: str, wanted: str) -> str:
    return f'{{"{place}"=>"of type {given} did not match the following type: {wanted}"}}'


def missing(place: str, name: str) -> str:
    return f'{{"{place}"=>"did not contain a required property of \'{name}\'"}}'


def surplus(place: str, name: str) -> str:
    return f'{{"{place}"=>"contains additional properties [\\"{name}\\"] outside of the schema when none are allowed"}}'


LINKS = "/subject_sets/<set>/links/subjects"
Case = tuple[str, str, str, Any, int, str | None]
"""Who, method, path, body, status, the first error's words (None: not looked at)."""

RULES: dict[str, list[Case]] = {
    "what is public is read by everybody, and what is private is as if it were not": [
        ("nobody", "GET", "/projects/<project>", None, 200, None),
        ("garbage", "GET", "/projects/<project>", None, 200, None),
        ("stranger", "GET", "/subjects/<subject>", None, 200, None),
        ("nobody", "GET", "/projects/<private>", None, 404, NOTHING.format(kind="project", number="<private>")),
        ("stranger", "GET", "/subjects/<hidden>", None, 404, NOTHING.format(kind="subject", number="<hidden>")),
    ],
    "who is not signed in makes nothing": [
        ("nobody", "GET", "/me", None, 401, None),
        ("garbage", "GET", "/me", None, 401, None),
        ("nobody", "POST", "/subjects", subject(), 401, NO_LOGIN),
        ("garbage", "POST", "/subjects", subject(), 401, NO_LOGIN),
        ("nobody", "POST", "/subject_sets", a_set(), 401, NO_LOGIN),
        ("nobody", "PUT", "/subjects/<subject>", subject(), 401, NO_LOGIN),
        ("nobody", "GET", "/subject_set_imports", None, 401, None),
    ],
    "who has no role in a project neither makes nor changes, and is told that it is not there": [
        ("stranger", "POST", "/subjects", subject(), 422, NO_PROJECT),
        ("stranger", "POST", "/subject_sets", a_set(), 422, NO_PROJECT),
        ("stranger", "POST", LINKS, {"subjects": ["<free>"]}, 404, NOTHING.format(kind="subject_set", number="<set>")),
        ("nobody", "POST", LINKS, {"subjects": ["<free>"]}, 404, NOTHING.format(kind="subject_set", number="<set>")),
        ("stranger", "DELETE", f"{LINKS}/<subject>", None, 404, NOTHING.format(kind="subject_set", number="<set>")),
        ("stranger", "PUT", "/subjects/<subject>", {"subjects": {"locations": []}}, 404,
         NOTHING.format(kind="subject", number="<subject>")),
        ("stranger", "PUT", "/projects/<project>", {"projects": {"description": "x"}}, 404,
         NOTHING.format(kind="project", number="<project>")),
        ("stranger", "POST", "/workflows/<workflow>/links/subject_sets", {"subject_sets": ["<set>"]}, 404,
         NOTHING.format(kind="workflow", number="<workflow>")),
    ],
    "a path that is none has a page, and a number that is none has words": [
        ("owner", "GET", "/nonsense", None, 404, None),
        ("owner", "GET", "/subjects/abc", None, 404, None),
        ("owner", "GET", "/subjects/1,2", None, 404, None),
        ("owner", "GET", "/subjects/0", None, 404, NOTHING.format(kind="subject", number="0")),
        ("owner", "GET", "/subjects/99999999999999999999999", None, 404,
         NOTHING.format(kind="subject", number="99999999999999999999999")),
        ("owner", "GET", "/workflows/<nothing>", None, 404, NOTHING.format(kind="workflow", number=NOWHERE)),
        ("owner", "GET", "/subject_set_imports/<nothing>", None, 404,
         NOTHING.format(kind="subject_set_import", number=NOWHERE)),
    ],
    "what is sent has a root and is one record": [
        ("owner", "POST", "/subjects", {"foo": 1}, 422, NO_ROOT.format(root="subjects")),
        ("owner", "POST", "/subjects", [], 422, NO_ROOT.format(root="subjects")),
        ("owner", "POST", "/subjects", {"subjects": []}, 422, NO_ROOT.format(root="subjects")),
        ("owner", "POST", "/subjects", {"subjects": [subject()["subjects"]]}, 500, None),
        ("owner", "POST", "/subject_set_imports", {}, 422, NO_ROOT.format(root="subject_set_imports")),
    ],
    "a new subject has locations and a project, and no field that its schema does not name": [
        ("owner", "POST", "/subjects", subject(locations=...), 422, missing("schema", "locations")),
        ("owner", "POST", "/subjects", subject(links=...), 422, missing("schema", "links")),
        ("owner", "POST", "/subjects", subject(links={}), 422, missing("links", "project")),
        ("owner", "POST", "/subjects", subject(foo=1), 422, surplus("schema", "foo")),
        ("owner", "POST", "/subjects", subject(id="5"), 422, surplus("schema", "id")),
        ("owner", "POST", "/subjects", subject(links={"project": "<project>", "f": 1}), 422, surplus("links", "f")),
        ("owner", "POST", "/subjects", subject(links={"project": "<nothing>"}), 422, NO_PROJECT),
    ],
    "fields of a new subject are of their type": [
        ("owner", "POST", "/subjects", subject(locations=None), 422, type_error("locations", "null", "array")),
        ("owner", "POST", "/subjects", subject(locations="image/png"), 422, type_error("locations", "string", "array")),
        ("owner", "POST", "/subjects", subject(metadata=None), 422, type_error("metadata", "null", "object")),
        ("owner", "POST", "/subjects", subject(metadata=[]), 422, type_error("metadata", "array", "object")),
        ("owner", "POST", "/subjects", subject(external_id=5), 422, type_error("external_id", "integer", "string")),
        ("owner", "POST", "/subjects", subject(external_id=None), 422, type_error("external_id", "null", "string")),
        ("owner", "POST", "/subjects", subject(external_id=True), 422, type_error("external_id", "boolean", "string")),
    ],
    "an external_id is any text, and may be there twice": [
        ("owner", "POST", "/subjects", subject(external_id=text), 201, None)
        for text in ("twice", "twice", "", "  ", "a\nb", "\u00e9\U0001f30c", "170059034123456789", "x" * 10_000)
    ],
    "media are of the types that are known, in lower case, or addresses, and may be none": [
        *(("owner", "POST", "/subjects", subject(locations=[kind]), 400, "Validation failed: Locations is invalid")
          for kind in ("image/webp", "nonsense", "IMAGE/PNG", "image/jpg")),
        *(("owner", "POST", "/subjects", subject(locations=[kind]), 201, None)
          for kind in ("image/jpeg", "image/tiff", "audio/mp3", "text/plain", "application/json")),
        ("owner", "POST", "/subjects", subject(locations=[]), 201, None),
        ("owner", "POST", "/subjects", subject(locations=[{"image/png": "http://example.org/a.png"}]), 201, None),
        ("owner", "POST", "/subjects", subject(locations=[{"image/png": "not a url"}]), 201, None),
    ],
    "a new subject goes into a set that there is, and an unknown one beside it is passed over": [
        ("owner", "POST", "/subjects", subject(links={"project": "<project>", "subject_sets": ["<empty>"]}), 201, None),
        ("owner", "POST", "/subjects", subject(links={"project": "<project>", "subject_sets": ["<nothing>"]}), 422,
         "Couldn't find linked subject_sets for current user"),
        ("owner", "POST", "/subjects",
         subject(links={"project": "<project>", "subject_sets": ["<empty>", "<nothing>"]}), 201, None),
    ],
    "a change names the version that it changes": [
        ("owner", "PUT", "/subjects/<subject>", {"subjects": {"locations": []}}, 428, NO_TAG),
        ("owner", "PUT", "/projects/<project>", {"projects": {"description": "x"}}, 428, NO_TAG),
        ("owner", "DELETE", "/subject_sets/<empty>", None, 428, NO_TAG),
    ],
    "names of sets are found whole, case and all, and a comma parts two names": [
        ("owner", "GET", "/subject_sets?project_id=<project>&display_name=Alpha", None, 200, "1"),
        ("owner", "GET", "/subject_sets?project_id=<project>&display_name=ALPHA", None, 200, "0"),
        ("owner", "GET", "/subject_sets?project_id=<project>&display_name=Alph", None, 200, "0"),
        ("owner", "GET", "/subject_sets?project_id=<project>&display_name=%20Alpha", None, 200, "0"),
        ("owner", "GET", "/subject_sets?project_id=<project>&display_name=", None, 200, "0"),
        ("owner", "GET", "/subject_sets?project_id=<project>&display_name=Beta%2C%20two", None, 200, "0"),
        ("owner", "GET", "/subject_sets?project_id=<project>&display_name=Alpha,never", None, 200, "1"),
    ],
    "a filter that is known narrows a list, and one that is not is passed over": [
        ("owner", "GET", "/subjects?subject_set_id=<set>", None, 200, "1"),
        ("owner", "GET", "/subjects?subject_set_id=<set>&project_id=<private>", None, 200, "0"),
        ("owner", "GET", "/subjects?subject_set_id=<nothing>", None, 200, "0"),
        ("owner", "GET", "/subjects?project_id=abc", None, 200, "0"),
        ("owner", "GET", "/subjects?subject_set_id=<set>&external_id=no-such", None, 200, "1"),
        ("owner", "GET", "/subjects?subject_set_id=<set>&metadata.band=g", None, 200, "1"),
        ("owner", "GET", "/subject_sets?workflow_id=<nothing>", None, 200, "0"),
        ("owner", "GET", "/subject_sets?subject_id=<nothing>&project_id=<project>", None, 200, "0"),
        ("owner", "GET", "/subject_workflow_statuses?workflow_id=<workflow>&subject_ids=<nothing>", None, 200, "0"),
    ],
    "a page has a size, from 1 on": [
        *(("owner", "GET", f"/{kind}?page_size=0", None, 422,
           "Current page was incalculable. Perhaps you supplied 'page_size: 0' as a param?")
          for kind in ("subject_sets", "workflows", "projects", "project_roles")),
        ("owner", "GET", "/subjects?subject_set_id=<set>&page=7", None, 200, "0"),
        ("owner", "GET", "/subjects?subject_set_id=<set>&page=0", None, 200, "1"),
        ("owner", "GET", "/subjects?subject_set_id=<set>&page=99999999999999999999", None, 500, None),
        ("owner", "GET", "/subjects?subject_set_id=<set>&page[size]=2", None, 500, None),
    ],
    "what can be sent along is named": [
        ("owner", "GET", "/subjects/<subject>?include=project,subject_sets", None, 200, None),
        ("owner", "GET", "/subject_sets/<set>?include=workflows", None, 200, None),
        *(("owner", "GET", f"/{path}?include={word}", None, 422, f":{word} is not a valid include for {kind}")
          for path, word, kind in (
              ("subjects/<subject>", "locations", "Subject"), ("subjects/<subject>", "set_member_subjects", "Subject"),
              ("subjects", "projects", "Subject"), ("subject_sets", "subjects", "SubjectSet"),
              ("projects/<project>", "owner", "Project"))),
    ],
    "media of a record are not there until there is one": [
        ("owner", "GET", "/subjects/<free>/attached_images", None, 404,
         "No attached_images exists for subject #<free>"),
        ("owner", "GET", "/projects/<project>/avatar", None, 404, "No avatar exists for project #<project>"),
        ("owner", "GET", "/projects/<project>/subjects_export", None, 404,
         "No subjects_export exists for project #<project>"),
        ("owner", "POST", "/subjects/<free>/attached_images", {"media": {}}, 422, NO_ROOT.format(root="media")),
        ("stranger", "POST", "/subjects/<free>/attached_images", {"media": {"content_type": "image/png"}}, 404,
         "No attached_images exists for subject #<free>"),
        ("owner", "GET", "/subjects/<free>/locations", None, 404, None),
        ("owner", "GET", "/media/1", None, 404, None),
    ],
    "a link names its records under the relation": [
        ("owner", "POST", "/workflows/<workflow>/links/subject_sets", {"foo": ["<set>"]}, 422,
         "Link relation subject_sets must match body key"),
        ("owner", "POST", "/workflows/<workflow>/links/subject_sets", {"subject_sets": ["<nothing>"]}, 422,
         "Couldn't find linked subject_sets for current user"),
        ("owner", "POST", "/workflows/<workflow>/links/subject_sets", {"subject_sets": []}, 500, None),
    ],
    "roles are given by who may": [
        ("stranger", "POST", "/project_roles",
         {"project_roles": {"roles": ["collaborator"], "links": {"user": "3", "project": "<project>"}}}, 422,
         NO_PROJECT),
        ("owner", "POST", "/project_roles",
         {"project_roles": {"roles": ["collaborator"], "links": {"user": "<nothing>", "project": "<project>"}}}, 422,
         f"No User with id: {NOWHERE} exists"),
        ("stranger", "GET", "/projects?id=<project>&current_user_roles=owner,collaborator", None, 200, "0"),
        ("owner", "GET", "/projects?id=<project>&current_user_roles=owner,collaborator", None, 200, "1"),
    ],
    "an import has an address and a set, and is neither changed nor deleted": [
        ("owner", "POST", "/subject_set_imports", {"subject_set_imports": {"nonsense": 1, "links": {}}}, 422, None),
        ("owner", "DELETE", "/subject_set_imports/<nothing>", None, 404, None),
        ("owner", "PUT", "/subject_set_imports/<nothing>", {"subject_set_imports": {}}, 404, None),
        ("owner", "GET", "/subject_set_imports?subject_set_id=<empty>", None, 200, "0"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_of_the_server(world: World, rule: str) -> None:
    wrong = []
    for who, method, path, body, status, words in RULES[rule]:
        answer = world.ask(who, method, path, body)
        told = said(answer)
        wanted = None if words is None else world._filled(words)
        if answer.status_code != status or wanted not in (None, told):
            wrong.append(f"{who} {method} {path} {str(body)[:80]}: {answer.status_code} {told!r}")
    assert wrong == []


def said(answer: requests.Response) -> str:
    """The first error's words, or how many records there are; a page of HTML is no JSON."""
    if "json" not in answer.headers.get("Content-Type", "") or not answer.content:
        return ""
    document = answer.json()
    if "errors" in document:
        return str(document["errors"][0]["message"])
    lists = [value for key, value in document.items() if key not in ("links", "meta", "linked")]
    return str(len(lists[0])) if lists and isinstance(lists[0], list) else ""


def test_a_version_is_named_by_its_tag_as_it_was_sent(world: World) -> None:
    """Strong, weak or quoted: its own tag, which a change replaces; none that is made up."""
    tag = world.ask("owner", "GET", "/subjects/<subject>").headers["ETag"]
    change = {"subjects": {"metadata": {"n": "1"}}}
    for made_up in ("", "*", '"x"', tag.strip('W/"'), f'"x", {tag}'):
        answer = world.ask("owner", "PUT", "/subjects/<subject>", change, **{"If-Match": made_up})
        assert (answer.status_code, said(answer)) == (412, STALE), made_up
    for _ in range(2):
        tag = world.ask("owner", "GET", "/subjects/<subject>").headers["ETag"]
        assert (
            world.ask("owner", "PUT", "/subjects/<subject>", change, **{"If-Match": tag}).status_code == 200
        )
        change = {"subjects": {"metadata": {"n": "2"}}}
    assert (
        world.ask("owner", "PUT", "/subjects/<subject>", change, **{"If-Match": '"old"'}).status_code == 412
    )
    fixed = {"external_id": "new"}, {"links": {"project": "<project>"}}
    for field, place, name in zip(fixed, ("schema", "links"), ("external_id", "project"), strict=True):
        tag = world.ask("owner", "GET", "/subjects/<subject>").headers["ETag"]
        answer = world.ask("owner", "PUT", "/subjects/<subject>", {"subjects": field}, **{"If-Match": tag})
        assert (answer.status_code, said(answer)) == (422, surplus(place, name))


def test_a_link_twice_is_one_membership_and_a_workflow_takes_a_set_once(world: World) -> None:
    for _ in range(2):
        assert world.ask("owner", "POST", LINKS, {"subjects": ["<subject>"]}).status_code in (200, 400)
    assert said(world.ask("owner", "GET", "/subjects?subject_set_id=<set>")) == "1"
    serves = "/workflows/<workflow>/links/subject_sets"
    assert world.ask("owner", "POST", serves, {"subject_sets": ["<set>"]}).status_code == 200
    again = world.ask("owner", "POST", serves, {"subject_sets": ["<set>"]})
    assert (again.status_code, said(again)) == (400, "Validation failed: Workflow has already been taken")
    assert said(world.ask("owner", "GET", "/subject_sets?workflow_id=<workflow>")) == "1"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"{}", 415),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=1", 415),
        ({"Content-Type": "application/json"}, b'{"subjects": {', 400),
        ({"Content-Type": "application/json"}, b'{"subjects": {"metadata": {"a": NaN}}}', 400),
        ({"Content-Type": "application/json"}, b"null", 422),
        ({"Content-Type": "application/vnd.api+json"}, b"{}", 422),
    ],
)
def test_a_body_is_json_and_says_so(world: World, headers: dict[str, str], body: bytes, status: int) -> None:
    owner = world.people["owner"]
    sent = {
        "Accept": "application/vnd.api+json; version=1",
        "Authorization": f"Bearer {owner.token}",
        **headers,
    }
    answer = requests.post(f"{owner.endpoint}/api/subjects", data=body, headers=sent, timeout=240)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"login": "owner", "password": "sandbox-password"}, 200),
        ({"login": "owner", "password": "x"}, 401),
        ({}, 401),
        ({"login": "owner", "password": "sandbox-password", "client_id": "nope"}, 422),
        ({"login": "owner", "password": "sandbox-password", "grant_type": "magic"}, 422),
        ({"login": "owner", "password": "sandbox-password", "scope": "no-such"}, 422),
        ({"grant_type": "refresh_token", "refresh_token": "garbage"}, 401),
    ],
)
def test_a_token_is_given_for_a_password(world: World, form: dict[str, str], status: int) -> None:
    assert world.people["owner"].grant(**form).status_code == status


def test_a_refresh_ends_the_old_token_when_the_new_one_is_used(
    world: World, at: Callable[[str, str], Any]
) -> None:
    endpoint = world.people["owner"].endpoint
    first = world.people["owner"].grant(login="owner", password="sandbox-password").json()
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    owner = at(endpoint, "owner")
    second = owner.grant(**again).json()
    assert owner.grant(**again).status_code == 200, "until the new one was used"
    assert Nobody(endpoint, first["access_token"]).call("GET", "/me").status_code == 200
    assert Nobody(endpoint, second["access_token"]).call("GET", "/me").status_code == 200
    assert Nobody(endpoint, first["access_token"]).call("GET", "/me").status_code == 401
    assert owner.grant(**again).status_code == 401


def test_who_is_banned_is_told_of_success_and_nothing_is_made(
    world: World, at: Callable[[str, str], Any]
) -> None:
    banned = at(world.people["owner"].endpoint, "banned")
    before = said(world.ask("owner", "GET", "/subject_sets?project_id=<project>"))
    for path, body in (("/subjects", subject()), ("/subject_sets", a_set())):
        answer = banned.call("POST", path, json.loads(world._filled(json.dumps(body))))
        assert (answer.status_code, answer.content) == (201, b"")
    assert said(world.ask("owner", "GET", "/subject_sets?project_id=<project>")) == before
