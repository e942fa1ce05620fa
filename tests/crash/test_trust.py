"""What is believed and what is not: answers, lists, clocks, servers, and other people's hands, by a recording proxy."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from time import monotonic, time

import pytest
import requests
from audit import audit, key_of, made_by
from mischief import BUSY, GATEWAY, done_then, instead, without_checksum, without_key
from proxy import Exchange, Fault, Recorder, Reply, md5_of, page, told_json
from rehearsal import environment, make_run
from server_state import Differences, differences

from zoocut.run.manifest import read_manifest
from zoocut.sandbox import Running, running

SETTLE_S = 1.0
ROWS = 5
OPTIONS = ("--settle", str(SETTLE_S), "--give-up-after", "15", "--answer", "5", "--yes")


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(options=["--quota", "1000000"]) as sandbox:
        yield sandbox


@dataclass
class First:
    """Does something to the first requests of a kind, and to no others."""

    kind: str
    fault: Fault
    times: int = 2
    met: int = 0

    def __call__(self, exchange: Exchange) -> tuple[str, Fault] | None:
        if exchange.kind != self.kind or self.met >= self.times:
            return None
        self.met += 1
        return "first", self.fault


@dataclass
class Tried:
    """One run on its way through a proxy."""

    run: Path
    set_name: str
    endpoint: str
    record: Recorder
    count: int = 0
    output: list[str] = field(default_factory=list)

    def start(self, *words: str, run: Path | None = None, proxy: str) -> subprocess.Popen[str]:
        command = words or ("upload", str(run or self.run), *OPTIONS)
        where = ("--project", "owner/rehearsal", "--set", self.set_name)
        return subprocess.Popen(
            [sys.executable, "-m", "zoocut", *command, *where],
            env=environment(self.endpoint) | {"http_proxy": proxy, "no_proxy": "", "NO_PROXY": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def upload(self, *words: str, run: Path | None = None) -> int:
        self.count += 1
        with self.record.actor(f"command {self.count}") as proxy:
            process = self.start(*words, run=run, proxy=proxy)
            told, _ = process.communicate(timeout=240)
        self.output.append(" ".join(told.split()))
        return process.returncode

    def creates(self) -> list[Exchange]:
        return [one for one in self.record.exchanges if one.kind == "create"]

    def made(self) -> int:
        return sum(len(made_by(one)) for one in self.creates())

    def require_all_right(self) -> None:
        checksums = {
            row.external_id: [md5_of((self.run / name).read_bytes()) for name in row.locations]
            for row in read_manifest(self.run / "manifest.csv")
        }
        found = audit(self.record.exchanges, checksums, SETTLE_S)
        assert found.wrong == 0, found
        assert differences(self.endpoint, self.run, self.set_name) == Differences(0, 0, 0, 0, 0)


@pytest.fixture
def tried(server: Running, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Tried]:
    def make(
        choose: Callable[[Exchange], tuple[str, Fault] | None] = lambda one: None, rows: int = ROWS
    ) -> Tried:
        name = request.node.name[:80].replace(",", " ").strip()
        run = make_run(tmp_path / "run", rows, seed=7).path
        return Tried(run, name, server.endpoint, Recorder(server.endpoint, choose))

    return make


DONE = {
    "503 in JSON": lambda: told_json(503, GATEWAY),
    "408 page": lambda: page(408),
    "403 page": lambda: page(403),
    "409 page": lambda: page(409),
    "422 page": lambda: page(422),
    "429 page": lambda: page(429, {"Retry-After": "1"}),
    "empty 201": lambda: Reply(201, [], b""),
    "401 page": lambda: page(401),
    "400 without a body": lambda: Reply(400, [], b""),
}


@pytest.mark.parametrize("told", DONE)
def test_an_answer_that_is_not_panoptes_own_is_a_doubt(told: str, tried: Callable[..., Tried]) -> None:
    one = tried(First("create", done_then(DONE[told])))
    assert one.upload() == 0, one.output
    one.require_all_right()
    assert one.made() == ROWS


def test_an_empty_answer_with_trouble_behind_it_is_a_doubt(tried: Callable[..., Tried]) -> None:
    empty = First("create", done_then(lambda: Reply(201, [], b"")), times=1)

    def choose(exchange: Exchange) -> tuple[str, Fault] | None:
        if exchange.path == "/api/me" and empty.met:
            return "gone", instead(lambda: told_json(404, BUSY))
        return empty(exchange)

    one = tried(choose)
    one.upload()
    one.record.choose = lambda exchange: None
    assert one.upload() == 0, one.output
    one.require_all_right()
    assert one.made() == ROWS


def test_a_conflict_that_panoptes_tells_is_tried_again(tried: Callable[..., Tried]) -> None:
    one = tried(First("create", instead(lambda: told_json(409, BUSY)), times=7))
    assert one.upload() == 0, one.output
    one.require_all_right()


@pytest.mark.parametrize("kind", ["sign in", "make set"])
@pytest.mark.parametrize("status", [409, 429, 403, 502])
def test_signing_in_and_making_the_set_are_tried_as_long_as_rows(
    kind: str, status: int, tried: Callable[..., Tried]
) -> None:
    told = (lambda: told_json(409, BUSY)) if status == 409 else (lambda: page(status, {"Retry-After": "1"}))
    one = tried(First(kind, instead(told), times=4))
    assert one.upload() == 0, one.output
    one.require_all_right()


def test_an_answer_without_the_key_stops_the_upload_at_the_first(tried: Callable[..., Tried]) -> None:
    one = tried(First("create", without_key, times=1000), rows=40)
    assert one.upload() == 7, one.output
    assert "lacks the metadata #zoocut" in one.output[0]
    assert one.made() <= 8
    one.record.choose = lambda exchange: None
    assert one.upload() == 0, one.output
    assert one.made() == 40


def test_creates_that_are_never_answered_and_never_found_have_an_end(tried: Callable[..., Tried]) -> None:
    def choose(exchange: Exchange) -> tuple[str, Fault] | None:
        if exchange.kind == "create":
            return "lost", instead(lambda: page(504))
        return None

    one = tried(choose, rows=40)
    assert one.upload() == 5, one.output
    assert "neither answered nor found" in one.output[0]
    assert len(one.creates()) <= 40


@pytest.mark.parametrize("fault", ["no checksum", "another checksum"])
def test_a_store_that_does_not_confirm_is_asked_what_it_serves(
    fault: str, tried: Callable[..., Tried]
) -> None:
    from mischief import other_checksum

    one = tried(First("store", without_checksum if fault == "no checksum" else other_checksum, times=3))
    assert one.upload() == 0, one.output
    one.require_all_right()
    assert all(put.headers["if-none-match"] == "*" for put in one.record.exchanges if put.kind == "store")


@pytest.mark.parametrize("years", [10, -10])
def test_a_wrong_date_heard_once_freezes_no_row(years: int, tried: Callable[..., Tried]) -> None:
    """A log-in portal with a wrong clock answers while creates leave; afterwards all is well."""
    date = formatdate(time() + years * 365.25 * 86_400, usegmt=True)
    one = tried(First("create", done_then(lambda: page(502, {"Date": date})), times=ROWS))
    began = monotonic()
    assert one.upload() == 0, one.output
    assert monotonic() - began < 240
    one.require_all_right()
    assert one.made() == ROWS


def test_a_wrong_date_of_panoptes_itself_freezes_no_row(tried: Callable[..., Tried]) -> None:
    from mischief import wrong_date

    lost = First("create", done_then(lambda: page(504)), times=3)

    def choose(exchange: Exchange) -> tuple[str, Fault] | None:
        return lost(exchange) or (("wrong date", wrong_date) if exchange.number < 30 else None)

    one = tried(choose)
    assert one.upload() == 0, one.output
    one.require_all_right()
    assert one.made() == ROWS


def test_two_copies_of_a_run_at_once_make_each_row_once(tried: Callable[..., Tried]) -> None:
    one = tried(rows=30)
    copy = one.run.with_name("copy")
    shutil.copytree(one.run, copy)
    with one.record.actor("one") as first, one.record.actor("other") as second:
        both = [one.start(proxy=first), one.start(run=copy, proxy=second)]
        ended = [(process.communicate(timeout=240)[0], process.returncode) for process in both]
    codes = sorted(code for _, code in ended)
    assert codes == [0, 4], ended
    (refused,) = (" ".join(told.split()) for told, code in ended if code == 4)
    assert (
        "another upload to the set" in refused or "zoocut adopt" in refused
    )  # when the other had ended already
    assert one.made() == 30
    members = requests.get(f"{one.endpoint}/sandbox/truth", timeout=240).json()
    held = [
        s for s in members["subjects"] if s["metadata"].get("#zoocut") in {key_of(c) for c in one.creates()}
    ]
    assert len(held) == 30


def test_a_lost_ledger_and_again_never_lift_the_guard_for_own_rows(tried: Callable[..., Tried]) -> None:
    one = tried()
    assert one.upload() == 0
    (one.run / "ledger.sqlite3").unlink()
    assert one.upload("upload", str(one.run), *OPTIONS, "--again") == 4
    assert "zoocut adopt" in one.output[-1]
    assert one.made() == ROWS
    assert one.upload("adopt", str(one.run)) == 0
    assert one.upload() == 0
    assert one.made() == ROWS


def test_an_image_is_never_exchanged_by_following_the_advice_of_verify(tried: Callable[..., Tried]) -> None:
    one = tried()
    assert one.upload() == 0
    path = one.run / "images/0-0.png"
    truth = requests.get(f"{one.endpoint}/sandbox/truth", timeout=240).json()
    subject = next(s for s in truth["subjects"] if s["metadata"].get("#zoocut") == key_of(one.creates()[0]))
    row = subject["external_id"]
    path = next(
        one.run / r.locations[0] for r in read_manifest(one.run / "manifest.csv") if r.external_id == row
    )
    shutil.copy(one.run / "images/1-0.png" if path.name == "0-0.png" else one.run / "images/0-0.png", path)
    shown = {
        s["id"]: [place["blob"]["md5"] for place in s["locations"]] for s in truth["subjects"] if s["sets"]
    }
    removal = ["sets", "remove", one.set_name, str(subject["id"]), "--project", "owner/rehearsal", "--yes"]
    subprocess.run([sys.executable, "-m", "zoocut", *removal], env=environment(one.endpoint), check=True)
    (one.run / "ledger.sqlite3").unlink()
    assert one.upload("adopt", str(one.run), "--yes") == 0, one.output
    assert one.upload() == 3, one.output
    one.upload("upload", str(one.run), *OPTIONS, "--retry-rejected")
    truth = requests.get(f"{one.endpoint}/sandbox/truth", timeout=240).json()
    after = {s["id"]: [place["blob"]["md5"] for place in s["locations"]] for s in truth["subjects"]}
    assert {number: after[number] for number in shown} == shown


def test_a_server_that_was_rebuilt_is_told_and_never_believed(tmp_path: Path) -> None:
    run, port = make_run(tmp_path / "run", ROWS, seed=3).path, 0
    with running() as first:
        port = int(first.endpoint.rpartition(":")[2])
        told = _upload(run, first.endpoint, "--set", "Night 1")
        assert told.returncode == 0, told
    with running(port=port) as second:
        going_on = _upload(run, second.endpoint, project=False)
        assert (going_on.returncode, "another server" in going_on.stderr) == (4, True), going_on
        named = _upload(run, second.endpoint, "--set", "Night 2")
        assert named.returncode == 0, named
        assert "another server" in " ".join(named.stderr.split())
        truth = requests.get(f"{second.endpoint}/sandbox/truth", timeout=240).json()
        assert sum(bool(one["sets"]) for one in truth["subjects"]) == ROWS


def test_everything_linked_is_counted_before_it_is_said(tried: Callable[..., Tried]) -> None:
    one = tried()
    assert one.upload() == 0
    truth = requests.get(f"{one.endpoint}/sandbox/truth", timeout=240).json()
    set_id = next(s["id"] for s in truth["sets"] if s["display_name"] == one.set_name)
    ids = [str(s["id"]) for s in truth["subjects"] if set_id in s["sets"]]
    removal = ["sets", "remove", one.set_name, *ids, "--project", "owner/rehearsal", "--yes"]
    subprocess.run([sys.executable, "-m", "zoocut", *removal], env=environment(one.endpoint), check=True)
    assert one.upload() == 6
    assert "holds 0 subjects" in one.output[-1]
    asked = [sys.executable, "-m", "zoocut", "status", str(one.run), "--remote"]
    told = subprocess.run(
        asked, env=environment(one.endpoint), capture_output=True, text=True, check=True
    ).stdout
    assert "every row is in its set" not in told


def _upload(run: Path, endpoint: str, *words: str, project: bool = True) -> subprocess.CompletedProcess[str]:
    where = ["--project", "owner/rehearsal"] if project else []
    return subprocess.run(
        [sys.executable, "-m", "zoocut", "upload", str(run), *where, *words, "--settle", "1", "--yes"],
        env=environment(endpoint),
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_audit_sees_what_it_is_for() -> None:
    """Records of what must not be are found wrong, each by its own count."""

    def create(number: int, actor: str, told: Reply) -> Exchange:
        body = json.dumps({"subjects": {"metadata": {"#zoocut": "run/7/row/abc"}}}).encode()
        return Exchange(number, actor, float(number), "POST", "/api/subjects", {}, {}, body, told=told)

    made = told_json(
        201, {"subjects": [{"id": "9", "external_id": "row", "locations": [{"image/png": "http://s/a.png"}]}]}
    )
    first, again = create(0, "a", page(504)), create(1, "b", made)
    again.done = [(1.5, made)]
    link = Exchange(2, "a", 2.0, "POST", "/api/subject_sets/7/links/subjects", {}, {}, b'{"subjects": ["9"]}')
    link.done = [(2.5, told_json(200, {}))]
    put = Exchange(3, "a", 3.0, "PUT", "/public/a.png", {}, {}, b"bytes", done=[(3.5, Reply(201, [], b""))])
    found = audit([first, again, link, put], {"row": [md5_of(b"bytes")]}, 1.0)
    assert found.counts() | {"requests": 4} == found.counts()
    assert (
        len(found.made_again_unasked) == len(found.under_a_linked_subject) == len(found.linked_unproved) == 1
    )
    assert found.unconditional == 1
    assert len(found.two_at_once) == 1
    assert audit([create(0, "a", made)], {}, 1.0).wrong == 0
