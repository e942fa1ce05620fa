"""The upload in order: sign in, choose the set, plan the rows, move them, tell how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from threading import Event as Flag

from zoocut.config.rights import RightsSettings, read_basis
from zoocut.errors import QuotaReached, VerificationFailed, ZoocutError
from zoocut.files import typed
from zoocut.ledger import Ledger, State, Target
from zoocut.ledger.attachments import AttachmentBook
from zoocut.reasons import REFUSED_ROW, Reasons
from zoocut.run.folder import Run
from zoocut.uploading.adopting import take_back_unknown
from zoocut.uploading.changed_pictures import changed_since_upload, tell_changed
from zoocut.uploading.context import UploadContext
from zoocut.uploading.duplicates import skip_held
from zoocut.uploading.import_rules import ImportSettings
from zoocut.uploading.importing import Importer
from zoocut.uploading.lease import Lease, LeaseTimes, first_note, is_leased_by, new_token
from zoocut.uploading.loop import UploadLoop
from zoocut.uploading.new_set import make_set
from zoocut.uploading.planning import plan, take_back_rejected
from zoocut.uploading.preflight import Start, look_first, tell_first
from zoocut.uploading.report import Snapshot, TargetSummary, UploadSummary
from zoocut.uploading.request import UploadRequest
from zoocut.uploading.talk import attach_files
from zoocut.uploading.targets import note_index_fields, target_of
from zoocut.zooniverse.panoptes import Account, Panoptes
from zoocut.zooniverse.store import Store

__all__ = ["upload"]

SHOWN_REJECTIONS = 20


def upload(
    run: Run,
    request: UploadRequest,
    ledger: Ledger,
    panoptes: Panoptes,
    store: Store,
    report: Callable[[Snapshot], None],
    stop: Flag,
) -> UploadSummary:
    """Upload a run, or go on with it.

    Parameters
    ----------
    run : Run
        The run folder.
    request : UploadRequest
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
    UploadSummary
        How it ended; rows may remain when it was stopped.

    Raises
    ------
    ZoocutError
        As the error tree tells; the run is safe and the same command goes on.
    """
    began = time.monotonic()
    panoptes = panoptes.stopped_by(stop)
    start = look_first(run, request, ledger.targets(), panoptes.retrying())
    for question in start.questions:
        request.create(question)
    for note in start.notes:
        request.tell(note)
    if recognised := run.describe_manifest():
        request.tell(recognised)
    with ExitStack() as leases:
        contexts = list(_contexts(run, request, start, ledger, panoptes, store, leases, stop, report))
        tell_first(request, contexts, ledger, start)
        sent = _move_all(run, contexts, ledger, request, start.account, stop, report)
    ended = tuple(summarise(ledger, context.target) for context in contexts)
    return UploadSummary(run.path, ended, sent, time.monotonic() - began)


def _importer(
    run: Run,
    request: UploadRequest,
    context: UploadContext,
    ledger: Ledger,
    stop: Flag,
    report: Callable[[Snapshot], None],
) -> Importer:
    settings = request.importing or ImportSettings.usual()
    source = run.by(context.target.manifest)
    return Importer(source, context, ledger, settings, request.timing, stop, report, request.tell)


def _move_all(
    run: Run,
    contexts: list[UploadContext],
    ledger: Ledger,
    request: UploadRequest,
    account: Account,
    stop: Flag,
    report: Callable[[Snapshot], None],
) -> int:
    """Move the rows of one set after the other; after a limit was met only those that have a subject."""
    sent, quota = 0, None
    for context in contexts:
        loop = UploadLoop(context, ledger, request.timing, stop, report)
        importer = _importer(run, request, context, ledger, stop, report)
        with _trouble_noted(ledger, context.target):
            try:
                if request.importing is not None and not request.talk_only:
                    importer.bring_in()
                if not request.talk_only:
                    sent += loop.run() if quota is None else loop.finish()
            except QuotaReached as error:
                quota = error
            importer.look_again()
            attach_files(ledger, context, request.timing, stop)
        ledger.note_error(context.target, None)
    if quota is not None:
        raise _with_rest(ledger, contexts, account, quota)
    return sent


def _contexts(
    run: Run,
    request: UploadRequest,
    start: Start,
    ledger: Ledger,
    panoptes: Panoptes,
    store: Store,
    leases: ExitStack,
    stop: Flag,
    report: Callable[[Snapshot], None],
) -> Iterator[UploadContext]:
    """Open the sets, making those that are new, take their leases and bring the ledger up to date."""
    retrying = panoptes.retrying()
    for choice in start.choices:
        token = new_token()
        note = first_note(token, run.run_id, retrying.server_now())
        began, patience_s = time.monotonic(), request.timing.give_up_after_s
        found = choice.subject_set or make_set(retrying, choice.project, choice.name, note, patience_s)
        target = target_of(replace(choice, subject_set=found), ledger, retrying.endpoint)
        _tell_of_another_server(ledger, target, request.tell)
        ledger.note_rights(target, start.rights.basis)
        context = UploadContext(
            run.path, run.run_id, start.account.user_id, target, panoptes, store, request.checks
        )
        newest = start.newest[choice.project.project_id]
        context = replace(context, new_set=is_leased_by(found, token), newest_id=newest)
        made_at = began if context.new_set else float("-inf")
        with _trouble_noted(ledger, target):
            _take_in(run, request, context, ledger)
            if choice.subject_set is None or ledger.count_unfinished(target):
                lease = Lease(
                    context, ledger, LeaseTimes.of(request.timing.settle_s), token, request.tell, made_at
                )
                context = replace(context, lease=_taken(lease, leases, stop))
            _importer(run, request, context, ledger, stop, report).settle()
            _compare(run, request, context, ledger)
        yield context


def _taken(lease: Lease, leases: ExitStack, stop: Flag) -> Lease:
    lease.take(stop)
    return leases.enter_context(lease)


def _tell_of_another_server(ledger: Ledger, target: Target, tell: Callable[[str], object]) -> None:
    """Say so when rows went to a server of this address that is no more."""
    at = (target.endpoint, target.project_id)
    for other in ledger.targets():
        if (other.endpoint, other.project_id) == at and not other.is_of(target.project_created):
            tell(
                f"{target.endpoint} is another server than the one that the ledger knows: {other.set_name!r} and what "
                f"was uploaded to it are not here; the rows go to the set {target.set_name!r}"
            )


@contextmanager
def _trouble_noted(ledger: Ledger, target: Target) -> Iterator[None]:
    try:
        yield
    except ZoocutError as error:
        ledger.note_error(target, str(error))
        raise


def _with_rest(
    ledger: Ledger, contexts: list[UploadContext], account: Account, met: QuotaReached
) -> QuotaReached:
    """Tell of a limit together with what is left, and note it with every set that has rows left."""
    left = {context.target: ledger.counts(context.target)[State.PLANNED] for context in contexts}
    error = QuotaReached(
        f"the account {account.login} has met its limit ({met}): {sum(left.values())} rows are left; ask Zooniverse "
        "for a higher limit, then run the same command again"
    )
    for target in (target for target, count in left.items() if count):
        ledger.note_error(target, str(error))
    return error


def _take_in(run: Run, request: UploadRequest, context: UploadContext, ledger: Ledger) -> None:
    """Take the manifest in."""
    source = run.by(context.target.manifest)
    if request.retry_rejected:
        take_back_rejected(context, ledger)
    plan(source, ledger, context.target, sample=request.sample, anew=request.retry_rejected or request.again)
    run.remember_format()
    _with_rights(run, request.rights).remember_settings()


def _with_rights(run: Run, given: str | None) -> Run:
    """Keep what was said of rights, so that going on needs no option."""
    if not given:
        return run
    rights = RightsSettings(basis=read_basis(given))
    return replace(run, settings=run.settings.model_copy(update={"rights": rights}))


def _compare(run: Run, request: UploadRequest, context: UploadContext, ledger: Ledger) -> None:
    """Leave out what the set holds from elsewhere, and see to it that it holds what it should."""
    _require_members(context, ledger)
    take_back_unknown(context, ledger)
    skip_held(context, ledger, request.tell, again=request.again)
    if changed := list(changed_since_upload(run.path, ledger.every(context.target))):
        request.tell(tell_changed(run.path, context.target.set_name, changed))
    if ledger.count_unfinished(context.target):
        note_index_fields(context, run.by(context.target.manifest))


def _require_members(context: UploadContext, ledger: Ledger) -> None:
    """Count the set's subjects once where nothing is left to do, before that is said.

    Raises
    ------
    VerificationFailed
        When the set holds fewer than the ledger has linked.
    """
    counts, target = ledger.counts(context.target), context.target
    if not counts[State.LINKED] or sum(counts.values()) != counts[State.LINKED] + counts[State.SKIPPED]:
        return
    held = context.retrying.count_subjects(target.set_id)
    if held < counts[State.LINKED]:
        raise VerificationFailed(
            f"{counts[State.LINKED]} rows were linked and the set {target.set_name!r} holds {held} subjects: others "
            f"were taken out or deleted at {target.endpoint}; `zoocut verify {typed(context.folder)}` tells which and "
            "what to do"
        )


def summarise(ledger: Ledger, target: Target) -> TargetSummary:
    """Return how a target stands."""
    rejected = ledger.entries(target, State.REJECTED, limit=SHOWN_REJECTIONS)
    every = (entry for entry in ledger.every(target) if entry.state is State.REJECTED)
    book = AttachmentBook(ledger)
    reasons = chain(
        ((entry.external_id, entry.reason or "") for entry in every),
        ((one.external_id, one.reason or "") for one in book.rejected(target)),
    )
    return TargetSummary(
        target,
        ledger.counts(target),
        tuple((entry.external_id, entry.reason or "") for entry in rejected),
        tuple(Reasons(reasons, REFUSED_ROW)),
        {state.value: count for state, count in book.counts(target).items()},
    )
