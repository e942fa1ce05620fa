"""What the state machine says next, and where events lead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zoocut.ledger import Entry, Image, State
from zoocut.uploading import machine
from zoocut.uploading.looks import Looks
from zoocut.uploading.machine import Facts, after, next_step

HERE = Image("images/1.png", "image/png", 10, "a" * 64, "b" * 32)
ELSEWHERE = Image("https://example.org/1.png", "image/png", 10, "c" * 64, "d" * 32)
NEVER = float("-inf")


def entry(state: State, *images: Image, **facts: object) -> Entry:
    row = Entry(1, 1, "170", {}, state, images or (HERE,), sent_at=100.0)
    return replace(row, **facts)  # type: ignore[arg-type]


def facts(now: float = 1000.0, looked_at: float = NEVER, until: float = NEVER) -> Facts:
    return Facts(now, 60.0, looked_at, until)


def test_images_are_measured_before_a_create() -> None:
    unmeasured = replace(HERE, sha256=None)
    assert next_step(entry(State.PLANNED, unmeasured), facts()) == machine.Measure()
    assert next_step(entry(State.PLANNED), facts()) == machine.Create()


@pytest.mark.parametrize("state", [State.INTENT, State.IN_DOUBT])
@pytest.mark.parametrize(
    ("now", "looked_at", "step"),
    [
        (101.0, NEVER, machine.Reconcile()),
        (120.0, 99.0, machine.Reconcile()),
        (120.0, 110.0, machine.Await(160.0)),
        (160.0, 110.0, machine.Reconcile()),
    ],
)
def test_a_doubt_is_looked_into_at_once_and_again_when_it_is_settled(
    state: State, now: float, looked_at: float, step: machine.Step
) -> None:
    assert next_step(entry(state), facts(now, looked_at)) == step


@pytest.mark.parametrize(("looked_at", "state"), [(159.9, State.IN_DOUBT), (160.0, State.PLANNED)])
def test_absence_counts_only_when_looked_at_late_enough(looked_at: float, state: State) -> None:
    assert after(entry(State.IN_DOUBT), machine.Absent(looked_at, 60.0)).state is state


def test_a_create_is_repeated_only_right_after_a_look_for_its_row() -> None:
    again, looks = entry(State.PLANNED, attempt=1), Looks()
    beside = replace(again, row=2)

    def steps() -> list[machine.Step]:
        return [
            next_step(e, Facts(1000.0, 60.0, absent_until=looks.absent_until(e))) for e in (again, beside)
        ]

    assert steps() == [machine.Reconcile(), machine.Reconcile()]
    looks.came_back(999.0, 1000.0, {1: machine.Absent(999.0, 60.0)})
    assert steps() == [machine.Create(), machine.Reconcile()]
    looks.create_leaves(again)
    assert steps()[0] == machine.Reconcile()
    looks.came_back(900.0, 950.0, {1: machine.Absent(900.0, 60.0), 2: machine.Created("9", ("x",))})
    assert steps() == [machine.Reconcile(), machine.Reconcile()]
    looks.came_back(900.0, 951.0, {1: machine.Absent(900.0, 60.0)})
    assert steps()[0] == machine.Create()
    looks.leaves()
    assert steps()[0] == machine.Reconcile()
    assert after(again, machine.Absent(0.0, 60.0)) is again


def test_no_create_of_a_row_lifts_the_watermark_above_what_an_earlier_one_may_come_to() -> None:
    again = after(entry(State.PLANNED, attempt=1, watermark=50), machine.Sent(500.0, "7", 90))
    assert (again.watermark, again.attempt) == (50, 2)
    let_go = after(entry(State.REJECTED, attempt=1, watermark=50, subject_id="60"), machine.Gone())
    assert (let_go.watermark, let_go.subject_id) == (60, None)


def test_signed_addresses_are_renewed_before_they_end() -> None:
    created = entry(State.CREATED, subject_id="9")
    assert next_step(created, facts()) == machine.Renew()
    assert next_step(created, facts(1000.0, until=1020.0)) == machine.Renew()
    assert next_step(created, facts(1000.0, until=1040.0)) == machine.Store(0)


def test_a_row_is_stored_when_all_its_images_are_proved() -> None:
    created = after(entry(State.INTENT, HERE, ELSEWHERE, HERE), machine.Created("9", ("x", "y", "z")))
    assert created.state is State.CREATED
    once = after(created, machine.Proved(0))
    assert next_step(once, facts(until=2000.0)) == machine.Store(2)
    twice = after(once, machine.Proved(2))
    assert twice.state is State.STORED
    assert next_step(twice, facts()) == machine.Link()


def test_images_that_stay_elsewhere_need_no_store() -> None:
    assert after(entry(State.INTENT, ELSEWHERE), machine.Created("9", ("y",))).state is State.STORED


def test_an_intent_counts_the_attempt_and_remembers_who_when_and_above_what() -> None:
    sent = after(entry(State.PLANNED), machine.Sent(500.0, "7", 90))
    assert (sent.state, sent.attempt, sent.sent_at, sent.sent_as, sent.watermark) == (
        State.INTENT,
        1,
        500.0,
        "7",
        90,
    )


def test_an_image_that_the_store_lost_is_sent_again() -> None:
    stored = entry(State.STORED, replace(HERE, proved=True), replace(ELSEWHERE, proved=True), subject_id="9")
    lost = after(stored, machine.Unproved())
    assert lost.state is State.CREATED
    assert [image.proved for image in lost.images] == [False, True]


@pytest.mark.parametrize("state", [State.LINKED, State.REJECTED, State.SKIPPED])
def test_rows_at_rest_stay(state: State) -> None:
    assert next_step(entry(state), facts()) == machine.Rest()


@pytest.mark.parametrize(
    ("images", "state", "proved"),
    [
        ((HERE,), State.CREATED, [False]),
        ((ELSEWHERE,), State.STORED, [True]),
        ((HERE, ELSEWHERE), State.CREATED, [False, True]),
        ((ELSEWHERE, ELSEWHERE), State.STORED, [True, True]),
    ],
)
@pytest.mark.parametrize("event", [machine.Restored(), machine.Unproved()])
def test_a_subject_that_is_there_again_is_proved_anew(
    images: tuple[Image, ...], state: State, proved: list[bool], event: machine.Event
) -> None:
    before = [replace(image, proved=True) for image in images]
    again = after(entry(State.REJECTED, *before, subject_id="9", reason="gone"), event)
    assert (again.state, [one.proved for one in again.images]) == (state, proved)
    assert (again.subject_id, again.reason) == ("9", None)


def test_a_row_whose_subject_is_gone_begins_anew() -> None:
    held = replace(HERE, media_name="x.png", proved=True)
    anew = after(entry(State.REJECTED, held, subject_id="9", reason="gone"), machine.Gone())
    assert (anew.state, anew.subject_id, anew.reason, anew.begun) == (State.PLANNED, None, None, False)
    assert anew.images == (replace(HERE, sha256=None),)


def test_rows_that_are_skipped_or_differ_say_why() -> None:
    skipped = after(entry(State.PLANNED), machine.Skipped("77"))
    assert (skipped.state, skipped.reason) == (State.SKIPPED, "the set already holds it as subject 77")
    differs = after(entry(State.CREATED, subject_id="9"), machine.Differs("another image"))
    assert (differs.state, differs.reason) == (State.REJECTED, "another image")


@pytest.mark.parametrize(
    ("state", "at_rest", "in_set", "has_subject", "unsettled"),
    [
        (State.PLANNED, False, False, False, False),
        (State.INTENT, False, False, False, True),
        (State.CREATED, False, False, True, False),
        (State.STORED, False, False, True, False),
        (State.LINKED, True, True, True, False),
        (State.IN_DOUBT, False, False, False, True),
        (State.REJECTED, True, False, False, False),
        (State.SKIPPED, True, True, False, False),
    ],
)
def test_what_a_state_means(
    state: State, at_rest: bool, in_set: bool, has_subject: bool, unsettled: bool
) -> None:
    assert (state.at_rest, state.in_set, state.has_subject, state.unsettled) == (
        at_rest,
        in_set,
        has_subject,
        unsettled,
    )
    assert entry(state).begun is unsettled
    assert entry(state, subject_id="9").begun is True
