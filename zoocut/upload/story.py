"""The upload as a story: sign in, choose the set, plan the rows, move them, tell how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event as Flag

from zoocut.errors import NotPermitted, ZoocutError
from zoocut.ledger import Ledger, State, Target
from zoocut.run import Run
from zoocut.upload.conductor import Conductor, Patience
from zoocut.upload.once import skip_held, take_back_rejected
from zoocut.upload.place import Place
from zoocut.upload.planning import plan
from zoocut.upload.report import Snapshot, Summary, TargetSummary
from zoocut.upload.targets import Goal, choose_target
from zoocut.zooniverse.panoptes import Account, Panoptes
from zoocut.zooniverse.store import Store

__all__ = ["Order", "upload"]

SHOWN_REJECTIONS = 20


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asks for.

    Parameters
    ----------
    goal : Goal
        Where to.
    patience : Patience
        How long, how much at once.
    retry_rejected : bool
        Whether rejected rows get another chance.
    again : bool
        Whether rows that the set already holds from elsewhere are made again.
    checks : int
        How many public addresses are read back before each batch is linked.
    """

    goal: Goal
    patience: Patience
    retry_rejected: bool = False
    again: bool = False
    checks: int = 0


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
    account = require_account(panoptes)
    target = choose_target(ledger, panoptes, order.goal)
    place = Place(run.path, run.run_id, account.user_id, target, panoptes, store, order.checks)
    try:
        if order.retry_rejected:
            take_back_rejected(place, ledger)
        plan(run, ledger, target, anew=order.retry_rejected or order.again)
        if not order.again:
            skip_held(place, ledger)
        sent = Conductor(place, ledger, order.patience, stop, report).run()
    except ZoocutError as error:
        ledger.note_error(target, str(error))
        raise
    ledger.note_error(target, None)
    return Summary((summarise(ledger, target),), sent, time.monotonic() - began)


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
