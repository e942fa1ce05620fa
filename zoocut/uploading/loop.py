"""The loop that moves every row of a target on: worker threads send requests, this one alone decides and writes.

Each turn does five things in this order. It looks for subjects of rows in doubt, one look for all of them; it links a
batch of stored rows; it takes ready rows from the queue and does what `machine.next_step` says for each; it saves, in
one transaction, what came back in the turn before and the intents of all creates, and only then are the jobs sent: a
process that is killed in between knows that it does not know. Last it waits for what comes back, and turns that into
events and these, by `machine.after`, into entries.

Doubts and links come first because they free places: the queue begins nothing new while too many rows wait there.
A request that failed for now sends its row to sleep (`work_queue`) and lowers the limit of requests under way
(`limiter`); what a server asks for with Retry-After stops every further request. Which request was repeated, and when,
is decided here alone: the client sends each once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Event as Flag

from zoocut.error_kinds import ServerStalled
from zoocut.errors import QuotaReached, ZooniverseError
from zoocut.ledger import Entry, Ledger, State
from zoocut.logs import note_retry
from zoocut.uploading import machine
from zoocut.uploading.context import Outcome, UploadContext
from zoocut.uploading.failures import Failures
from zoocut.uploading.limiter import ConcurrencyLimit
from zoocut.uploading.looks import Looks
from zoocut.uploading.machine import (
    Event,
    Facts,
    LostSight,
    NotCreated,
    Rejected,
    Sent,
    after,
    next_step,
)
from zoocut.uploading.report import Snapshot, Tally
from zoocut.uploading.request import Timing
from zoocut.uploading.steps.create import create
from zoocut.uploading.steps.link import BATCH, link
from zoocut.uploading.steps.measure import measure_each
from zoocut.uploading.steps.reconcile import look
from zoocut.uploading.steps.store import renew, store
from zoocut.uploading.waiting import Waiting, waiting_words
from zoocut.uploading.work_queue import WorkQueue
from zoocut.uploading.workers import Finished, Job, Workers
from zoocut.zooniverse.panoptes import Address
from zoocut.zooniverse.request_errors import LocalTrouble, Refused

__all__ = ["UploadLoop"]

TURN_S = 0.2
"""Longest wait before the stop flag and sleepers are looked at again: Ctrl-C is answered at once, as people feel it."""

TELL_S = 0.1
"""Between two reports: each turn's would be hundreds a second."""

GATHER_S = 0.002
"""After something came back, for what else comes back: a turn for each answer costs 8 % more of a processor's time at
1,000 rows, and an answer takes a hundred milliseconds."""


class UploadLoop:
    """Moves the rows of one target until nothing is left to do.

    Parameters
    ----------
    context : UploadContext
        Where.
    ledger : Ledger
        The only memory.
    timing : Timing
        How long, how much.
    stop : threading.Event
        Set from outside to begin nothing more.
    report : callable
        Told a `Snapshot` each turn.
    """

    def __init__(
        self,
        context: UploadContext,
        ledger: Ledger,
        timing: Timing,
        stop: Flag,
        report: Callable[[Snapshot], None],
    ) -> None:
        self._context, self._ledger, self._timing = context, ledger, timing
        self._stop, self._report = stop, report
        self._limit = ConcurrencyLimit(timing.most_requests)
        self._workers = Workers[Entry](timing.most_requests + 2)
        self._tally = Tally(context.target, ledger.counts(context.target))
        self._queue = WorkQueue(ledger, context.target)
        self._failures = Failures(timing.first_backoff_s)
        self._unsaved: dict[int, Entry] = {}
        self._other_images: set[int] = set()
        self._told_at = float("-inf")
        self._leaving: list[Job[Entry]] = []
        self._addresses: dict[int, tuple[Address, ...]] = {}
        self._just_renewed: set[int] = set()
        self._ending: Exception | None = None
        self._quota: QuotaReached | None = None
        self._stands_in_the_way: str | None = None
        self._watermark = context.newest_id or 0
        self._members: int | None = None
        self._looks = Looks()
        self._quiet_until = {"look": float("-inf"), "link": float("-inf")}

    def finish(self) -> int:
        """Work as `run` does on what has a subject, and begin no further rows."""
        self._queue.only_finish()
        return self.run()

    def run(self) -> int:
        """Work until nothing is left, the stop flag is set, or nothing can go on.

        Returns
        -------
        int
            How many bytes the store confirmed.

        Raises
        ------
        QuotaReached
            When the account's limit was met; everything created before is stored and linked.
        ZooniverseError
            When the server refuses the account, or nothing moved for too long.
        LedgerError
            When the ledger cannot be written.
        """
        try:
            self._doubt_interrupted_intents()
            while not self._finished():
                self._give_up_when_nothing_moves()
                self._choose_next()
                self._save_and_send()
                if time.monotonic() - self._told_at >= TELL_S:
                    self._tell()
                self._take_in(self._workers.finished(TURN_S, GATHER_S))
            self._save_and_send()
            self._tell()
        finally:
            self._workers.shut_down()
        if self._ending or self._quota:
            raise self._ending or self._quota or AssertionError
        return self._tally.sent_bytes

    def _tell(self) -> None:
        """Report how it stands, as far as it is saved."""
        self._told_at = time.monotonic()
        self._report(self._tally.snapshot(len(self._workers), waiting_words(self._waiting())))

    def _finished(self) -> bool:
        if len(self._workers):
            return False
        return self._ending is not None or self._stop.is_set() or self._queue.exhausted

    def _waiting(self) -> Waiting:
        now = time.monotonic()
        moments = (self._queue.wakes_at, self._limit.paused_until, *self._quiet_until.values())
        again = None if len(self._workers) else min((at - now for at in moments if at > now), default=None)
        doubts, clock = self._queue.doubtful.values(), self._context.panoptes.now()
        return Waiting(self._stands_in_the_way, again, doubts, self._timing.settle_s, clock)

    def _give_up_when_nothing_moves(self) -> None:
        idle_s = self._tally.idle_s()
        if self._ending is None and idle_s > self._timing.give_up_after_s + self._timing.settle_s:
            self._ending = ServerStalled(
                f"nothing moved for {idle_s:.0f} s ({self._tally.trouble or 'no answer'}): the run is safe; run the "
                "same command again later"
            )

    def _doubt_interrupted_intents(self) -> None:
        stopped = "zoocut was stopped while it was sent"
        while intents := self._ledger.entries(self._context.target, State.INTENT):
            self._change(
                [(entry, after(entry, LostSight(stopped, self._sent_at(entry)))) for entry in intents]
            )
            self._save_and_send()
        last = -1
        while doubtful := self._ledger.entries(self._context.target, State.IN_DOUBT, last):
            last = doubtful[-1].row
            self._change([(e, after(e, LostSight(e.reason or stopped, self._sent_at(e)))) for e in doubtful])
            self._save_and_send()

    def _sent_at(self, entry: Entry) -> float:
        """Return when an earlier process sent a create, by this one's clock: no earlier than either clock says.

        A clock that was set, here or there, makes the row wait once more and never makes it wait for long.
        """
        now, date = self._context.panoptes.now(), self._context.panoptes.server_now()
        ago = [now - (entry.sent_at or 0.0), *([] if entry.sent_date is None else [date - entry.sent_date])]
        return now - max(0.0, min(ago))

    def _choose_next(self) -> None:
        now = time.monotonic()
        self._queue.wake(now)
        if self._context.lease is not None:
            self._ending = self._ending or self._context.lease.lost
        if self._ending is not None or self._stop.is_set() or now < self._limit.paused_until:
            return
        if not self._context.may_send:  # stopped for long: first it must know that the set is still its
            return
        self._look_for_doubtful(now)
        self._link_stored(now)
        self._begin_ready()

    def _begin_ready(self) -> None:
        self._queue.refill(2 * self._limit.limit)
        self._repeat_absent()
        while self._queue.ready and self._has_room:
            entry = self._queue.ready.popleft()
            step = next_step(entry, self._facts(entry))
            if isinstance(step, machine.Create) and self._doubts_come_first:
                self._queue.ready.appendleft(entry)
                break
            self._begin(entry, step)

    @property
    def _has_room(self) -> bool:
        return len(self._workers) + len(self._leaving) < self._limit.limit

    @property
    def _doubts_come_first(self) -> bool:
        return self._failures.many_doubts and bool(self._queue.doubtful)

    def _repeat_absent(self) -> None:
        """Ask again for the subjects that the newest look did not find, before anything else is begun."""
        for entry in list(self._queue.repeated.values()):
            if not self._has_room or self._doubts_come_first:
                return
            step = next_step(entry, self._facts(entry))
            if isinstance(step, machine.Create):
                del self._queue.repeated[entry.row]
                self._begin(entry, step)

    def _begin(self, entry: Entry, step: machine.Step) -> None:
        match step:
            case machine.Create():
                self._looks.create_leaves(entry)
                announced = after(entry, self._announcement())
                self._change([(entry, announced)])
                self._leave("create", [announced], partial(create, self._context, announced))
            case machine.Measure():
                some = [entry, *self._queue.measured_with(entry)]
                self._leave("measure", some, partial(measure_each, self._context, some))
            case machine.Renew():
                self._leave("renew", [entry], partial(renew, self._context, entry))
            case machine.Store(position):
                address = self._addresses[entry.row][position]
                self._just_renewed.discard(entry.row)
                self._leave("store", [entry], partial(store, self._context, entry, position, address))
            case _:
                raise AssertionError(
                    f"{entry.state} is ready for {step}, which is done for many rows at once"
                )

    def _announcement(self) -> Sent:
        panoptes = self._context.panoptes
        return Sent(panoptes.now(), self._context.user_id, self._watermark, panoptes.server_now())

    def _facts(self, entry: Entry) -> Facts:
        """Return what is true now; addresses that were just renewed are tried, however soon they end."""
        ends = [address.until for address in self._addresses.get(entry.row, ())]
        until = float("inf") if entry.row in self._just_renewed else min(ends, default=float("-inf"))
        return Facts(
            now=self._context.panoptes.now(),
            settle_s=self._timing.settle_s,
            looked_at=self._looks.newest_began,
            addresses_until=until,
            absent_until=self._looks.absent_until(entry),
        )

    def _look_for_doubtful(self, now: float) -> None:
        if now < self._quiet_until["look"] or self._workers.busy_with("look"):
            return
        doubtful, repeated = list(self._queue.doubtful.values()), list(self._queue.repeated.values())
        asking = doubtful if self._doubts_come_first else doubtful + repeated
        if any(isinstance(next_step(entry, self._facts(entry)), machine.Reconcile) for entry in asking):
            self._looks.leaves()
            both = doubtful + repeated
            self._leave("look", both, partial(look, self._context, both, self._timing.settle_s))

    def _link_stored(self, now: float) -> None:
        if now < self._quiet_until["link"] or self._workers.busy_with("link") or not self._queue.linkable:
            return
        more_to_come = bool(self._queue.ready) or self._workers.busy_with(
            "measure", "create", "renew", "store"
        )
        if len(self._queue.linkable) >= BATCH or not more_to_come:
            batch = list(self._queue.linkable.values())[:BATCH]
            self._leave("link", batch, partial(link, self._context, batch, self._members))

    def _leave(self, kind: str, entries: Sequence[Entry], work: Callable[[], Outcome]) -> None:
        """Have a job sent as soon as everything that is known is on disk."""
        self._leaving.append(Job(kind, tuple(entries), work))

    def _save_and_send(self) -> None:
        if self._unsaved:
            self._ledger.save(self._unsaved.values(), self._other_images)
            self._unsaved.clear()
            self._other_images.clear()
        for job in self._leaving:
            self._workers.send(job)
        self._leaving.clear()

    def _take_in(self, finished: Sequence[Finished[Entry]]) -> None:
        changes: list[tuple[Entry, Entry]] = []
        for back in finished:
            self._note(back)
            events = self._events(back)
            moved = [(one, after(one, events[one.row])) for one in back.job.entries if one.row in events]
            changes += [(before, entry) for before, entry in moved if entry is not before]
        self._change(changes)
        self._ending = self._ending or self._failures.settled(changes, self._tally.trouble)
        current = {entry.row: entry for _, entry in changes}
        for back in finished:
            for entry in back.job.entries:
                self._put_back(current.get(entry.row, entry), back)

    def _events(self, back: Finished[Entry]) -> Mapping[int, Event]:
        """Return what happened; a failure that ends the upload tells that the create had no effect."""
        entry, trouble = back.job.entries[0], back.outcome.trouble
        if back.job.kind == "create" and isinstance(back.failure, ZooniverseError):
            return {entry.row: NotCreated()}
        passing = trouble is None or isinstance(trouble, LocalTrouble)
        if back.job.kind == "measure" and not passing and self._failures.last_reading(entry.row):
            return {entry.row: Rejected(f"row {entry.external_id} cannot be had from its address: {trouble}")}
        return back.outcome.events

    def _put_back(self, entry: Entry, back: Finished[Entry]) -> None:
        """Give an entry back to the queue; one that failed waits on its own, and those of a look together."""
        trouble = None if back.job.kind == "look" else back.outcome.trouble
        measured = back.job.kind == "measure" and entry.row in back.outcome.events
        if trouble is not None and not measured and entry.state in (State.PLANNED, State.CREATED):
            self._queue.sleep(entry, time.monotonic() + self._failures.backoff_s(entry.row, trouble))
        else:
            self._queue.put(entry)

    def _note(self, back: Finished[Entry]) -> None:
        now, outcome, kind = time.monotonic(), back.outcome, back.job.kind
        self._note_addresses(back)
        if outcome.looked_at is not None:
            self._looks.came_back(outcome.looked_at, self._context.panoptes.now(), outcome.events)
        self._tally.sent_bytes += outcome.sent_bytes
        self._members = self._members if outcome.members is None else outcome.members
        if isinstance(back.failure, QuotaReached):
            self._quota = back.failure
            self._queue.only_finish()
        elif back.failure is not None or outcome.ending is not None:
            self._ending = self._ending or back.failure or outcome.ending
        elif kind == "create":
            self._ending = self._ending or self._failures.created(outcome.events.values())
        self._note_trouble(back, now)
        if kind in self._quiet_until:
            again_s = min(2.0, self._timing.settle_s / 4) if kind == "look" else 0.0
            self._quiet_until[kind] = now + self._failures.pause_s(kind, outcome.trouble, again_s)

    def _note_addresses(self, back: Finished[Entry]) -> None:
        """Keep fresh signed addresses, and let go of those that the store refuses."""
        row, kind = back.job.entries[0].row, back.job.kind
        if back.outcome.addresses:
            self._addresses[row] = back.outcome.addresses
            self._just_renewed |= {row} if kind == "renew" else set()
        if kind == "store" and isinstance(back.outcome.trouble, Refused):
            # the signature may have ended earlier than it says
            self._addresses.pop(row, None)

    def _note_trouble(self, back: Finished[Entry], now: float) -> None:
        """Ask for less where something stood in the way, and for more where nothing did; reading files is neither."""
        trouble, kind = back.outcome.trouble, back.job.kind
        if trouble is not None:
            self._tally.trouble = self._stands_in_the_way = str(trouble)
            note_retry(kind, [entry.external_id for entry in back.job.entries], trouble)
        if kind == "measure":
            return
        if trouble is not None:
            self._limit.bad(now, getattr(trouble, "retry_after_s", None))
            return
        self._stands_in_the_way = None
        if kind in ("create", "store"):
            self._limit.good(back.took_s)

    def _change(self, changes: Sequence[tuple[Entry, Entry]]) -> None:
        """Take note of entries as they were and as they are, which are saved before anything leaves."""
        self._tally.moved(changes)
        for before, entry in changes:
            self._unsaved[entry.row] = entry
            if entry.images is not before.images:
                self._other_images.add(entry.row)
            if entry.state in (State.STORED, State.LINKED, State.REJECTED):
                self._addresses.pop(entry.row, None)
                self._failures.forget(entry.row)
            self._watermark = max(self._watermark, int(entry.subject_id or 0))
