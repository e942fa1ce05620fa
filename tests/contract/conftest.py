"""A person at a sandbox: signs in, calls, turns controls."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from zoocut.sandbox import Running, running

ACCEPT = "application/vnd.api+json; version=1"
CLIENT = "f79cf5ea821bb161d8cbb52d061ab9a2321d7cb169007003af66b43f7b79ce2a"
NUMBERS = itertools.count(1)


class Person:
    """An account of a sandbox and a token of its own."""

    def __init__(self, endpoint: str, login: str) -> None:
        self.endpoint, self.login = endpoint, login
        self.session = requests.Session()
        self.token = self.grant(login=login, password="sandbox-password").json()["access_token"]

    def grant(self, grant_type: str = "password", **form: str) -> requests.Response:
        data = {"grant_type": grant_type, "client_id": CLIENT, **form}
        return self.session.post(f"{self.endpoint}/oauth/token", data=data, timeout=240)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        sent = {"Accept": ACCEPT, "Authorization": f"Bearer {self.token}", **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        return self.session.request(
            method, f"{self.endpoint}/api{path}", headers=sent, data=data, timeout=240
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.session.request(method, f"{self.endpoint}/sandbox{path}", json=body, timeout=240)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, name: str, **settings: Any) -> None:
        """Have the sandbox make a fault."""
        self.control("POST", "/faults", {"name": name, **settings})

    def external_ids(self, project: str) -> list[str]:
        """Give those of what a project really holds."""
        subjects = self.control("GET", "/truth")["subjects"]
        return [one["external_id"] for one in subjects if one["project"] == int(project)]

    def project(self) -> str:
        return self.found("/projects?slug=owner/rehearsal")["id"]

    def found(self, path: str) -> dict[str, Any]:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        (rows,) = [value for key, value in answer.json().items() if key not in ("links", "meta", "linked")]
        return rows[0]

    def new_project(self, private: bool = False) -> str:
        fields = {
            "display_name": f"P {next(NUMBERS)}", "description": "P", "primary_language": "en", "private": private,
        }  # fmt: skip
        return self.made(self.call("POST", "/projects", {"projects": fields}))["id"]

    def new_set(self, project: str, **fields: Any) -> str:
        content = {"display_name": f"S {next(NUMBERS)}", "links": {"project": project}, **fields}
        return self.made(self.call("POST", "/subject_sets", {"subject_sets": content}))["id"]

    def try_subject(self, project: str, external_id: str = "e", **fields: Any) -> requests.Response:
        content = {"external_id": external_id, "locations": ["image/png"], "links": {"project": project}}
        return self.call("POST", "/subjects", {"subjects": content | fields})

    def new_subject(self, project: str, **fields: Any) -> dict[str, Any]:
        return self.made(self.try_subject(project, **fields))

    def link(self, set_id: str, *subjects: str) -> requests.Response:
        return self.call("POST", f"/subject_sets/{set_id}/links/subjects", {"subjects": list(subjects)})

    @staticmethod
    def made(answer: requests.Response) -> dict[str, Any]:
        assert answer.status_code == 201, (answer.status_code, answer.text)
        return next(iter(answer.json().values()))[0]

    @staticmethod
    def put(url: str, data: bytes, **headers: str) -> requests.Response:
        md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
        sent = {"x-ms-blob-type": "BlockBlob", "Content-Type": "image/png", "Content-MD5": md5, **headers}
        return requests.put(url, data=data, headers=sent, timeout=240)

    @staticmethod
    def url(subject: dict[str, Any]) -> str:
        return next(iter(subject["locations"][0].values()))


@pytest.fixture
def person(sandbox: Running) -> Callable[[str], Person]:
    """Make a person of a login, at the sandbox that all tests share."""
    return lambda login: Person(sandbox.endpoint, login)


@pytest.fixture
def owner(person: Callable[[str], Person]) -> Person:
    """The owner of the rehearsal project, at the sandbox that all tests share."""
    return person("owner")


@pytest.fixture(scope="module")
def faulty() -> Iterator[Running]:
    """A sandbox for the tests of one module that change how it behaves."""
    with running(options=["--count-delay", "0.2"]) as server:
        yield server


@pytest.fixture
def tester(faulty: Running) -> Iterator[Person]:
    """The owner at a sandbox that behaves, until told otherwise by this test alone."""
    someone = Person(faulty.endpoint, "owner")
    yield someone
    someone.control("DELETE", "/faults")


@pytest.fixture
def project(tester: Person) -> str:
    """A new project of theirs."""
    return tester.new_project()


@pytest.fixture(scope="session")
def at() -> Callable[[str, str], Person]:
    """Make a person of an endpoint and a login."""
    return Person
