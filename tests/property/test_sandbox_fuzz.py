"""Malformed requests by the thousand: the sandbox always answers, and never fails on its own account."""

from __future__ import annotations

import http.client
import json
import string
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoocut.sandbox import Running

ACCEPT = "application/vnd.api+json; version=1"
ROOTS = (
    "subjects", "subject_sets", "workflows", "set_member_subjects", "projects", "media", "project_roles",
    "classifications", "subject_set_imports",
)  # fmt: skip
MANY = settings(
    max_examples=1200,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Wire:
    """One connection to a sandbox, signed in as owner of a project with one of everything."""

    def __init__(self, endpoint: str) -> None:
        self.address = endpoint.removeprefix("http://")
        self.connection = http.client.HTTPConnection(self.address, timeout=240)
        form = {
            "grant_type": "password",
            "client_id": "ab" * 32,
            "login": "owner",
            "password": "sandbox-password",
        }
        self.token = requests.post(f"{endpoint}/oauth/token", data=form, timeout=240).json()["access_token"]
        self.sent = 0

    def headers(self) -> dict[str, str]:
        return {"Accept": ACCEPT, "Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> int:
        self.sent += 1
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            answer.read()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # the web server may close a connection on which it refused to read the whole request
            self.connection.close()
            return 0
        return answer.status

    def make(self, path: str, root: str, fields: dict[str, Any]) -> str:
        self.connection.request("POST", f"/api{path}", json.dumps({root: fields}).encode(), self.headers())
        answer = self.connection.getresponse()
        return json.load(answer)[root][0]["id"]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """A connection to a sandbox whose words on stderr are read at the end: there must be none."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zoocut", "sandbox", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    wire = Wire(Running(process.stdout.readline().strip(), process).endpoint)
    links = {"project": "1"}
    wire.make("/subject_sets", "subject_sets", {"display_name": "S", "links": links})
    wire.make("/subjects", "subjects", {"locations": ["image/png"], "links": links})
    wire.make("/workflows", "workflows", {"display_name": "W", "primary_language": "en", "links": links})
    yield wire
    wire.connection.close()
    process.terminate()
    said = process.communicate(timeout=240)[1]
    assert "Traceback" not in said, said[-4000:]
    assert wire.sent > 3000


words = st.sampled_from(
    ["1", "2", "999999", "abc", "1,2", "", "image/png", "image/webp", "owner", "other", "T0"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | words
keys = st.sampled_from(
    ["display_name", "metadata", "locations", "external_id", "links", "project", "subject_sets", "subjects",
     "workflows", "owner", "subject", "subject_set", "priority", "primary_language", "private", "tasks",
     "active",
     "content_type", "subject_ids", "retirement_reason", "#priority", "fields", "tutorial_subject"]
) | st.text(max_size=4)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)
linked = st.fixed_dictionaries(
    {"project": st.just("1") | values},
    optional={
        "subject_sets": values,
        "workflows": values,
        "subjects": values,
        "subject": values,
        "owner": values,
    },
)
plausible = st.fixed_dictionaries(
    {"links": linked | values},
    optional={
        "locations": st.lists(words | st.dictionaries(words, scalars, max_size=2), max_size=3) | values,
        "metadata": st.dictionaries(st.text(max_size=5) | keys, values, max_size=3) | values,
        "display_name": scalars,
        "primary_language": st.just("en") | values,
        "private": values,
        "external_id": scalars,
        "tasks": values,
        "priority": scalars,
        "content_type": words,
        "roles": values,
        "source_url": words,
        "annotations": values,
    },
)
paths = st.sampled_from(
    ["/subjects", "/subjects/1", "/subjects/1/attached_images", "/subject_sets", "/subject_sets/1",
     "/subject_sets/1/links/subjects", "/subject_sets/1/links/subjects/1,x", "/workflows", "/workflows/1",
     "/workflows/1/links/subject_sets", "/workflows/1/links/subject_sets/1", "/workflows/1/retired_subjects",
     "/workflows/1/unretire_subjects", "/set_member_subjects", "/set_member_subjects/1", "/projects",
     "/projects/1",
     "/subject_workflow_statuses", "/subject_workflow_statuses/1", "/me", "/users", "/users/1",
     "/project_roles", "/project_roles/1", "/projects/1/avatar", "/projects/1/pages", "/subject_set_imports",
     "/classifications",
     "/classifications/1", "/subjects/queued", "/workflow_versions", "/workflows/1/classifications_export",
     "/projects/1/subjects_export"]
)  # fmt: skip
verbs = st.sampled_from(["POST", "PUT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH"])


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode("utf-8", "surrogatepass")


@MANY
@given(verb=verbs, path=paths, root=st.sampled_from(ROOTS), content=plausible | values, bare=st.booleans())
def test_bodies(wire: Wire, verb: str, path: str, root: str, content: Any, bare: bool) -> None:
    if verb == "DELETE" and path == "/projects/1":
        path = "/projects/2"
    body = content if bare else {root: content}
    assert wire.send(verb, f"/api{path}", encoded(body), wire.headers()) != 0


@MANY
@given(
    path=paths,
    query=st.dictionaries(
        st.sampled_from(
            ["page", "page_size", "sort", "include", "id", "ids", "subject_id", "subject_ids",
             "project_id", "slug",
             "subject_set_id", "workflow_id", "metadata.a", "metadata.", "display_name",
             "current_user_roles", "owner",
             "search", "private", "active", "complete", "access_token", "fields", "upload_user_id", "login",
             "last_id", "state", "featured"]
        )
        | st.text(max_size=5),
        st.sampled_from(["1", "-1", "0", "2,1", "-id", "id,-id", "9" * 30, "9" * 5000, "owner", "project",
         "%00", ","])
        | st.text(max_size=8),
        max_size=4,
    ),
)  # fmt: skip
def test_queries(wire: Wire, path: str, query: dict[str, str]) -> None:
    text = "&".join(
        f"{quote(key.encode('utf-8', 'surrogatepass'))}={quote(value.encode('utf-8', 'surrogatepass'))}"
        for key, value in query.items()
    )
    status = wire.send("GET", f"/api{path}?{text}", None, wire.headers())
    too_far = any(len(query.get(name, "")) > 15 for name in ("page", "page_size"))
    assert status in (200, 304, 401, 404, 422) or (status == 500 and too_far), query


@MANY
@given(
    verb=verbs,
    path=st.text(alphabet=string.printable.replace("#", ""), max_size=30)
    | st.sampled_from(
        ["/oauth/token", "/users/sign_in", "/users/sign_out", "/public/subject_location/a.png",
         "/sandbox/faults",
         "/sandbox/users/owner", "/sandbox/tokens/expire", "/sandbox/features/x",
         "/subject_location/..%2f..%2fx"]
    ),
    body=st.binary(max_size=60) | values.map(encoded),
    headers=st.dictionaries(
        st.sampled_from(["Content-Type", "Authorization", "If-Match", "Cookie", "Content-MD5",
         "x-ms-blob-type",
                         "Accept", "If-None-Match"]),
        st.text(alphabet=string.printable.strip(), max_size=20)
        | st.sampled_from([ACCEPT, "application/json", "BlockBlob", "Bearer x", "_Panoptes_session=a.b"]),
        max_size=4,
    ),
)  # fmt: skip
def test_anything(wire: Wire, verb: str, path: str, body: bytes, headers: dict[str, str]) -> None:
    if path == "/sandbox/tokens/expire" and verb == "POST":
        path = "/sandbox/tokens/nonsense"
    wire.send(verb, "/" + quote(path.lstrip("/"), safe="/%?=&"), body, headers)
    assert wire.send("GET", "/users/sign_in", None, {}) == 200
