"""What one request of an upload means: answers about other subjects, subjects that moved, refusals with two causes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from zoocut.errors import NotPermitted
from zoocut.ledger import Entry, Image, State, Target
from zoocut.metadata_keys import SubjectKey
from zoocut.uploading.context import Outcome, UploadContext
from zoocut.uploading.machine import (
    Absent,
    Created,
    Differs,
    Event,
    Linked,
    LostSight,
    Measured,
    NotCreated,
    Proved,
    Rejected,
    Unproved,
)
from zoocut.uploading.pictures import MeasuredContents
from zoocut.uploading.steps.create import create
from zoocut.uploading.steps.link import link
from zoocut.uploading.steps.measure import measure, measure_each
from zoocut.uploading.steps.reconcile import look
from zoocut.uploading.steps.rivals import find_rivals
from zoocut.uploading.steps.store import renew, store
from zoocut.zooniverse.records import Address, Subject
from zoocut.zooniverse.request_errors import Busy, Doubtful, Refused, Unreachable

CONTENT = b"the image"
SUM = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()
HERE = Image("images/1.txt", "text/plain", len(CONTENT), SUM, MD5)
ELSEWHERE = Image("https://example.org/1.png", "image/png", 10, "c" * 64, "d" * 32)
TARGET = Target(1, "https://x.example", "1", "a/b", "5", "Night")
KEY = str(SubjectKey.of("r1", "5", "170", SUM))


def address(name: str) -> Address:
    return Address(f"https://store.example/{name}", name, 1e12)


def subject(
    number: str = "9", key: str = KEY, names: Sequence[str] = ("x",), sets: tuple[str, ...] = ()
) -> Subject:
    return Subject(number, "170", key, {}, tuple(map(address, names)), sets)


@dataclass
class Server:
    """Answers as it is told; an exception is raised."""

    endpoint: str = "https://x.example"
    created: Any = None
    held: set[str] = field(default_factory=set)
    linking: Exception | None = None
    there: list[Subject] = field(default_factory=list)
    known_set: Any = None
    newest: dict[str, list[Subject]] = field(default_factory=dict)
    renewed: Any = ()
    asked: list[Any] = field(default_factory=list)
    page: int = 100

    def now(self) -> float:
        return 1000.0

    def answer(self, told: Any) -> Any:
        if isinstance(told, Exception):
            raise told
        return told

    def create_subject(self, *words: Any) -> Subject:
        self.asked.append(words)
        return self.answer(self.created)

    def link(self, set_id: str, ids: list[str]) -> None:
        self.asked.append((set_id, ids))
        self.answer(self.linking)

    def linked(self, set_id: str, ids: list[str]) -> set[str]:
        return self.held & set(ids)

    def newest_members(self, set_id: str) -> tuple[list[Subject], int]:
        members = [one for one in self.there if one.subject_id in self.held]
        return members[-self.page :], len(members)

    def subjects(self, ids: list[str]) -> list[Subject]:
        return [one for one in self.there if one.subject_id in ids]

    def subject(self, number: str) -> Subject:
        found = self.subjects([number])
        return self.answer(found[0] if found else Refused("gone", 404))

    def account(self) -> None:
        return None

    def subject_set(self, set_id: str) -> Any:
        return self.answer(self.known_set)

    def of_members(self, set_id: str, keep: Callable[[Subject], Any]) -> Iterator[Any]:
        members = [one for one in self.there if one.subject_id in self.held]
        return (kept for one in members if (kept := keep(one)) is not None)

    def newest_subjects(
        self, project_id: str, user_id: str, above: int, keep: Callable[[Subject], Any]
    ) -> Iterator[Any]:
        self.asked.append((user_id, above))
        newer = [one for one in self.newest.get(user_id, []) if int(one.subject_id) > above]
        return (kept for one in newer if (kept := keep(one)) is not None)

    def renewed_addresses(self, number: str) -> Any:
        return self.answer(self.renewed)


@dataclass
class Blobs:
    """A store by address."""

    held: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    refusal: Exception | None = None
    trouble: Exception | None = None
    asked: list[tuple[object, ...]] = field(default_factory=list)

    def fetch(self, url: str) -> tuple[str, int, str]:
        if self.trouble:
            raise self.trouble
        if url not in self.held:
            raise Refused("nothing there", 404)
        return self.held[url]

    fetch_media = fetch

    def holds(self, url: str, md5: str | None) -> bool:
        return url in self.held and self.held[url][2] == md5

    holds_retrying = holds

    def put(self, *words: object) -> None:
        self.asked.append(words)
        if self.refusal:
            raise self.refusal


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


@pytest.fixture
def context(tmp_path: Path, server: Any, blobs: Any) -> UploadContext:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.txt").write_bytes(CONTENT)
    return UploadContext(tmp_path, "r1", "7", TARGET, server, blobs, checks=3)


def entry(state: State = State.INTENT, *images: Image, **facts: Any) -> Entry:
    return replace(Entry(1, 1, "170", {"band": "g"}, state, images or (HERE,)), **facts)


def event(outcome: Outcome, row: int = 1) -> Event | None:
    return outcome.events.get(row)


def test_a_create_sends_what_the_row_is_and_its_key(context: UploadContext, server: Server) -> None:
    server.created = subject(names=("x", "y"))
    outcome = create(context, entry(State.INTENT, HERE, ELSEWHERE))
    ((project_id, external_id, metadata, locations),) = server.asked
    assert (project_id, external_id) == ("1", "170")
    assert metadata == {"band": "g", "#zoocut": KEY}
    assert locations == ["text/plain", {"image/png": "https://example.org/1.png"}]
    assert event(outcome) == Created("9", ("x", "y"))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (subject(key="r1/5/171/" + SUM[:12]), LostSight),
        (subject(names=()), LostSight),
        (subject(names=("x", "y")), LostSight),
        (Doubtful("lost"), LostSight),
        (Busy("busy"), NotCreated),
        (Unreachable("nobody"), NotCreated),
        (Refused("no licence", 422), Rejected),
    ],
)
def test_what_an_answer_to_a_create_means(
    context: UploadContext, server: Server, answer: Any, kind: type[Event]
) -> None:
    server.created = answer
    assert isinstance(event(create(context, entry())), kind)


@pytest.mark.parametrize(("names", "kind"), [(("x",), Created), (("x", "y"), LostSight)])
def test_an_answer_without_the_key_is_taken_and_ends_the_upload(
    context: UploadContext, server: Server, names: tuple[str, ...], kind: type[Event]
) -> None:
    server.created = subject(key="", names=names)
    outcome = create(context, entry())
    assert isinstance(event(outcome), kind)
    assert isinstance(outcome.ending, NotPermitted) is (kind is Created)


def made(number: str, row: int, names: Sequence[str] = ("x",)) -> Subject:
    """Give the subject of a stored row."""
    return subject(number, str(SubjectKey.of("r1", "5", str(row), SUM)), names)


def stored(row: int, number: str) -> Entry:
    images = (replace(HERE, media_name="x", proved=True),)
    return entry(State.STORED, *images, row=row, subject_id=number, external_id=str(row))


def test_only_memberships_that_were_read_back_count(
    context: UploadContext, server: Server, blobs: Blobs
) -> None:
    server.there, server.held = [made("8", 1), made("9", 2)], {"9"}
    blobs.held["https://store.example/x"] = ("text/plain", len(CONTENT), MD5)
    outcome = link(context, [stored(1, "8"), stored(2, "9")])
    assert outcome.events == {2: Linked()}
    assert isinstance(outcome.trouble, Doubtful)
    server.held = {"8", "9"}
    assert link(context, [stored(1, "8"), stored(2, "9")]).trouble is None


def test_what_the_store_does_not_serve_is_not_linked(
    context: UploadContext, server: Server, blobs: Blobs
) -> None:
    server.there = [made("8", 1), made("9", 2, ("y",))]
    blobs.held["https://store.example/x"] = ("text/plain", len(CONTENT), MD5)
    blobs.held["https://store.example/y"] = ("text/plain", len(CONTENT), "0" * 32)
    outcome = link(context, [stored(1, "8"), stored(2, "9")])
    assert outcome.events == {2: Unproved()}
    assert server.asked == []


@pytest.mark.parametrize("key", ["r1/5/3/" + SUM[:12], "r2/5/2/" + SUM[:12], "r1/6/2/" + SUM[:12]])
def test_a_subject_of_another_row_run_or_set_is_never_published(
    context: UploadContext, server: Server, blobs: Blobs, key: str
) -> None:
    server.there = [made("8", 1), subject("9", key)]
    blobs.held["https://store.example/x"] = ("text/plain", len(CONTENT), MD5)
    outcome = link(context, [stored(1, "8"), stored(2, "9")])
    assert set(outcome.events) == {2}
    assert isinstance(outcome.events[2], Differs)
    assert server.asked == []


def test_only_subjects_that_are_gone_are_rejected(context: UploadContext, server: Server) -> None:
    server.linking, server.there = Refused("no such subject", 422), [made("9", 2)]
    outcome = link(replace(context, checks=0), [stored(1, "8"), stored(2, "9")])
    assert set(outcome.events) == {1}
    assert isinstance(outcome.events[1], Rejected)
    server.there = [made("8", 1), made("9", 2)]
    outcome = link(replace(context, checks=0), [stored(1, "8"), stored(2, "9")])
    assert outcome.events == {}
    assert isinstance(outcome.trouble, Refused)


def test_a_set_that_is_gone_is_told_from_rights_that_are(context: UploadContext, server: Server) -> None:
    server.linking = Refused("not found", 404)
    outcome = link(replace(context, checks=0), [stored(1, "8")])
    assert (outcome.events, isinstance(outcome.trouble, Refused)) == ({}, True)
    server.known_set = Refused("not found", 404)
    with pytest.raises(NotPermitted, match="is gone from"):
        link(replace(context, checks=0), [stored(1, "8")])


@pytest.mark.parametrize("members", [None, 1, 2])
@pytest.mark.parametrize(
    ("key", "differs"),
    [("r1/5/1/" + SUM[:12], True), ("r1/5/1/" + "0" * 12, False), ("r2/5/1/" + SUM[:12], False), ("", False)],
)
def test_of_all_members_those_count_that_carry_the_key_of_a_row_that_is_linked(
    context: UploadContext, server: Server, members: int | None, key: str, differs: bool
) -> None:
    """The other subject is older than a page of the newest ones, so that all have to be read."""
    server.page = 2
    server.there = [subject("3", key), subject("4", ""), made("8", 1), made("9", 2)]
    server.held = {one.subject_id for one in server.there}
    entries = [stored(1, "8"), stored(2, "9")]
    told = ({1: "3"}, 4) if differs and members != 2 else ({}, 4)
    assert find_rivals(context, entries, members) == told


def doubtful(**facts: Any) -> Entry:
    return entry(State.IN_DOUBT, **{"sent_as": "7", "watermark": 5, "sent_at": 900.0, **facts})


def test_a_doubt_is_settled_by_key_and_number_of_images(context: UploadContext, server: Server) -> None:
    others = [
        subject("12", key="r1/5/171/" + SUM[:12]),
        subject("13", names=("x", "y")),
        subject("14", key=""),
    ]
    server.newest["7"] = others
    assert event(look(context, [doubtful()], 60.0)) == Absent(1000.0, 60.0)
    server.newest["7"] = [*others, subject("15")]
    assert event(look(context, [doubtful()], 60.0)) == Created("15", ("x",))


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ([subject("12"), subject("11")], "11"),
        ([subject("12", sets=("5",)), subject("11")], "12"),
        ([subject("12", sets=("6",)), subject("11")], "11"),
        ([subject("100"), subject("99")], "99"),
    ],
)
def test_of_several_the_one_in_the_set_else_the_oldest_counts(
    context: UploadContext, server: Server, found: list[Subject], chosen: str
) -> None:
    server.newest["7"] = found
    assert event(look(context, [doubtful()], 60.0)) == Created(chosen, ("x",))


def test_doubts_are_looked_for_under_who_sent_them_and_above_their_watermarks(
    context: UploadContext, server: Server
) -> None:
    rows = [doubtful(), doubtful(row=2, watermark=3), doubtful(row=3, sent_as="8", watermark=1)]
    server.newest = {"7": [], "8": [subject("4")]}
    outcome = look(context, rows, 60.0)
    assert sorted(server.asked) == [("7", 3), ("8", 1)]
    assert event(outcome, 3) == Created("4", ("x",))
    assert outcome.looked_at == 1000.0


def created(**facts: Any) -> Entry:
    return entry(State.CREATED, replace(HERE, media_name="x"), **{"subject_id": "9", **facts})


def test_an_image_that_changed_is_not_sent(context: UploadContext) -> None:
    assert event(store(context, created(), 0, address("x"))) == Proved(0)
    (context.folder / "images" / "1.txt").write_bytes(CONTENT.upper())
    outcome = event(store(context, created(), 0, address("x")))
    assert isinstance(outcome, Rejected)
    assert SUM in outcome.reason


@pytest.mark.parametrize("now", ["changed", "gone", "a folder"])
def test_what_was_measured_is_sent_and_read_again_for_the_next_try(
    context: UploadContext, blobs: Blobs, now: str
) -> None:
    told = event(measure(context, entry(State.PLANNED, Image("images/1.txt", "text/plain"))))
    path = context.folder / "images" / "1.txt"
    path.unlink()
    if now != "gone":
        path.mkdir() if now == "a folder" else path.write_bytes(CONTENT.upper())
    blobs.refusal = Doubtful("the answer is lost")
    assert store(context, created(), 0, address("x")).trouble is blobs.refusal
    assert [words[1:] for words in blobs.asked] == [(CONTENT, "text/plain", MD5)]
    assert told == Measured((HERE,))
    assert isinstance(event(store(context, created(), 0, address("x"))), Rejected)
    assert len(blobs.asked) == 1


def test_only_so_many_bytes_of_measured_images_are_kept() -> None:
    contents = MeasuredContents(10)
    images = [replace(HERE, path=f"images/{n}.txt") for n in range(5)]
    for image, size in zip(images, (4, 4, 4, 11, 10), strict=True):
        contents.keep(image, bytes(size))
        contents.keep(image, bytes(size))
        kept = [len(contents.take(one) or b"") for one in images[:3]] if image is images[2] else []
        assert kept in ([], [0, 4, 4])
    assert [contents.take(image) for image in images] == [None] * 4 + [bytes(10)]
    assert contents.take(images[4]) is None
    contents.keep(images[0], bytes(10))
    assert contents.take(replace(images[0], sha256="0" * 64)) is None


def test_rows_measured_together_are_told_apart(context: UploadContext, blobs: Blobs) -> None:
    blobs.held[ELSEWHERE.path] = ("text/html", 10, "d" * 32)
    rows = [
        entry(State.PLANNED, HERE),
        entry(State.PLANNED, ELSEWHERE, row=2),
        entry(State.PLANNED, HERE, row=4),
    ]
    outcome = measure_each(context, rows)
    assert [type(event(outcome, row)) for row in (1, 2, 4)] == [Measured, Rejected, Measured]
    blobs.trouble = Busy("not now", 7.0)
    outcome = measure_each(context, rows)
    assert [type(event(outcome, row)) for row in (1, 2, 4)] == [Measured, type(None), type(None)]
    assert isinstance(outcome.trouble, Doubtful)


@pytest.mark.parametrize("status", [400, 409, 412])
@pytest.mark.parametrize(
    ("served", "kind"),
    [
        (("text/plain", len(CONTENT), MD5), Proved),
        (("text/plain", len(CONTENT), "0" * 32), Differs),
        (("text/plain", len(CONTENT) + 1, MD5), Differs),
        (None, type(None)),
    ],
)
def test_what_is_there_already_decides(
    context: UploadContext, server: Server, blobs: Blobs, status: int, served: Any, kind: type[object]
) -> None:
    blobs.refusal, server.there = Refused("there is something", status), [subject()]
    if served:
        blobs.held["https://store.example/x"] = served
    outcome = store(context, created(), 0, address("x"))
    assert isinstance(event(outcome), kind)
    assert (outcome.trouble is None) is (served is not None)


@pytest.mark.parametrize(
    ("names", "kind"), [(("x",), type(None)), (("y",), Rejected), (("x", "y"), Rejected)]
)
def test_addresses_of_other_images_are_not_used(
    context: UploadContext, server: Server, names: tuple[str, ...], kind: type[object]
) -> None:
    server.renewed = tuple(map(address, names))
    outcome = renew(context, created())
    assert isinstance(event(outcome), kind)
    assert bool(outcome.addresses) is (kind is type(None))


@pytest.mark.parametrize("there", [True, False])
def test_a_subject_is_gone_only_when_it_is_asked_for_again(
    context: UploadContext, server: Server, there: bool
) -> None:
    server.renewed, server.there = Refused("not found", 404), [subject()] * there
    outcome = renew(context, created())
    assert isinstance(event(outcome), type(None) if there else Rejected)
    assert isinstance(outcome.trouble, Refused) is there


@pytest.mark.parametrize("kind", ["text/html", "", "application/json"])
def test_an_address_that_is_no_image_is_rejected(context: UploadContext, blobs: Blobs, kind: str) -> None:
    blobs.held[ELSEWHERE.path] = (kind, 10, "d" * 32)
    assert isinstance(event(measure(context, entry(State.PLANNED, ELSEWHERE))), Rejected)
    blobs.held[ELSEWHERE.path] = ("image/png", 10, "d" * 32)
    measured = event(measure(context, entry(State.PLANNED, ELSEWHERE)))
    assert not isinstance(measured, Rejected)
