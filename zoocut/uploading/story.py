"""The upload as a story: sign in, choose the set, plan the rows, move them, tell how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event as Flag

from zoocut.config.rights import require_basis
from zoocut.errors import NotPermitted, QuotaReached, ZoocutError
from zoocut.ledger import Ledger, State, Target
from zoocut.run.folder import Run
from zoocut.uploading.concerns import CONVENTION_BYTES, concerns, left_at_most
from zoocut.uploading.conductor import Conductor
from zoocut.uploading.once import note_index_fields, skip_held, take_back_rejected
from zoocut.uploading.order import Order, instruments
from zoocut.uploading.place import Place
from zoocut.uploading.planning import plan
from zoocut.uploading.report import Snapshot, Summary, TargetSummary
from zoocut.uploading.targets import choose_targets
from zoocut.zooniverse.panoptes import Account, Panoptes
from zoocut.zooniverse.store import Store

__all__ = ["upload"]

SHOWN_REJECTIONS = 20


def upload(
    run: Run,
    order: Order,
    ledger: Ledger,
    panoptes: Panoptes,
    store: Store,
    report: Callable[[Snapshot], None],
    stop: Flag,
) -> Summary:
    """Upload a run, or go on with it.

    Parameters
    ----------
    run : Run
        The run folder.
    order : Order
        What is asked for.
    ledger : Ledger
        Open, with this process as its sole uploader.
    panoptes, store : Panoptes, Store
        Signed in.
    report : callable
        Told how it stands, several times a second.
    stop : threading.Event
        When set, what is under way is finished and nothing more begun.

    Returns
    -------
    Summary
        How it ended; rows may remain when it was stopped.

    Raises
    ------
    ZoocutError
        As the error tree tells; the run is safe and the same command goes on.
    """
    began = time.monotonic()
    patient = panoptes.patient()
    account = require_account(patient)
    places = list(_places(run, order, ledger, patient, store, account))
    for place in places:
        with _trouble_noted(ledger, place.target):
            _bring_up_to_date(run, order, place, ledger)
    _tell_first(order, places, ledger, account)
    sent, quota = 0, None
    for place in places:
        at_once = replace(place, panoptes=panoptes)
        conductor = Conductor(at_once, ledger, order.patience, stop, report)
        with _trouble_noted(ledger, place.target):
            try:
                sent += conductor.run() if quota is None else conductor.finish()
            except QuotaReached as error:
                quota = error
        ledger.note_error(place.target, None)
    if quota is not None:
        raise _with_rest(ledger, places, account, quota)
    ended = tuple(summarise(ledger, place.target) for place in places)
    return Summary(ended, sent, time.monotonic() - began)


def _places(
    run: Run, order: Order, ledger: Ledger, patient: Panoptes, store: Store, account: Account
) -> Iterator[Place]:
    """Choose the sets, making those that are new."""
    basis = require_basis(run.settings, instruments(run), order.rights)
    for target in choose_targets(run, order.goal, order.set_by, ledger, patient):
        ledger.note_rights(target, basis)
        yield Place(run.path, run.run_id, account.user_id, target, patient, store, order.checks)


@contextmanager
def _trouble_noted(ledger: Ledger, target: Target) -> Iterator[None]:
    try:
        yield
    except ZoocutError as error:
        ledger.note_error(target, str(error))
        raise


def _with_rest(ledger: Ledger, places: list[Place], account: Account, met: QuotaReached) -> QuotaReached:
    """Tell of a limit together with what is left, and note it with every set that has rows left."""
    left = {place.target: ledger.counts(place.target)[State.PLANNED] for place in places}
    error = QuotaReached(
        f"the account {account.login} has met its limit ({met}): {sum(left.values())} rows are left; ask Zooniverse "
        "for a higher limit, then run the same command again"
    )
    for target in (target for target, count in left.items() if count):
        ledger.note_error(target, str(error))
    return error


def _bring_up_to_date(run: Run, order: Order, place: Place, ledger: Ledger) -> None:
    """Take the manifest in, and leave out what the set holds from elsewhere."""
    source = run.by(place.target.manifest)
    if order.retry_rejected:
        take_back_rejected(place, ledger)
    plan(source, ledger, place.target, sample=order.sample, anew=order.retry_rejected or order.again)
    if not order.again:
        skip_held(place, ledger)
    if ledger.count_unfinished(place.target):
        note_index_fields(place, source)


def _tell_first(order: Order, places: list[Place], ledger: Ledger, account: Account) -> None:
    """See to it that the user knows what is coming."""
    coming = [place for place in places if ledger.count_unfinished(place.target)]
    if not coming:
        return
    planned = sum(ledger.counts(place.target)[State.PLANNED] for place in coming)
    large = sum(ledger.count_larger(place.target, CONVENTION_BYTES) for place in coming)
    for concern in concerns(account, left_at_most(coming[0].panoptes, account), planned, large):
        order.tell(concern)
    for place in coming:
        serving = place.panoptes.active_workflows(place.target.set_id)
        if serving:
            order.confirm(
                f"the set {place.target.set_name!r} is served by an active workflow ({', '.join(serving)}): "
                "volunteers will see the new subjects at once"
            )


def require_account(panoptes: Panoptes) -> Account:
    """Tell who is signed in.

    Raises
    ------
    NotPermitted
        When the account is banned.
    """
    account = panoptes.account()
    if account.banned:
        raise NotPermitted(
            f"the account {account.login} is banned at {panoptes.endpoint}: what it uploads is dropped without a "
            "word; ask Zooniverse"
        )
    return account


def summarise(ledger: Ledger, target: Target) -> TargetSummary:
    """Tell how a target stands."""
    rejected = ledger.entries(target, State.REJECTED, limit=SHOWN_REJECTIONS)
    return TargetSummary(
        target,
        ledger.counts(target),
        tuple((entry.external_id, entry.reason or "") for entry in rejected),
    )
