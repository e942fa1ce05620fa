"""Imports of manifests: how they are read, what becomes of a row, and what can go wrong on the way."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zoocut.sandbox import running


class Host:
    """A host of manifests on loopback."""

    def __init__(self, endpoint: str, files: dict[str, tuple[int, bytes]]) -> None:
        self.endpoint, self.files = endpoint, files

    def file(self, text: str | bytes, status: int = 200) -> str:
        """Serve a text, and return its address."""
        path = f"/{len(self.files)}.csv"
        self.files[path] = (status, text if isinstance(text, bytes) else text.encode())
        return self.endpoint + path


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    files: dict[str, tuple[int, bytes]] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = files.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Host(f"http://127.0.0.1:{server.server_port}", files)
    server.shutdown()
    server.server_close()
    thread.join()


def start(tester: Any, set_id: str, address: str | None) -> Any:
    content = {"links": {"subject_set": set_id}} | ({"source_url": address} if address is not None else {})
    return tester.call("POST", "/subject_set_imports", {"subject_set_imports": content})


def document(tester: Any, number: str) -> dict[str, Any]:
    return tester.found(f"/subject_set_imports/{number}")


def settled(tester: Any, number: str, still_s: float = 2.0) -> dict[str, Any]:
    """Wait until an import is done, or its set stands still, and return its document."""
    end, before, since = time.monotonic() + 240, -1, time.monotonic()
    while time.monotonic() < end:
        now = document(tester, number)
        count = len(members(tester, now["links"]["subject_set"]))
        if count != before:
            before, since = count, time.monotonic()
        is_done = now["imported_count"] == now["manifest_count"]
        if time.monotonic() - since >= (0.05 if is_done else still_s):
            return now
        time.sleep(0.02)
    raise AssertionError("the import goes on and on")


def members(tester: Any, set_id: str) -> list[dict[str, Any]]:
    found, page = [], 1
    while True:
        answer = tester.call("GET", f"/subjects?subject_set_id={set_id}&page_size=100&page={page}").json()
        found += answer["subjects"]
        if answer["meta"]["subjects"]["next_page"] is None:
            return found
        page += 1


def ids(tester: Any, set_id: str) -> list[str]:
    return [one["external_id"] for one in members(tester, set_id)]


def manifest(count: int, first: int = 1) -> str:
    rows = [f"{n},https://e.org/{n}.png,{n}" for n in range(first, first + count)]
    return "\n".join(["external_id,location:1,metadata:diaSourceId", *rows, ""])


@pytest.fixture
def set_id(tester: Any) -> str:
    return tester.new_set(tester.new_project())


def await_members(tester: Any, set_id: str, count: int) -> None:
    end = time.monotonic() + 240
    while len(members(tester, set_id)) < count:
        assert time.monotonic() < end


def imported(tester: Any, set_id: str, address: str) -> dict[str, Any]:
    return settled(tester, tester.made(start(tester, set_id, address))["id"])


def test_a_subject_a_row(tester: Any, host: Host, set_id: str) -> None:
    done = imported(tester, set_id, host.file(manifest(3)))
    assert (done["imported_count"], done["failed_count"], done["progress"]) == (3, 0, 1.0)
    assert ids(tester, set_id) == ["1", "2", "3"]
    first = members(tester, set_id)[0]
    assert first["locations"] == [{"image/png": "https://e.org/1.png"}]
    assert first["metadata"] == {"diaSourceId": "1"}
    assert tester.found(f"/subject_sets/{set_id}")["set_member_subjects_count"] == 3


@pytest.mark.parametrize(
    ("ending", "mime"),
    [(".jpg", "image/jpeg"), (".jpeg", "image/jpeg"), (".gif", "image/gif"), (".tif", "image/tiff"),
     (".json", "application/json"), (".txt", "text/plain"), (".mp4", "video/mp4"), (".svg", "image/svg+xml"),
     (".PNG", ""), (".webp", ""), (".png?x=1", ""), (".bmp", ""), ("", ""), (".png/", "image/png")],
)  # fmt: skip
def test_the_end_of_an_address_tells_its_type(
    tester: Any, host: Host, set_id: str, ending: str, mime: str
) -> None:
    done = imported(tester, set_id, host.file(f"external_id,location:1\n1,https://e.org/a{ending}\n"))
    assert (done["imported_count"], done["failed_count"]) == (1, 0 if mime else 1)
    shown = [one["locations"] for one in members(tester, set_id)]
    assert shown == ([[{mime: f"https://e.org/a{ending}"}]] if mime else [])


@pytest.mark.parametrize(
    ("text", "count", "made"),
    [
        ("external_id,location:1\n1,https://e.org/1.png\n2,\n3,https://e.org/3.png\n", 3, ["1"]),
        ("external_id,location:1\n1,https://e.org/1.png\n2,https://e.org/2.png,x\n", 2, ["1"]),
        ("external_id,location:1\n1,https://e.org/1.png\n\n3,https://e.org/3.png\n", 3, ["1"]),
        ("external_id,location:1\n1,https://e.org/1.png\n2\n", 2, ["1"]),
    ],
    ids=["an empty location", "a cell too many", "a blank line", "a cell too few"],
)
def test_some_rows_end_the_job_for_good(
    tester: Any, host: Host, set_id: str, text: str, count: int, made: list[str]
) -> None:
    done = imported(tester, set_id, host.file(text))
    assert (done["manifest_count"], done["imported_count"], done["failed_count"]) == (count, 0, 0)
    assert ids(tester, set_id) == made


def test_quotes_make_an_empty_address_a_row_that_fails(tester: Any, host: Host, set_id: str) -> None:
    text = 'external_id,location:1\n1,""\n2,https://e.org/2.png\n'
    done = imported(tester, set_id, host.file(text))
    assert (done["imported_count"], done["failed_count"]) == (2, 1)
    assert ids(tester, set_id) == ["2"]


def test_headers_are_split_at_every_colon(tester: Any, host: Host, set_id: str) -> None:
    text = (
        "external_id,location:1,metadata:a:b,metadata:c,other,metadata:,x\n1,https://e.org/1.png,2,,3,4,5\n"
    )
    imported(tester, set_id, host.file(text))
    assert members(tester, set_id)[0]["metadata"] == {"a": "2", "c": None, "": "4"}


def test_repeated_ids_fail_inside_one_set_only(tester: Any, host: Host, set_id: str) -> None:
    address = host.file(manifest(2) + "2,https://e.org/b.png,2\n")
    assert imported(tester, set_id, address)["failed_count"] == 1
    again = imported(tester, set_id, address)
    assert (again["imported_count"], again["failed_count"]) == (3, 3)
    assert ids(tester, set_id) == ["1", "2"]
    other = tester.new_set(tester.new_project())
    assert imported(tester, other, address)["failed_count"] == 1
    assert ids(tester, other) == ["1", "2"]


def test_progress_is_told_in_steps(tester: Any, host: Host, set_id: str) -> None:
    text = manifest(30) + "x,\n"
    done = imported(tester, set_id, host.file(text))
    assert (done["imported_count"], done["manifest_count"]) == (25, 31)
    assert len(ids(tester, set_id)) == 30


@pytest.mark.parametrize(
    ("text", "status"),
    [("\ufeff" + manifest(1), 500), (manifest(1) + "2,https://e.org/2.png,é\n", 500), (manifest(1) + '"', 500),
     ("", 201), ("external_id,location:1\n", 201), ("1,https://e.org/1.png", 201)],
    ids=["byte-order mark", "more than ASCII", "a quote", "nothing", "a header", "a row without header"],
)  # fmt: skip
def test_manifests_that_make_nothing(tester: Any, host: Host, set_id: str, text: str, status: int) -> None:
    answer = start(tester, set_id, host.file(text))
    assert answer.status_code == status
    if status == 201:
        assert tester.made(answer)["manifest_count"] == 0
    assert ids(tester, set_id) == []


def test_hosts_that_give_nothing(tester: Any, host: Host, set_id: str) -> None:
    gone = start(tester, set_id, host.file("", status=404))
    assert (gone.status_code, tester.made(gone)["manifest_count"]) == (201, 0)
    address = host.file("Not here", status=404)
    refused = start(tester, set_id, address)
    assert refused.status_code == 422
    assert refused.json() == {"errors": [{"message": f"Failed to download manifest: {address}"}]}
    for address in ("http://127.0.0.1:9/a.csv", "not//a url", "ftp://127.0.0.1/a.csv", ""):
        assert start(tester, set_id, address).status_code == 500, address
    assert start(tester, set_id, None).status_code == 500


def test_no_more_rows_than_the_limit(host: Host, at: Callable[..., Any]) -> None:
    with running(options=["--import-limit", "3", "--quota", "2"]) as server:
        me = at(server.endpoint, "owner")
        project = me.project()
        set_id = me.new_set(project)
        many = start(me, set_id, host.file(manifest(4)))
        message = "Manifest row count (4) exceeds the limit (3) and can not be imported"
        assert (many.status_code, many.json()["errors"][0]["message"]) == (403, message)
        imported(me, set_id, host.file(manifest(3)))
        assert len(ids(me, set_id)) == 3
        after = me.try_subject(project)
        assert (after.status_code, "3 subjects of 2 maximum" in after.text) == (403, True)


def test_only_who_may_write_imports_and_looks(
    tester: Any, at: Callable[..., Any], host: Host, set_id: str
) -> None:
    address = host.file(manifest(1))
    stranger = at(tester.endpoint, "stranger")
    refused = start(stranger, set_id, address)
    assert (refused.status_code, "Couldn't find linked subject_set" in refused.text) == (422, True)
    number = imported(tester, set_id, address)["id"]
    assert stranger.call("GET", f"/subject_set_imports/{number}").status_code == 404
    listed = stranger.call("GET", f"/subject_set_imports?subject_set_id={set_id}").json()
    assert listed["subject_set_imports"] == []
    mine = tester.call("GET", f"/subject_set_imports?subject_set_id={set_id}").json()
    assert [one["id"] for one in mine["subject_set_imports"]] == [number]


def test_priorities_are_not_copied_by_an_import(tester: Any, host: Host, set_id: str) -> None:
    imported(
        tester, set_id, host.file("external_id,location:1,metadata:#priority\n1,https://e.org/1.png,3\n")
    )
    tester.control("POST", "/jobs/run")
    (member,) = tester.call("GET", f"/set_member_subjects?subject_set_id={set_id}").json()[
        "set_member_subjects"
    ]
    assert member["priority"] is None


def test_a_job_dies_with_the_server(host: Host, tmp_path: Path, at: Callable[..., Any]) -> None:
    with running(tmp_path, options=["--fault", "import-slow:row_s=0.05"]) as server:
        me = at(server.endpoint, "owner")
        set_id = me.new_set(me.project())
        number = me.made(start(me, set_id, host.file(manifest(50))))["id"]
        end = time.monotonic() + 240
        while len(ids(me, set_id)) < 7:
            assert time.monotonic() < end
        server.process.kill()
    with running(tmp_path) as server:
        me = at(server.endpoint, "owner")
        done = settled(me, number)
        assert 7 <= len(ids(me, set_id)) < 50
        assert done["manifest_count"] == 50
        assert done["imported_count"] in (0, 25)


# faults


def test_it_dies_at_a_row(tester: Any, host: Host, set_id: str) -> None:
    tester.fault("import-dies", row=4)
    done = imported(tester, set_id, host.file(manifest(8)))
    assert (done["imported_count"], ids(tester, set_id)) == (0, ["1", "2", "3"])


def test_it_never_ends(tester: Any, host: Host, set_id: str) -> None:
    tester.fault("import-stalls", row=6)
    done = imported(tester, set_id, host.file(manifest(8)))
    assert (done["imported_count"], len(ids(tester, set_id))) == (5, 5)


def test_it_wakes_again(tester: Any, host: Host, set_id: str) -> None:
    tester.fault("import-stalls", row=6, wake_s=0.6)
    begun = time.monotonic()
    number = tester.made(start(tester, set_id, host.file(manifest(8))))["id"]
    while document(tester, number)["imported_count"] < 8:
        assert time.monotonic() - begun < 240
    assert time.monotonic() - begun >= 0.6
    assert len(ids(tester, set_id)) == 8


def test_it_runs_twice(tester: Any, host: Host, set_id: str) -> None:
    tester.fault("import-twice")
    imported(tester, set_id, host.file(manifest(4)))
    await_members(tester, set_id, 8)
    assert sorted(ids(tester, set_id)) == sorted(["1", "2", "3", "4"] * 2)


def test_rows_take_time(tester: Any, host: Host, set_id: str) -> None:
    tester.fault("import-slow", row_s=0.1)
    begun = time.monotonic()
    number = tester.made(start(tester, set_id, host.file(manifest(5))))["id"]
    while document(tester, number)["imported_count"] < 5:
        assert time.monotonic() - begun < 240
    assert time.monotonic() - begun >= 0.4


def test_others_come_between(tester: Any, host: Host, set_id: str) -> None:
    tester.fault("import-strangers", rows=2)
    imported(tester, set_id, host.file(manifest(3)))
    await_members(tester, set_id, 5)
    held = ids(tester, set_id)
    assert [one for one in held if not one.startswith("other-")] == ["1", "2", "3"]
    assert len(held) == 5


def test_the_manifest_is_not_to_be_had(tester: Any, host: Host, set_id: str) -> None:
    tester.fault("import-no-manifest")
    assert start(tester, set_id, host.file(manifest(3))).status_code == 422
    assert ids(tester, set_id) == []


def test_the_host_is_slow(tester: Any, host: Host, set_id: str) -> None:
    tester.fault("import-slow-host", delay_s=0.4)
    begun = time.monotonic()
    assert start(tester, set_id, host.file(manifest(1))).status_code == 201
    assert time.monotonic() - begun >= 0.4


def test_counts_are_stale(tester: Any, host: Host, set_id: str) -> None:
    tester.fault("import-stale-counts")
    number = tester.made(start(tester, set_id, host.file(manifest(2))))["id"]
    end = time.monotonic() + 240
    while len(ids(tester, set_id)) < 2:
        assert time.monotonic() < end
    assert (document(tester, number)["imported_count"], document(tester, number)["progress"]) == (0, 0.0)
