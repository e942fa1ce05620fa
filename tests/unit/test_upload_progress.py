"""What an upload tells while it runs: work done, what is waited for, and until when."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

import pytest

from zoocut.api.progress import upload_lines, upload_words
from zoocut.ledger import Entry, Image, State, Target
from zoocut.uploading.report import Tally
from zoocut.uploading.waiting import Waiting, waiting_words

TARGET = Target(1, "http://127.0.0.1:9", "1", "owner/rehearsal", "1", "Night 1")
ENTRY = Entry(1, 1, "1", {}, State.IN_DOUBT, (Image("images/1.png", "image/png"),), attempt=1, sent_at=1000.0)


def counts(**given: int) -> dict[State, int]:
    return {state: given.get(state.value, 0) for state in State}


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ({"planned": 4}, 0),
        ({"intent": 2, "in_doubt": 2}, 0),
        ({"created": 4}, 4),
        ({"stored": 4}, 8),
        ({"linked": 1, "rejected": 1, "skipped": 1, "planned": 1}, 9),
        ({"linked": 4}, 12),
    ],
)
def test_a_bar_counts_work_done(given: dict[str, int], steps: int) -> None:
    snapshot = Tally(TARGET, counts(**given)).snapshot(0, None)
    assert (snapshot.steps_done, snapshot.steps) == (steps, 12)


def test_time_left_counts_steps_before_anything_is_linked() -> None:
    tally = Tally(TARGET, counts(planned=2))
    assert tally.snapshot(0, None).left_s is None
    planned = replace(ENTRY, state=State.PLANNED)
    tally.moved([(planned, replace(planned, state=State.CREATED, subject_id="7"))])
    snapshot = tally.snapshot(0, None)
    assert snapshot.left_s == pytest.approx(5 / snapshot.steps_a_second)
    assert (snapshot.steps_done, snapshot.rate) == (1, 0.0)


def shown(in_s: float, form: str, since: float) -> set[str]:
    """Give the moments that may be told where it is told some time between `since` and now."""
    return {
        f"{datetime.fromtimestamp(at + in_s):{form}}" for at in range(int(since) - 1, int(time.time()) + 2)
    }


@pytest.mark.parametrize(("count", "words"), [(1, "1 answer was lost"), (20, "20 answers were lost")])
def test_doubts_tell_until_when(count: int, words: str) -> None:
    waiting = Waiting(None, None, [ENTRY] * count, 180.0, now=1010.0)
    since = time.time()
    assert waiting_words(waiting) in {
        f"{words}: waiting until {at} to be sure" for at in shown(230, "%H:%M", since)
    }
    assert waiting_words(replace(waiting, now=1200.0)) == f"{words}: their subjects are looked for"


def test_the_last_doubt_counts() -> None:
    entries = [ENTRY, replace(ENTRY, sent_at=1300.0), replace(ENTRY, attempt=2)]
    waiting = Waiting(None, None, entries, 180.0, now=1400.0)
    since = time.time()
    assert waiting_words(waiting) in {
        f"3 answers were lost: waiting until {at} to be sure" for at in shown(140, "%H:%M", since)
    }


def test_trouble_tells_when_it_is_tried_again() -> None:
    waiting = Waiting("the server answered 503", 12.0, [], 180.0, now=0.0)
    since = time.time()
    assert waiting_words(waiting) in {
        f"the server answered 503: tried again at {at}" for at in shown(13, "%X", since)
    }
    assert waiting_words(replace(waiting, again_in_s=None)) == "the server answered 503: being tried again"
    assert waiting_words(replace(waiting, trouble=None)) is None


def test_the_reason_has_a_line_of_its_own() -> None:
    snapshot = Tally(TARGET, counts(planned=1, linked=2)).snapshot(
        0, "no answer: tried again at 11:57:03\x1b[2J"
    )
    line, reason = upload_lines(snapshot)
    assert line == "1 planned, 2 linked; 0.0/s, 0 bytes"
    assert reason.startswith("no answer: tried again at 11:57:03")
    assert "\x1b" not in reason
    assert upload_words(snapshot).endswith(f"({reason})")
