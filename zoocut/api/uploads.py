"""`plan_upload` and `upload`: a run to subjects in a set."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.api.progress import upload_shown
from zoocut.api.server import credentials_for
from zoocut.config.upload import UploadSettings
from zoocut.error_kinds import NotConfirmed, WrongSetting
from zoocut.errors import Interrupted, ZoocutError
from zoocut.ledger import Ledger, sole_uploader
from zoocut.run.folder import Run
from zoocut.uploading.folder import look_at_run, open_run
from zoocut.uploading.goals import where_to
from zoocut.uploading.limiter import most_that_fit
from zoocut.uploading.request import CHECKS, Timing, UploadRequest, not_made
from zoocut.uploading.settings import settings_of, with_configuration
from zoocut.zooniverse.connect import connect

if TYPE_CHECKING:
    from zoocut.uploading.import_rules import ImportSettings
    from zoocut.uploading.report import Snapshot, UploadSummary
    from zoocut.uploading.upload_plan import UploadPlan

__all__ = ["plan_upload", "upload"]

AnyPath = str | os.PathLike[str]
Confirm = bool | Callable[[str], bool]
Stopping = Callable[[], AbstractContextManager[threading.Event]]


def plan_upload(
    run: AnyPath,
    *,
    project: str | None = None,
    subject_set: str | None = None,
    endpoint: str | None = None,
    config: AnyPath | None = None,
    set_by: str | None = None,
    sample: int | None = None,
    rights: str | None = None,
    urls: bool = False,
    server_import: bool = False,
    images: Sequence[str] = (),
    encoding: str | None = None,
    again: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> UploadPlan:
    """Return what `upload` would do with the same arguments; nothing is written, here or there.

    Parameters
    ----------
    run : path
        The run folder: any folder with a manifest.csv.
    project, subject_set, endpoint, config, set_by, sample, rights, urls, server_import, images, encoding,
    again, settings
        As `upload` takes them.

    Raises
    ------
    ZoocutError
        When the upload could not begin.
    """
    from zoocut.uploading.forecast import forecast

    told: list[str] = []
    opened = _opened(look_at_run(Path(run)), config, urls or server_import, images, encoding, told.append)
    chosen = _settings(opened, project, subject_set, settings, told.append)
    request = UploadRequest(
        where_to(opened, endpoint, os.environ, chosen),
        _timing(chosen, told.append),
        _nothing,
        _nothing,
        set_by=set_by,
        sample=sample,
        rights=rights,
        again=again,
        checks=CHECKS[chosen.check],
        importing=_importing(chosen, server_import),
    )
    server = request.goal.endpoint
    panoptes, _ = connect(server, credentials_for(server), chosen.answer_s)
    plan = forecast(opened, request, panoptes.retrying())
    return replace(plan, notes=(*told, *plan.notes))


def upload(
    run: AnyPath,
    *,
    project: str | None = None,
    subject_set: str | None = None,
    endpoint: str | None = None,
    config: AnyPath | None = None,
    set_by: str | None = None,
    sample: int | None = None,
    rights: str | None = None,
    urls: bool = False,
    server_import: bool = False,
    images: Sequence[str] = (),
    encoding: str | None = None,
    again: bool = False,
    retry_rejected: bool = False,
    talk_only: bool = False,
    ledger: AnyPath | None = None,
    settings: Mapping[str, Any] | None = None,
    create: Confirm = False,
    confirm: Confirm = False,
    tell: Callable[[str], object] | None = None,
    progress: bool | Callable[[Snapshot], None] = True,
    stopping: Stopping | None = None,
) -> UploadSummary:
    """Upload a run to a subject set: each row exactly once. Call it again and it goes on.

    Credentials are found as the command finds them: in the environment, as `zoocut login` saved them, or those of
    panoptes-cli.

    Parameters
    ----------
    run : path
        The run folder: any folder with a manifest.csv.
    project : str, optional
        The project as owner/name, or its id; where the run goes already when not given.
    subject_set : str, optional
        The subject set, by name or id; a new name makes a set.
    endpoint : str, optional
        The server; else PANOPTES_ENDPOINT, else where the run goes already, else the real Zooniverse.
    config : path, optional
        A configuration file whose `[upload]` and `[rights]` the run takes over.
    set_by : str, optional
        A metadata key: with a `subject_set` such as `"Night {band}"` each of its values has a set.
    sample : int, optional
        Only the first rows, for a rehearsal.
    rights : str, optional
        For LSST instruments: why the pixels may be public.
    urls : bool
        Name images by the addresses in manifest-urls.csv; no bytes are sent.
    server_import : bool
        As `urls`, and let the server import the manifest, many rows a request.
    images : sequence of str
        The manifest's columns of images, where their names do not tell.
    encoding : str, optional
        The manifest's encoding, where it is neither UTF-8 nor UTF-16.
    again : bool
        Make subjects also of rows whose external_id the set holds already.
    retry_rejected : bool
        Try rejected rows again.
    talk_only : bool
        Only attach the files for Talk, to subjects that were uploaded before.
    ledger : path, optional
        Where the run's ledger is to lie, file or folder, where the run folder's file system keeps no locks; the run
        remembers it.
    settings : mapping of str to value, optional
        Settings under dotted keys, such as `{"upload.settle_s": 60}`, over those of the run.
    create : bool or callable
        Whether a set that does not exist yet is made although the run is in another one of the project already; a
        function is given the question and tells.
    confirm : bool or callable
        Whether to go on where the command would ask, as before adding to a set that volunteers see; a function is
        given the question and tells.
    tell : callable, optional
        Told what needs no decision; it is a warning when not given.
    progress : bool or callable
        Whether a bar is shown in a terminal or notebook; a function is told several times a second instead.
    stopping : callable, optional
        Makes a context whose event, when set, ends the upload after the requests under way. When not given, Ctrl-C
        or the notebook's stop button does that, and ends in `Interrupted`.

    Returns
    -------
    UploadSummary
        How it ended; rows may be rejected, or, with `stopping`, left.

    Raises
    ------
    ConfigError
        When nothing tells where to, or a question comes up and `confirm` is False.
    Interrupted
        When it was stopped; the run is safe.
    ZoocutError
        As `zoocut.errors` tells; the run is safe and the same call goes on.
    """
    found = open_run(Path(run))
    found = found if ledger is None else found.with_ledger_at(Path(ledger))
    opened = _opened(found, config, urls or server_import, images, encoding, tell or _warn)
    chosen = _settings(opened, project, subject_set, settings, tell or _warn)
    request = UploadRequest(
        where_to(opened, endpoint, os.environ, chosen),
        _timing(chosen, tell or _warn),
        confirming(confirm),
        tell or _warn,
        set_by=set_by,
        sample=sample,
        rights=rights,
        retry_rejected=retry_rejected,
        again=again,
        checks=CHECKS[chosen.check],
        create=_creating(create),
        importing=_importing(chosen, server_import),
        talk_only=talk_only,
    )
    return _carried_out(opened, request, chosen.answer_s, progress, stopping or _interruptible)


def _carried_out(
    run: Run,
    request: UploadRequest,
    answer_s: float,
    progress: bool | Callable[[Snapshot], None],
    stopping: Stopping,
) -> UploadSummary:
    endpoint, patience_s = request.goal.endpoint, request.timing.give_up_after_s
    threading.Thread(target=_load_the_rest, name="zoocut-loading").start()
    panoptes, store = connect(endpoint, credentials_for(endpoint), answer_s, patience_s, request.tell)
    from zoocut.uploading.uploading import upload as carry_out

    with (
        sole_uploader(run.ledger),
        Ledger.open(run.ledger, run.run_id) as ledger,
        stopping() as stop,
        upload_shown(progress) as report,
    ):
        summary = carry_out(run, request, ledger, panoptes, store, report, stop)
        if stop.is_set() and stopping is _interruptible and not summary.complete:
            raise Interrupted("stopped; the run is safe: the same call goes on")
        return summary


def _load_the_rest() -> None:
    """Import what is not needed to sign in, while the server is waited for: 50 ms of computing within its 300 ms."""
    with suppress(BaseException):  # whoever needs it then imports it again, and is told why that cannot be
        for module in ("zoocut.uploading.uploading", "PIL.PngImagePlugin"):
            import_module(module)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Let the first Ctrl-C finish what is under way; the second one, which is as safe, ends at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only the main one may take signals
        yield stop
        return

    def take(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, take)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _opened(
    run: Run,
    config: AnyPath | None,
    urls: bool,
    images: Sequence[str],
    encoding: str | None,
    tell: Callable[[str], object],
) -> Run:
    """Return the run as its manifest is to be read, with the configuration that is given now."""
    run = run.read_as(_names(images), encoding)
    run = run.by_addresses() if urls else run
    return with_configuration(run, Path(config), tell) if config is not None else run


def _settings(
    run: Run,
    project: str | None,
    subject_set: str | None,
    given: Mapping[str, Any] | None,
    tell: Callable[[str], object],
) -> UploadSettings:
    """Put what is given over the run's own `[upload]` settings."""
    sections = [key.partition(".") for key in given or ()]
    for section, _, name in sections:
        if section != "upload":
            raise WrongSetting(f"{section}.{name} is no setting of an upload: they begin with upload.")
    options = {key.removeprefix("upload."): value for key, value in (given or {}).items()}
    return settings_of(run, {**options, "project": project, "subject_set": subject_set}, tell)


def _names(columns: Sequence[str]) -> tuple[str, ...]:
    """Take column names; one alone may come without a list around it."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _importing(settings: UploadSettings, asked_for: bool) -> ImportSettings | None:
    if not asked_for:
        return None
    from zoocut.uploading.import_rules import ImportSettings

    return ImportSettings(settings.import_rows, settings.import_stall_s)


def _timing(settings: UploadSettings, tell: Callable[[str], object]) -> Timing:
    most = most_that_fit(settings.most_requests)
    if most < settings.most_requests:
        tell(
            f"at most {most} requests at once, since this process may not open more files: `ulimit -n 1024` raises "
            "that limit"
        )
    return Timing(settings.settle_s, settings.give_up_after_s, most)


def _creating(create: Confirm) -> Callable[[str], None]:
    """Make a function that raises where no further set is to be made."""

    def require(question: str) -> None:
        if create is False or (callable(create) and not create(question)):
            not_made(question)

    return require


def confirming(confirm: Confirm) -> Callable[[str], None]:
    """Make a function that raises where the answer is no."""

    def require(question: str) -> None:
        if confirm is False:
            raise NotConfirmed(f"{question}; nothing was sent: give confirm=True if that is meant")
        if callable(confirm) and not confirm(question):
            raise ZoocutError("nothing was sent, as you say")

    return require


def _warn(note: str) -> None:
    warnings.warn(note, stacklevel=2)


def _nothing(_: str) -> None:
    """Say nothing: a plan tells by itself what may surprise."""
