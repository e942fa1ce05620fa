"""What is on disk before a request leaves, how long is waited, and which refusals end an upload."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
from PIL import Image

from zoocut.errors import NotPermitted
from zoocut.ledger import Entry, Ledger, State
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import Running
from zoocut.uploading.goals import Goal
from zoocut.uploading.report import Snapshot
from zoocut.uploading.request import Timing, UploadRequest
from zoocut.uploading.uploading import upload
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.credentials import Credentials
from zoocut.zooniverse.request_errors import Busy, Doubtful, Refused

OWNER = Credentials("owner", "sandbox-password")


@dataclass
class Watched:
    """Stands for another object and tells somebody of calls before they are made."""

    inner: Any
    before: dict[str, Callable[..., None]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.inner, name)
        if name in ("retrying", "stopped_by"):  # the same server again: it is watched as well
            return lambda *words: Watched(value(*words), self.before)
        if name not in self.before:
            return value

        def call(*words: Any, **more: Any) -> Any:
            self.before[name](*words, **more)
            return value(*words, **more)

        return call


def make_run(path: Path, rows: int, images: int = 1) -> Run:
    run = Run.create(path)
    run.images.mkdir()
    names = []
    for number in range(images):
        Image.new("L", (8, 8), number).save(run.images / f"{number}.png")
        names.append(f"images/{number}.png")
    write_manifest(run.manifest, [ManifestRow(str(n), tuple(names)) for n in range(rows)], [], images)
    return run


def carry_out(
    run: Run,
    endpoint: str,
    set_name: str,
    panoptes: Any,
    store: Any,
    timing: Timing | None = None,
    report: Callable[[Snapshot], None] = lambda snapshot: None,
) -> dict[State, int]:
    request = UploadRequest(
        Goal(endpoint, "owner/rehearsal", set_name), timing or Timing(1, 20, 8), print, print
    )
    with Ledger.open(run.ledger, run.run_id) as ledger:
        upload(run, request, ledger, panoptes, store, report, Event())
        return ledger.counts(ledger.targets()[0])


def on_disk(run: Run, name: str) -> Entry:
    with Ledger.read(run.ledger) as ledger:
        (entry,) = [one for one in ledger.every(ledger.targets()[0]) if one.external_id == name]
        return entry


def by_subject(run: Run, subject_id: str) -> Entry:
    with Ledger.read(run.ledger) as ledger:
        (entry,) = [one for one in ledger.every(ledger.targets()[0]) if one.subject_id == subject_id]
        return entry


def test_every_step_is_on_disk_before_the_next_leaves(sandbox: Running, tmp_path: Path) -> None:
    run, wrong = make_run(tmp_path, 12, images=2), []
    panoptes, store = connect(sandbox.endpoint, OWNER)

    def creating(project_id: str, external_id: str, *rest: object) -> None:
        entry = on_disk(run, external_id)
        if (entry.state, entry.attempt, entry.sent_as is None) != (State.INTENT, 1, False):
            wrong.append(("create", entry))

    def putting(address: Any, content: bytes, mime: str, md5: str) -> None:
        with Ledger.read(run.ledger) as ledger:
            known = {
                image.media_name
                for entry in ledger.every(ledger.targets()[0])
                if entry.state is State.CREATED
                for image in entry.images
            }
        if address.name not in known:
            wrong.append(("put", address.name))

    def linking(set_id: str, subject_ids: list[str]) -> None:
        for subject_id in subject_ids:
            entry = by_subject(run, subject_id)
            if entry.state is not State.STORED or not all(image.proved for image in entry.images):
                wrong.append(("link", entry))

    counts = carry_out(
        run,
        sandbox.endpoint,
        "order",
        Watched(panoptes, {"create_subject": creating, "link": linking}),
        Watched(store, {"put": putting}),
    )
    assert wrong == []
    assert counts[State.LINKED] == 12


def test_when_the_server_asks_to_be_left_alone_every_row_waits(sandbox: Running, tmp_path: Path) -> None:
    """Eight leave at once and the third is refused; the others are held until the upload has taken note of that."""
    run, lock, noted, asked_s = make_run(tmp_path, 12), Lock(), Event(), 1.0
    panoptes, store = connect(sandbox.endpoint, OWNER)
    began, refused = list[float](), list[float]()

    def creating(*words: object) -> None:
        with lock:
            began.append(time.monotonic())
            if len(began) == 3:
                refused.append(time.monotonic())
                raise Busy("too many", asked_s)
        noted.wait(120)

    def report(snapshot: Snapshot) -> None:
        if "too many" in (snapshot.waiting or ""):
            noted.set()

    watched = Watched(panoptes, {"create_subject": creating})
    counts = carry_out(run, sandbox.endpoint, "left alone", watched, store, report=report)
    assert (counts[State.LINKED], len(began)) == (12, 13)
    assert sorted(began)[8] - refused[0] >= asked_s


def test_what_a_server_makes_after_the_wait_is_taken_until_it_is_asked_again(
    sandbox: Running, tmp_path: Path
) -> None:
    """The first create of a row has its effect only when the second one was refused."""
    run, sent = make_run(tmp_path, 3), list[tuple[Any, ...]]()
    panoptes, store = connect(sandbox.endpoint, OWNER)

    def creating(*words: Any) -> None:
        sent.extend([words] if words[1] == "1" else [])
        if words[1] == "1" and len(sent) == 1:
            raise Doubtful("the answer was lost")
        if words[1] == "1" and len(sent) == 2:
            panoptes.create_subject(*words)
            raise Refused("the set was being changed", 409)

    watched = Watched(panoptes, {"create_subject": creating})
    counts = carry_out(run, sandbox.endpoint, "late", watched, store, Timing(0.2, 60, 8))
    project, user = panoptes.project("owner/rehearsal"), panoptes.account().user_id
    keys = list(panoptes.newest_subjects(project.project_id, user, 0, lambda one: one.key))
    assert (counts[State.LINKED], len(sent), keys.count(sent[0][2]["#zoocut"])) == (3, 2, 1)


@pytest.mark.parametrize(("refuse", "rejected"), [("0123456789"[:9], 9), ("13579", 20)])
def test_rows_at_fault_do_not_end_an_upload(
    sandbox: Running, tmp_path: Path, refuse: str, rejected: int
) -> None:
    """Nine refusals are followed by a success again and again: it is the rows that are at fault."""
    run = make_run(tmp_path, 40 if rejected == 20 else 10)
    panoptes, store = connect(sandbox.endpoint, OWNER)

    def creating(project_id: str, external_id: str, *rest: object) -> None:
        if external_id[-1] in refuse:
            raise Refused("metadata needs a licence", 422)

    watched = Watched(panoptes, {"create_subject": creating})
    counts = carry_out(run, sandbox.endpoint, f"at fault {refuse}", watched, store)
    assert (counts[State.REJECTED], counts[State.LINKED]) == (rejected, sum(counts.values()) - rejected)


def test_the_tenth_refusal_without_a_success_ends_it(sandbox: Running, tmp_path: Path) -> None:
    run, calls, lock = make_run(tmp_path, 60), [0], Lock()
    panoptes, store = connect(sandbox.endpoint, OWNER)

    def creating(*words: object) -> None:
        with lock:
            calls[0] += 1
            if calls[0] > 20:
                raise Refused("metadata needs a licence", 422)

    watched = Watched(panoptes, {"create_subject": creating})
    with pytest.raises(NotPermitted, match="10 rows were refused one after the other"):
        carry_out(run, sandbox.endpoint, "tenth", watched, store)
    with Ledger.read(run.ledger) as ledger:
        counts = ledger.counts(ledger.targets()[0])
    assert (
        10 <= counts[State.REJECTED] <= 10 + 2 * 8
    )  # eight may be on their way, and eight come back with the tenth
    assert counts[State.PLANNED] > 0


def test_more_rows_than_a_page_are_linked_in_batches_that_a_page_holds(
    sandbox: Running, tmp_path: Path
) -> None:
    run, batches = make_run(tmp_path, 205), set[tuple[str, ...]]()
    panoptes, store = connect(sandbox.endpoint, OWNER)
    watched = Watched(panoptes, {"link": lambda set_id, ids: batches.add(tuple(ids))})
    assert carry_out(run, sandbox.endpoint, "pages", watched, store)[State.LINKED] == 205
    assert max(map(len, batches)) <= 100
    # a batch that meets the lease's confirmation is answered with 409 and sent again as it was: it counts but once
    assert sum(map(len, batches)) == 205
