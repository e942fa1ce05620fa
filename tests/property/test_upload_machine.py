"""The state machine against a model server whose effects get lost, come late or happen twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from zoocut.ledger import Entry, Image, State
from zoocut.uploading import machine
from zoocut.uploading.looks import Looks
from zoocut.uploading.machine import Facts, after, next_step

SETTLE_S = 60.0
ADDRESS_S = 300.0
ROWS = 3
NEVER = float("-inf")
FATES = st.sampled_from(["done", "answer lost", "request lost", "refused for now", "late", "far too late"])
CERTAIN = ("request lost", "refused for now")


@dataclass
class Held:
    """A subject of the model server."""

    key: int
    images: set[int] = field(default_factory=set)


class Server:
    """Makes, stores and links; nothing it does is unique or guarded, as at the real one."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.subjects: dict[int, Held] = {}
        self.members: list[int] = []
        self.stored_when_linked: list[bool] = []
        self.later: list[tuple[float, Callable[[], object]]] = []

    def create(self, key: int) -> int:
        number = len(self.subjects) + 1
        self.subjects[number] = Held(key)
        return number

    def link(self, number: int, images: int) -> None:
        if number not in self.members:
            self.members.append(number)
            self.stored_when_linked.append(len(self.subjects[number].images) == images)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for due, effect in [one for one in self.later if one[0] <= self.now]:
            effect()
            self.later.remove((due, effect))


class Upload(RuleBasedStateMachine):
    """Entries on disk, what the process knows beside them, and the server."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        here, elsewhere = Image("1.png", "image/png"), Image("https://example.org/1.png", "image/png")
        images = [(here, here), (elsewhere,), (elsewhere, here)]
        self.ledger = {n: Entry(1, n, str(n), {}, State.PLANNED, images[n]) for n in range(ROWS)}
        self.addresses: dict[int, float] = {}
        self.looks = Looks()
        self.shown: set[int] = set()
        self.excused = dict.fromkeys(range(ROWS), 0)

    def facts(self, row: int) -> Facts:
        until = self.addresses.get(row, NEVER)
        absent_until = self.looks.absent_until(self.ledger[row])
        return Facts(self.server.now, SETTLE_S, self.looks.newest_began, until, absent_until)

    def names(self, row: int) -> tuple[str, ...]:
        return tuple(f"{row}-{at}" for at, _ in enumerate(self.ledger[row].images))

    def happened(self, row: int, event: machine.Event) -> None:
        self.ledger[row] = after(self.ledger[row], event)

    @rule(row=st.integers(0, ROWS - 1), fate=FATES)
    def go_on(self, row: int, fate: str) -> None:
        self.proceed(row, fate)

    def proceed(self, row: int, fate: str) -> None:
        entry = self.ledger[row]
        match next_step(entry, self.facts(row)):
            case machine.Measure():
                self.happened(row, machine.Measured(tuple(replace(i, sha256="a" * 64) for i in entry.images)))
            case machine.Create():
                self.create(row, fate)
            case machine.Renew() if fate == "done":
                self.addresses[row] = self.server.now + ADDRESS_S
            case machine.Store(position):
                self.store(row, position, fate)
            case machine.Link():
                self.link(row, fate)
            case machine.Reconcile() if fate == "done":
                self.look(set(self.ledger))
                if isinstance(next_step(self.ledger[row], self.facts(row)), machine.Create):
                    self.create(row, fate)  # at once, as the loop does

    def create(self, row: int, fate: str) -> None:
        assert row not in self.shown, "a list has shown its subject already"
        self.looks.create_leaves(self.ledger[row])
        self.happened(row, machine.Sent(self.server.now, "7", len(self.server.subjects)))
        if fate in CERTAIN:
            self.happened(row, machine.NotCreated())
        elif fate == "done":
            number = self.server.create(row)
            self.addresses[row] = self.server.now + ADDRESS_S
            self.happened(row, machine.Created(str(number), self.names(row)))
        else:
            self.excused[row] += fate == "far too late"
            self.take_effect(fate, lambda: self.server.create(row))
            self.happened(row, machine.LostSight(fate))

    def store(self, row: int, position: int, fate: str) -> None:
        number = int(self.ledger[row].subject_id or 0)
        if fate in CERTAIN:
            return
        self.take_effect(fate, lambda: self.server.subjects[number].images.add(position))
        if fate == "done":
            self.happened(row, machine.Proved(position))

    def link(self, row: int, fate: str) -> None:
        entry = self.ledger[row]
        number = int(entry.subject_id or 0)
        if fate in CERTAIN:
            return
        self.take_effect(fate, lambda: self.server.link(number, sum(image.hosted for image in entry.images)))
        if fate == "done" and number in self.server.members:
            self.happened(row, machine.Linked())

    def take_effect(self, fate: str, effect: Callable[[], object]) -> None:
        if fate in ("late", "far too late"):
            delay = SETTLE_S / 2 if fate == "late" else 3 * SETTLE_S
            self.server.later.append((self.server.now + delay, effect))
        else:
            effect()

    def look(self, asking: set[int]) -> None:
        """Look for the rows that wait for it and are at hand; the list shows all others as well."""
        began, verdicts = self.server.now, dict[int, machine.Event]()
        self.looks.leaves()
        self.shown |= {held.key for held in self.server.subjects.values()}
        for row, entry in self.ledger.items():
            repeated = entry.state is State.PLANNED and entry.asked_before
            if row in asking and (repeated or entry.state is State.IN_DOUBT):
                known = [
                    n for n, one in self.server.subjects.items() if one.key == row and n > entry.watermark
                ]
                found = machine.Created(str(min(known)), self.names(row)) if known else None
                verdicts[row] = found or machine.Absent(began, SETTLE_S)
                self.happened(row, verdicts[row])
        self.looks.came_back(began, self.server.now, verdicts)

    @rule(asking=st.sets(st.integers(0, ROWS - 1)))
    def look_for_others(self, asking: set[int]) -> None:
        self.look(asking)

    @rule(row=st.integers(0, ROWS - 1))
    def lose_images(self, row: int) -> None:
        """Find before linking that the store does not serve what it confirmed."""
        if self.ledger[row].state is State.STORED:
            self.happened(row, machine.Unproved())

    @rule(row=st.integers(0, ROWS - 1))
    def reject_and_retry(self, row: int) -> None:
        """Take a subject for gone, then see it again when rejected rows get another chance."""
        if self.ledger[row].state in (State.CREATED, State.STORED):
            self.happened(row, machine.Rejected("taken for gone"))
            self.happened(row, machine.Restored())

    @rule(seconds=st.floats(0.1, 200.0))
    def wait(self, seconds: float) -> None:
        self.server.pass_time(seconds)

    @precondition(
        lambda self: any(e.state is State.PLANNED and e.images[0].sha256 for e in self.ledger.values())
    )
    @rule(row=st.integers(0, ROWS - 1), arrived=st.booleans())
    def kill(self, row: int, arrived: bool) -> None:
        """Kill the process, perhaps between an intent and its answer; only the ledger is left."""
        entry = self.ledger[row]
        if isinstance(next_step(entry, self.facts(row)), machine.Create):
            self.happened(row, machine.Sent(self.server.now, "7", len(self.server.subjects)))
            if arrived:
                self.server.create(row)
        self.addresses.clear()
        self.looks = Looks()
        for number, left in self.ledger.items():
            if left.state is State.INTENT:
                self.happened(number, machine.LostSight("killed"))

    @invariant()
    def no_row_is_twice_in_the_set(self) -> None:
        keys = [self.server.subjects[number].key for number in self.server.members]
        assert len(keys) == len(set(keys))

    @invariant()
    def a_second_subject_is_made_only_when_the_first_came_far_too_late(self) -> None:
        made = [held.key for held in self.server.subjects.values()]
        assert all(made.count(row) <= 1 + self.excused[row] for row in self.ledger)

    @invariant()
    def nothing_was_linked_before_its_images(self) -> None:
        assert all(self.server.stored_when_linked)

    @invariant()
    def the_ledger_claims_only_what_is_so(self) -> None:
        for row, entry in self.ledger.items():
            if entry.state is State.LINKED:
                number = int(entry.subject_id or 0)
                assert number in self.server.members
                assert self.server.subjects[number].key == row

    def teardown(self) -> None:
        for _ in range(40):
            for row in self.ledger:
                self.proceed(row, "done")
            self.server.pass_time(SETTLE_S / 4)
        assert [entry.state for entry in self.ledger.values()] == [State.LINKED] * ROWS
        self.no_row_is_twice_in_the_set()
        self.nothing_was_linked_before_its_images()
        assert len(self.server.members) == ROWS


TestUpload = Upload.TestCase
TestUpload.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
