"""Small rules that an upload rests on, each broken by one line."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zoocut.errors import LedgerError
from zoocut.ledger import Entry, Image, Ledger, PlannedRow, State, Target
from zoocut.ledger.schema import connect
from zoocut.uploading.limiter import ConcurrencyLimit
from zoocut.uploading.pictures import RunPictures
from zoocut.uploading.preflight import left_at_most
from zoocut.uploading.report import Tally
from zoocut.zooniverse.api import Api, RetryingApi
from zoocut.zooniverse.clock import Clock
from zoocut.zooniverse.panoptes import Panoptes
from zoocut.zooniverse.records import Account, Project
from zoocut.zooniverse.request_errors import Busy, Doubtful, Refused, Unreachable
from zoocut.zooniverse.session import Answer

TARGET = Target(1, "https://x.example", "1", "a/b", "5", "Night")


def test_an_intent_survives_a_power_cut(tmp_path: Path) -> None:
    connection = connect(tmp_path / "ledger.sqlite3")
    told = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    connection.close()
    assert told == [2, "wal"]  # 2 is FULL


@pytest.mark.parametrize("state", [State.INTENT, State.IN_DOUBT, State.CREATED, State.STORED, State.LINKED])
@pytest.mark.parametrize("kept", [[], [PlannedRow("170", {"band": "r"}, (Image("1.png", "image/png"),))]])
def test_a_row_that_may_have_a_subject_is_never_planned_anew(
    tmp_path: Path, state: State, kept: list[PlannedRow]
) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite3", "0123456789ab") as ledger:
        target = ledger.add_target("https://x.example", "1", "a/b", "5", "Night")
        ledger.plan(target, [PlannedRow("170", {"band": "g"}, (Image("1.png", "image/png"),))], "x")
        (planned,) = ledger.entries(target, State.PLANNED)
        subject_id = "9" if state.has_subject else None
        ledger.save([replace(planned, state=state, subject_id=subject_id)])
        with pytest.raises(LedgerError, match="170"):
            ledger.plan(target, kept, "y")
        assert ledger.counts(target)[state] == 1


@pytest.mark.parametrize(
    "name", ["../run-private/x.png", "../runs/x.png", "../x.png", "images/../../run-private/x.png", "..", "."]
)
def test_what_lies_beside_the_run_is_not_in_it(tmp_path: Path, name: str) -> None:
    for folder in ("run/images", "run-private", "runs"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.png").write_bytes(b"x")
    (tmp_path / "x.png").write_bytes(b"x")
    _, problem = RunPictures(tmp_path / "run").look(name)
    assert problem is not None
    assert "leads out of the run folder" in problem or "is not a file" in problem


def test_a_link_to_a_folder_beside_the_run_leads_out(tmp_path: Path) -> None:
    (tmp_path / "run-private").mkdir()
    (tmp_path / "run-private" / "x.png").write_bytes(b"x")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "images").symlink_to(tmp_path / "run-private")
    (tmp_path / "run" / "x.png").symlink_to(tmp_path / "run-private" / "x.png")
    for name in ("images/x.png", "x.png"):
        assert "leads out of the run folder" in str(RunPictures(tmp_path / "run").look(name)[1])


@pytest.mark.parametrize(
    ("limit", "told", "counted", "left"),
    [(10, 2, 7, 3), (10, 8, 3, 2), (10, 12, 3, 0), (10, 0, 0, 10), (None, 5, 5, None)],
)
def test_the_larger_of_the_servers_counts_is_taken(
    limit: int | None, told: int, counted: int, left: int | None
) -> None:
    class Server:
        def count_uploaded(self, account: Account) -> int:
            return counted

    server: Any = Server()
    assert left_at_most(server, Account("1", "owner", limit, False, told)) == left


def test_the_limit_waits_as_long_as_it_is_asked_to() -> None:
    limit = ConcurrencyLimit(32)
    limit.bad(100.0, 7.5)
    assert limit.paused_until == 107.5
    limit.bad(101.0, None)
    assert limit.paused_until == 107.5
    limit.bad(102.0, 1.0)
    assert limit.paused_until == 107.5
    limit.bad(107.0, 1.0)
    assert limit.paused_until == 108.0


def test_the_limit_grows_quickly_then_halves_then_grows_slowly() -> None:
    limit = ConcurrencyLimit(32)
    assert limit.limit == 8
    for _ in range(8):
        limit.good(0.1)
    assert limit.limit == 32
    limit.bad(10.0, None)
    limit.bad(10.5, None)
    assert limit.limit == 16
    limit.bad(11.0, None)
    limit.bad(12.0, None)
    assert limit.limit == 4
    for _ in range(4):
        limit.good(0.1)
    assert limit.limit == 4
    limit.good(0.1)
    assert limit.limit == 5
    for _ in range(50):
        limit.good(10.0)
    assert limit.limit == 5


@pytest.mark.parametrize("most", [1, 3, 5])
def test_the_limit_is_never_above_the_most_nor_below_one(most: int) -> None:
    limit = ConcurrencyLimit(most)
    for _ in range(20):
        limit.good(0.1)
    assert limit.limit == most
    for second in range(10):
        limit.bad(float(second), None)
    assert limit.limit == 1


def test_a_row_that_is_set_back_makes_no_progress_by_coming_back() -> None:
    image = Image("1.png", "image/png", 1, "a" * 64, "b" * 32, "x")
    created = Entry(1, 1, "170", {}, State.CREATED, (image,), subject_id="9")
    stored = replace(created, state=State.STORED, images=(replace(image, proved=True),))
    tally = Tally(TARGET, dict.fromkeys(State, 1))
    tally.moved([(created, stored)])
    began = time.monotonic()
    for _ in range(3):
        tally.moved([(stored, created)])
        while time.monotonic() - began < 0.02:
            pass
        tally.moved([(created, stored)])
    assert tally.idle_s() >= 0.02
    before_it = time.monotonic()
    tally.moved([(stored, replace(stored, state=State.LINKED))])
    idle_s = tally.idle_s()
    assert idle_s <= time.monotonic() - before_it


class Failing:
    """Stands for a session: fails so many times, then answers."""

    endpoint, clock = "http://127.0.0.1:9", Clock()

    def __init__(self, error: Exception, times: int = 1) -> None:
        self.error, self.left, self.calls = error, times, 0

    def request(self, *words: object, **more: object) -> Answer:
        self.calls += 1
        self.left -= 1
        if self.left >= 0:
            raise self.error
        return Answer({"subjects": []}, None)


PASSING = [Busy("busy"), Doubtful("lost"), Unreachable("nobody"), Refused("being changed", 409)]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_may_be_repeated_is(error: Exception) -> None:
    session: Any = Failing(error, 2)
    assert RetryingApi(session).repeatable("GET", "/subjects").document == {"subjects": []}
    assert session.calls == 3


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_may_not_be_repeated_never_is(error: Exception) -> None:
    session: Any = Failing(error)
    with pytest.raises(type(error)):
        RetryingApi(session).unrepeatable("POST", "/subject_sets", {})
    assert session.calls == 1
    session = Failing(error)
    with pytest.raises(type(error)):
        Api(session).repeatable("GET", "/subjects")
    assert session.calls == 1


@pytest.mark.parametrize("status", [400, 403, 404, 412, 422])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    session: Any = Failing(Refused("no", status))
    with pytest.raises(Refused):
        RetryingApi(session).repeatable("GET", "/subjects/1")
    assert session.calls == 1


def test_a_retrying_panoptes_repeats_no_create() -> None:
    session: Any = Failing(Doubtful("lost"), 9)
    panoptes = Api(session).retrying()
    assert isinstance(panoptes, RetryingApi)
    for ask in (
        lambda server: server.create_subject("1", "170", {}, ["image/png"]),
        lambda server: server.create_subject_set(Project("1", "a/b"), "Night", {}),
    ):
        session.calls = 0
        with pytest.raises(Doubtful):
            ask(Panoptes(Api(session)).retrying())
        assert session.calls == 1


def test_a_ledger_with_a_damaged_page_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with Ledger.open(path, "0123456789ab") as ledger:
        target = ledger.add_target("https://x.example", "1", "a/b", "5", "Night")
        rows = [PlannedRow(str(n), {"band": "g" * 50}, (Image(f"{n}.png", "image/png"),)) for n in range(800)]
        ledger.plan(target, rows, "x")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="is damaged"), Ledger.open(path, "0123456789ab"):
        pytest.fail("it was opened")


class Answering(Failing):
    """Stands for a session that answers with one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def request(self, *words: object, **more: object) -> Answer:
        return Answer(self.document, None)


@pytest.mark.parametrize(
    ("told", "limit", "banned"),
    [
        ({"subject_limit": 100}, 100, False),
        ({"subject_limit": 0}, 0, False),
        ({"subject_limit": 100, "upload_whitelist": True}, None, False),
        ({"subject_limit": None}, None, False),
        ({}, None, False),
        ({"subject_limit": 100, "banned": True}, 100, True),
    ],
)
def test_who_may_upload_how_much(told: dict[str, Any], limit: int | None, banned: bool) -> None:
    user = {"id": "7", "login": "owner", "uploaded_subjects_count": 3, **told}
    session: Any = Answering({"users": [user]})
    account = Panoptes(Api(session)).account()
    assert (account.user_id, account.limit, account.banned, account.uploaded) == ("7", limit, banned, 3)


@pytest.mark.parametrize(("answered", "right"), [("5", True), ("6", False), ("55", False)])
def test_an_answer_about_another_set_links_nothing(answered: str, right: bool) -> None:
    session: Any = Answering({"subject_sets": [{"id": answered}]})
    if right:
        Panoptes(Api(session)).link("5", ["9"])
    else:
        with pytest.raises(Doubtful, match="another set than 5"):
            Panoptes(Api(session)).link("5", ["9"])
