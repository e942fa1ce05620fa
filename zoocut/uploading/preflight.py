"""What is looked at before anything is made: what is refused, what is to be agreed to, what may surprise.

The dry run and the upload ask the same questions in the same order, so that both end alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zoocut.error_kinds import AccountBanned, NoRole, WrongSetting
from zoocut.files import typed
from zoocut.ledger import Ledger, State, Target
from zoocut.rights import Rights, require_rights
from zoocut.run.folder import Run
from zoocut.uploading.context import UploadContext
from zoocut.uploading.import_rules import require_importable, require_set
from zoocut.uploading.request import UploadRequest
from zoocut.uploading.targets import Choice, choose, projects_of
from zoocut.zooniverse.panoptes import Account, Project, RetryingPanoptes
from zoocut.zooniverse.parallel import in_parallel

__all__ = [
    "CONVENTION_BYTES",
    "Start",
    "left_at_most",
    "look_first",
    "require_account",
    "tell_first",
    "upload_warnings",
]

CONVENTION_BYTES = 1 << 20
"""panoptes-cli and the project builder refuse images above this; volunteers on phones wait for them."""

AFTER_IMPORT = (
    "the import is not stopped by that, but rows that it leaves out, and all ordinary uploads afterwards, are "
    "refused"
)


@dataclass(frozen=True, slots=True)
class Start:
    """What an upload begins with.

    Parameters
    ----------
    account : Account
        Who is signed in.
    rights : Rights
        On what grounds what is sent may be public.
    choices : sequence of Choice
        Which sets the rows go to.
    questions : sequence of str
        What the user has to agree to before a set is made.
    notes : sequence of str
        What the user should know and need not decide.
    left : int or None
        How many subjects the account may still upload, at most; None when it is not limited.
    newest : mapping of str to int
        The highest subject id of each project, which whatever is made from now on is above.
    """

    account: Account
    rights: Rights
    choices: Sequence[Choice]
    questions: Sequence[str]
    notes: Sequence[str]
    left: int | None
    newest: Mapping[str, int]


def look_first(
    run: Run, request: UploadRequest, targets: Sequence[Target], panoptes: RetryingPanoptes
) -> Start:
    """Look whether an upload can begin; nothing is made.

    Parameters
    ----------
    run, request : Run, UploadRequest
        What is asked for.
    targets : sequence of Target
        Where the run went before.
    panoptes : RetryingPanoptes
        The server.

    Raises
    ------
    NotPermitted
        When the account is banned, or has no role in the project.
    ConfigError
        When rights are not told or not enough, nothing tells which set, or its name cannot be given to a new one.
    """
    (account, left), (rights, choices, newest) = in_parallel(
        lambda: _account(panoptes), lambda: _destination(run, request, targets, panoptes)
    )
    _require_begun_manifest(run, choices)
    here = [one for one in targets if one.endpoint == panoptes.endpoint]
    questions = _questions(choices, here, request.goal.subject_set or "")
    notes = [
        *rights.notes,
        *_left_out(run, request, choices),
        *_of_import(run, request, choices, panoptes),
    ]
    return Start(account, rights, choices, questions, notes, left, newest)


def _account(panoptes: RetryingPanoptes) -> tuple[Account, int | None]:
    account = require_account(panoptes)
    return account, left_at_most(panoptes, account)


def _destination(
    run: Run, request: UploadRequest, targets: Sequence[Target], panoptes: RetryingPanoptes
) -> tuple[Rights, Sequence[Choice], Mapping[str, int]]:
    """Find where the rows may go; only what the projects tell is waited for before the rest is asked."""
    rights = require_rights(run, request.rights)
    projects = projects_of(request.goal, panoptes)
    choices, (_, newest) = in_parallel(
        lambda: choose(run, request.goal, request.set_by, targets, panoptes, projects),
        lambda: in_parallel(
            lambda: _require_roles(panoptes, projects.values()),
            lambda: {one.project_id: panoptes.newest_subject_id(one.project_id) for one in projects.values()},
        ),
    )
    return rights, choices, newest


def _require_begun_manifest(run: Run, choices: Sequence[Choice]) -> None:
    """Refuse to go on by addresses where rows went by files: an image is never exchanged under a subject."""
    for choice in choices:
        known = choice.known
        if known is None or known.manifest == choice.manifest:
            continue
        with Ledger.read(run.ledger) as ledger:
            begun = any(entry.begun for entry in ledger.every(known))
        if begun:
            raise WrongSetting(
                f"rows of {known.manifest} are in the set {known.set_name!r}, and --urls and --import go by "
                f"{choice.manifest}: go on with `zoocut upload {typed(run.path)}`, or name another set with --set NAME"
            )


def _of_import(
    run: Run, request: UploadRequest, choices: Sequence[Choice], panoptes: RetryingPanoptes
) -> list[str]:
    """Look at what a server-side import needs, where one is asked for."""
    if request.importing is None:
        return []
    for choice in choices:
        require_set(run, choice, panoptes)
    return require_importable(run, panoptes.endpoint, request.checks, request.sample)


def _left_out(run: Run, request: UploadRequest, choices: Sequence[Choice]) -> list[str]:
    """Tell of rows that a run which goes on in several sets has none for."""
    keys = {choice.share.key for choice in choices}
    if not request.goal.begun or "" in keys:
        return []
    shares = [choice.share for choice in choices]
    left = sum(not any(share.holds(row.metadata) for share in shares) for row in run.rows())
    if not left:
        return []
    key = keys.pop()
    return [
        f"{left} rows belong to none of the sets that the run has begun: name them with --set-by {key} --set NAME"
    ]


def _require_roles(panoptes: RetryingPanoptes, projects: Iterable[Project]) -> None:
    for project in projects:
        if not panoptes.holds_role(project) and not panoptes.role_of_a_group(project):
            raise NoRole(
                f"this account is neither owner nor collaborator of {project.slug}, so it may not make sets or "
                "subjects there: ask its owner for the role of collaborator"
            )


def _questions(choices: Sequence[Choice], targets: Sequence[Target], template: str) -> list[str]:
    """Ask before a further set is made in a project that the run is in already: its name may be mistyped."""
    new = [choice for choice in choices if choice.subject_set is None]
    projects = {choice.project.project_id: choice.project.created for choice in new}
    there = [one for one in targets if one.project_id in projects and one.is_of(projects[one.project_id])]
    new = [choice for choice in new if not any(_is_of(one, choice, template) for one in there)]
    if not new or not there:
        return []
    known = ", ".join(repr(one.set_name) for one in there)
    names = ", ".join(repr(choice.name) for choice in new)
    return [f"the run is in {known} already, and {names} does not exist yet and would be made"]


def _is_of(known: Target, choice: Choice, template: str) -> bool:
    """Whether a new set is a further value of the key that the run's sets are named by."""
    return bool(choice.share.key) and known.set_name == template.replace(
        "{" + choice.share.key + "}", known.set_value
    )


def left_at_most(panoptes: RetryingPanoptes, account: Account) -> int | None:
    """Estimate how many subjects the account may still upload; None when it is not limited.

    The server counts late, so the larger of its two counts is taken; what it refuses decides.
    """
    if account.limit is None:
        return None
    return max(0, account.limit - max(account.uploaded, panoptes.count_uploaded(account)))


def upload_warnings(
    account: Account, left: int | None, rows: int, large: int, *, importing: bool = False
) -> list[str]:
    """Put into words what may surprise.

    Parameters
    ----------
    account : Account
        Who uploads.
    left : int or None
        How many subjects the account may still upload, at most.
    rows : int
        How many rows are to become subjects.
    large : int
        How many of their images are above `CONVENTION_BYTES`.
    importing : bool
        Whether the server is to import them.
    """
    found = []
    if left is not None and rows > left:
        what, then = (
            ("uploaded", "the upload will stop there") if not importing else ("imported", AFTER_IMPORT)
        )
        found.append(
            f"{rows} rows are to be {what} and the account {account.login} has at most {left} of its "
            f"{account.limit} subjects left: {then}; ask Zooniverse for a higher limit"
        )
    if large:
        found.append(
            f"{large} images have more than 1 MiB, which volunteers on phones wait for: draw them smaller if "
            "that is not meant"
        )
    return found


def require_account(panoptes: RetryingPanoptes) -> Account:
    """Return who is signed in.

    Raises
    ------
    NotPermitted
        When the account is banned.
    """
    account = panoptes.account()
    if account.banned:
        raise AccountBanned(
            f"the account {account.login} is banned at {panoptes.endpoint}: what it uploads is dropped without a "
            "word; ask Zooniverse"
        )
    return account


def tell_first(request: UploadRequest, contexts: list[UploadContext], ledger: Ledger, start: Start) -> None:
    """See to it that the user knows what is coming."""
    coming = [context for context in contexts if ledger.count_unfinished(context.target)]
    if not coming:
        return
    planned = sum(ledger.counts(context.target)[State.PLANNED] for context in coming)
    large = sum(ledger.count_larger(context.target, CONVENTION_BYTES) for context in coming)
    importing = request.importing is not None
    for note in upload_warnings(start.account, start.left, planned, large, importing=importing):
        request.tell(note)
    for context in coming:
        serving = [] if context.new_set else context.retrying.active_workflows(context.target.set_id)
        if serving:
            request.confirm(
                f"the set {context.target.set_name!r} is served by an active workflow ({', '.join(serving)}): "
                "volunteers will see the new subjects at once"
            )
