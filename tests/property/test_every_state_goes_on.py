"""Whatever happened to a row, with images of its own or elsewhere, there is a step for it that the loop sends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoocut.ledger import Entry, Image, Ledger, State, Target
from zoocut.uploading import machine
from zoocut.uploading.machine import Event, Facts, after, next_step
from zoocut.uploading.work_queue import MEASURED_AT_ONCE, QUICK_BYTES, WorkQueue

IMAGES = st.sampled_from([Image("1.png", "image/png"), Image("https://example.org/1.png", "")])
TIMES = st.floats(0, 500)
NEVER = float("-inf")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[tuple[Ledger, Target]]:
    with Ledger.open(tmp_path / "ledger.sqlite3", "0123456789ab") as opened:
        yield opened, opened.add_target("https://x.example", "1", "a/b", "5", "Night")


def measured(entry: Entry) -> Event:
    return machine.Measured(tuple(replace(image, sha256="a" * 64) for image in entry.images))


def events(entry: Entry, now: float) -> list[Event]:
    """List what can happen to an entry in its state."""
    created = machine.Created("9", tuple("x" for _ in entry.images))
    rejected = machine.Rejected("refused")
    match entry.state:
        case State.PLANNED:
            ready = all(image.sha256 for image in entry.images)
            begin: Event = machine.Sent(now, "7", 0) if ready else measured(entry)
            found = [created, machine.Absent(now, 60.0)] if ready and entry.asked_before else []
            return [begin, *found, rejected, machine.Skipped("8"), machine.Differs("another image")]
        case State.INTENT:
            return [created, machine.NotCreated(), machine.LostSight("lost"), rejected]
        case State.IN_DOUBT:
            return [created, machine.Absent(now, 60.0), rejected]
        case State.CREATED:
            proved = [machine.Proved(at) for at in entry.images_to_store]
            return [*proved, rejected, machine.Differs("another image")]
        case State.STORED:
            return [machine.Linked(), machine.Unproved(), rejected]
        case State.REJECTED:
            return [machine.Restored(), machine.Gone()] if entry.subject_id else []
        case State.LINKED | State.SKIPPED:
            return []


@given(
    images=st.lists(IMAGES, min_size=1, max_size=3),
    picks=st.lists(st.tuples(st.integers(0, 99), TIMES), max_size=40),
    facts=st.builds(Facts, TIMES, st.just(60.0), *[st.one_of(st.just(NEVER), TIMES) for _ in range(3)]),
)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_entry_that_can_come_about_has_a_step_that_is_sent(
    ledger: tuple[Ledger, Target], images: list[Image], picks: list[tuple[int, float]], facts: Facts
) -> None:
    entry = Entry(1, 1, "170", {}, State.PLANNED, tuple(images))
    for pick, now in picks:
        goes_on(entry, facts, WorkQueue(*ledger))
        possible = events(entry, now)
        if not possible:
            assert entry.state.at_rest
            break
        entry = after(entry, possible[pick % len(possible)])
    goes_on(entry, facts, WorkQueue(*ledger))


@given(
    sizes=st.lists(st.one_of(st.none(), st.integers(0, 3 * QUICK_BYTES), st.just("elsewhere")), max_size=30),
    done=st.sets(st.integers(0, 29)),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_measured_together_are_few_small_and_here(
    ledger: tuple[Ledger, Target], sizes: list[int | str | None], done: set[int]
) -> None:
    queue = WorkQueue(*ledger)
    for row, size in enumerate(sizes):
        image = (
            Image("https://example.org/1.png", "", 5)
            if isinstance(size, str)
            else Image("1.png", "image/png", size, sha256="a" * 64 if row in done else None)
        )
        queue.put(Entry(1, row, "170", {}, State.PLANNED, (image,)))
    everything = list(queue.ready)
    seen: list[Entry] = []
    while queue.ready:
        some = [queue.ready.popleft()]
        some += queue.measured_with(some[0])
        seen += some
        assert len(some) <= MEASURED_AT_ONCE
        if len(some) > 1:
            assert all(entry.images[0].hosted and not entry.images[0].sha256 for entry in some)
            assert all((entry.images[0].size or 0) <= QUICK_BYTES for entry in some)
    assert seen == everything


def goes_on(entry: Entry, facts: Facts, queue: WorkQueue) -> None:
    """See that an entry waits where what is next for it is sent."""
    if entry.state is State.INTENT:  # its request is out, or it is doubted when the next process begins
        entry = after(entry, machine.LostSight("stopped"))
    queue.put(entry)
    step = next_step(entry, facts)
    if entry in queue.ready:
        assert isinstance(step, get_args(machine.RowStep))
        assert not isinstance(step, machine.Store) or step.position in entry.images_to_store
    elif entry.row in queue.linkable:
        assert step == machine.Link()
        assert entry.subject_id
        assert all(image.proved or not image.hosted for image in entry.images)
    elif entry.row in queue.doubtful:
        assert isinstance(step, machine.Reconcile | machine.Await)
    elif entry.row in queue.repeated:
        assert entry.asked_before
        assert step == (machine.Create() if facts.absent_until > facts.now else machine.Reconcile())
    else:
        assert entry.state.at_rest
        assert step == machine.Rest()
