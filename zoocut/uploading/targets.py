"""Which set at which server: what the user names, found there or in the ledger, or made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from zoocut.config.upload import UploadSettings, project_reference
from zoocut.errors import ConfigError, LedgerError, NotPermitted
from zoocut.ledger import Ledger, Target
from zoocut.metadata_keys import bare_name, index_name, values_of
from zoocut.run.folder import MANIFEST, Run
from zoocut.run.manifest import ManifestRow
from zoocut.uploading.context import UploadContext
from zoocut.uploading.new_set import make_set
from zoocut.zooniverse.credentials import PRODUCTION, normalise_endpoint
from zoocut.zooniverse.finding import ID, find_set, means, require_new_name
from zoocut.zooniverse.panoptes import Project, RetryingPanoptes, SubjectSet
from zoocut.zooniverse.request_errors import Refused

__all__ = [
    "Choice",
    "Goal",
    "Share",
    "choose",
    "choose_existing",
    "note_index_fields",
    "resolve",
    "shares",
    "target_of",
    "uploaded_target",
    "where_to",
]

WHERE_TO = "say where to: --project owner/name and --set NAME"


@dataclass(frozen=True, slots=True)
class Goal:
    """What the user names.

    Parameters
    ----------
    endpoint : str
        Normalised; empty for the one that the run already goes to.
    project : str or None
        As owner/name or its id.
    subject_set : str or None
        Its display name or its id.
    """

    endpoint: str
    project: str | None
    subject_set: str | None


@dataclass(frozen=True, slots=True)
class Share:
    """Which rows a target gets.

    Parameters
    ----------
    key, value : str
        Rows whose metadata has this value under this key, prefixes aside; empty for all rows.
    """

    key: str = ""
    value: str = ""

    def holds(self, metadata: Mapping[str, str]) -> bool:
        """Whether a row with this metadata belongs here."""
        return not self.key or values_of(metadata, self.key) == [self.value.strip()]

    def is_same_as(self, other: Share) -> bool:
        """Whether the same rows are meant."""
        return (bare_name(self.key), self.value.strip()) == (bare_name(other.key), other.value.strip())


def shares(rows: Iterable[ManifestRow], key: str, template: str) -> dict[str, Share]:
    """Return which sets the rows go to when each value of `key` has its own.

    Parameters
    ----------
    rows : iterable of ManifestRow
        All rows.
    key : str
        A metadata key, without prefix.
    template : str
        The sets' name with {KEY} where the value goes.

    Returns
    -------
    dict of str to Share
        By set name, in the order of first appearance.

    Raises
    ------
    ConfigError
        When the name does not hold the value, or a row has none.
    """
    if "{" + key + "}" not in template:
        raise ConfigError(
            f"--set {template!r} must hold {{{key}}}, so that each value of it has a set of its own"
        )
    found: dict[str, Share] = {}
    for row in rows:
        values = values_of(row.metadata, key)
        if len(values) != 1:
            told = f"several values of {key} ({', '.join(values)})" if values else f"no {key}"
            raise ConfigError(f"row {row.external_id} has {told}: choose another key for --set-by")
        found.setdefault(template.replace("{" + key + "}", values[0]), Share(key, values[0]))
    return found


def resolve(targets: Iterable[Target], goal: Goal) -> Target | None:
    """Return the one of the ledger's targets that a goal means; None when it means none of them.

    Raises
    ------
    ConfigError
        When it may mean several.
    """
    fitting = [target for target in targets if _fits(target, goal)]
    if len(fitting) > 1:
        listed = "; ".join(
            f"--project {one.project_slug} --set {ID}{one.set_id} is {one.set_name!r} at {one.endpoint}"
            for one in fitting
        )
        raise ConfigError(f"the run goes to several sets that could be meant: say which one ({listed})")
    return fitting[0] if fitting else None


def _fits(target: Target, goal: Goal) -> bool:
    return (
        goal.endpoint in ("", target.endpoint)
        and (
            goal.project is None
            or means(goal.project.lower(), target.project_id, target.project_slug.lower())
        )
        and (goal.subject_set is None or means(goal.subject_set, target.set_id, target.set_name))
    )


def uploaded_target(run: Run, goal: Goal) -> Target:
    """Return the one target of a run that is meant.

    Raises
    ------
    InputError
        When nothing was uploaded.
    ConfigError
        When several targets, or none, fit.
    """
    with Ledger.read_uploaded(run) as ledger:
        targets = ledger.targets()
    found = resolve(targets, goal)
    if found is None:
        names = "; ".join(f"{one.set_name!r} of {one.project_slug} at {one.endpoint}" for one in targets)
        raise ConfigError(f"{run.path} was not uploaded there: it went to {names}")
    return found


def goals(run: Run, goal: Goal, set_by: str | None) -> list[tuple[Goal, Share]]:
    """Return which sets the run goes to, and which of its rows to each.

    Raises
    ------
    ConfigError
        When the sets' name does not tell them apart, or a row belongs to none.
    """
    if set_by is None:
        return [(goal, Share())]
    found = shares(run.rows(), set_by, goal.subject_set or "")
    return [(replace(goal, subject_set=name), share) for name, share in found.items()]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which set some of a run's rows go to, found without changing anything.

    Parameters
    ----------
    project : Project
        The project.
    name : str
        The set's name.
    subject_set : SubjectSet or None
        None when it is to be made.
    share : Share
        The rows.
    known : Target or None
        The target, when the ledger has it already.
    manifest : str
        The run's manifest that the rows are taken from.
    """

    project: Project
    name: str
    subject_set: SubjectSet | None
    share: Share
    known: Target | None
    manifest: str


def choose(
    run: Run, goal: Goal, set_by: str | None, targets: Sequence[Target], panoptes: RetryingPanoptes
) -> list[Choice]:
    """Find the set of each share of a run's rows; nothing is made.

    What the user names is looked for at the server first; the name that the ledger remembers counts where no set
    bears it today.

    Raises
    ------
    ConfigError
        When the project or a set is not named, a name means several sets or could not be given to a new one.
    NotPermitted
        When the project or a set is not there for this account.
    """
    if not goal.project or not goal.subject_set:
        raise ConfigError(WHERE_TO)
    project = panoptes.project(goal.project)
    at = (panoptes.endpoint, project.project_id)
    here = [one for one in targets if (one.endpoint, one.project_id) == at]
    return [
        _choose(panoptes, project, here, named.subject_set or "", share, run.manifest_name)
        for named, share in goals(run, goal, set_by)
    ]


def choose_existing(
    run: Run, goal: Goal, set_by: str | None, targets: Sequence[Target], panoptes: RetryingPanoptes
) -> list[Choice]:
    """Find the sets of a run's rows that are there, as `choose` does.

    Raises
    ------
    ConfigError
        When none of them is.
    """
    found = choose(run, goal, set_by, targets, panoptes)
    existing = [choice for choice in found if choice.subject_set is not None]
    if not existing:
        raise ConfigError(
            f"{found[0].project.slug} has no set {found[0].name!r}: `zoocut sets list` shows what it has"
        )
    return existing


def _choose(
    panoptes: RetryingPanoptes,
    project: Project,
    here: Sequence[Target],
    reference: str,
    share: Share,
    manifest: str,
) -> Choice:
    same = [one for one in here if one.is_of(project.created)]
    if reference.startswith(ID) and not same:
        _refuse_another_server(here, reference)
    found = _find(panoptes, project, same, reference)
    if found is None:
        require_new_name(reference)
        return Choice(project, reference, None, share, None, manifest)
    known = next((one for one in same if one.set_id == found.set_id and one.is_set_of(found.created)), None)
    if known is None and reference.startswith(ID):
        _refuse_another_server(here, reference)
    if known is not None:
        _require_share(known, share)
        manifest = manifest_for(known, manifest)
    return Choice(project, found.name, found, share, known, manifest)


def _refuse_another_server(here: Sequence[Target], reference: str) -> None:
    """Refuse a number that the ledger knows and that means something else today."""
    for other in (one for one in here if f"{ID}{one.set_id}" == reference):
        raise LedgerError(
            f"{other.endpoint} is another server than the one that the ledger knows: its project or its set "
            f"{other.set_id} was made at another time than where {other.set_name!r} lies, so nothing that was uploaded "
            f"there is here; to upload to this one name its set with --project {other.project_slug} --set NAME"
        )


def _find(
    panoptes: RetryingPanoptes, project: Project, here: Sequence[Target], reference: str
) -> SubjectSet | None:
    remembered = resolve(here, Goal("", None, reference))
    if remembered is not None and reference.startswith(ID):
        return _still_there(panoptes, remembered)
    found = find_set(panoptes, project, reference)
    if remembered is None or (found is not None and found.set_id == remembered.set_id):
        return found
    if found is None:
        there = _still_there(panoptes, remembered)
        return there if remembered.is_set_of(there.created) else None
    raise ConfigError(
        f"{reference!r} is the set {ID}{found.set_id} today, and the run went to {ID}{remembered.set_id} under that "
        f"name: say which one with --set {ID}{found.set_id} or --set {ID}{remembered.set_id}"
    )


def target_of(
    choice: Choice,
    ledger: Ledger,
    panoptes: RetryingPanoptes,
    metadata: Mapping[str, str],
    patience_s: float,
) -> Target:
    """Return the ledger's target of a choice; a set that is not there yet is made with these metadata.

    Raises
    ------
    NotPermitted, ZooniverseError
        When the set cannot be made.
    """
    found = choice.subject_set or make_set(panoptes, choice.project, choice.name, metadata, patience_s)
    return ledger.add_target(
        panoptes.endpoint,
        choice.project.project_id,
        choice.project.slug,
        found.set_id,
        found.name,
        choice.share.key,
        choice.share.value,
        choice.manifest,
        choice.project.created,
        found.created,
    )


def _require_share(known: Target, share: Share) -> None:
    if share.key and not share.is_same_as(Share(known.set_by, known.set_value)):
        takes = f"those with {known.set_by} {known.set_value}" if known.set_by else "all of them"
        raise ConfigError(
            f"the set {known.set_name!r} takes rows of this run already, {takes}: give --set a name of its own for "
            f"those with {share.key} {share.value}"
        )


def manifest_for(known: Target, given: str) -> str:
    """Name the manifest that a known target goes on with: its own, unless the one by addresses is given."""
    return known.manifest if given == MANIFEST else given


def _still_there(panoptes: RetryingPanoptes, known: Target) -> SubjectSet:
    try:
        return panoptes.subject_set(known.set_id)
    except Refused as error:
        raise NotPermitted(
            f"subject set {known.set_id} ({known.set_name}) is gone from {known.endpoint}, or this account may not "
            "see it: restore the rights, or name another set with --set"
        ) from error


def where_to(
    run: Run, endpoint: str | None, environment: Mapping[str, str], settings: UploadSettings
) -> Goal:
    """Put together where an upload goes: options, the environment, what the run's ledger knows.

    Without a project and a set named, the run goes on where its ledger says, whatever the environment; a further
    set is made at the server that the run went to, unless another is named.

    Raises
    ------
    ConfigError
        When the endpoint is not one, or nothing tells which of several targets is meant.
    """
    going_on = settings.project is None and settings.subject_set is None
    named = endpoint or (None if going_on else environment.get("PANOPTES_ENDPOINT"))
    project = settings.project or (None if going_on else environment.get("ZOOCUT_PROJECT"))
    goal = Goal(
        normalise_endpoint(named) if named else "",
        project_reference(project) if project else None,
        settings.subject_set,
    )
    targets = _targets(run)
    if goal.project and goal.subject_set:
        fitting = [target for target in targets if _fits(target, goal)]
        return replace(goal, endpoint=goal.endpoint or _only_endpoint(fitting or targets))
    known = resolve(targets, goal)
    if known is None:
        raise ConfigError(WHERE_TO)
    return Goal(known.endpoint, f"{ID}{known.project_id}", goal.subject_set or f"{ID}{known.set_id}")


def _only_endpoint(targets: list[Target]) -> str:
    endpoints = {target.endpoint for target in targets}
    if len(endpoints) > 1:
        raise ConfigError(
            f"the run went to several servers: say which one with --endpoint ({', '.join(endpoints)})"
        )
    return endpoints.pop() if endpoints else PRODUCTION


def _targets(run: Run) -> list[Target]:
    if not run.ledger.exists():
        return []
    with Ledger.read(run.ledger) as ledger:
        return ledger.targets()


def note_index_fields(context: UploadContext, run: Run) -> None:
    """Note the manifest's index fields, those with a leading %, with the set, as panoptes-cli does."""
    first = next(run.rows(), None)
    fields = ",".join(filter(None, map(index_name, first.metadata if first else ())))
    if not fields:
        return
    subject_set = context.retrying.subject_set(context.target.set_id)
    if subject_set.metadata.get("indexFields") != fields:
        context.retrying.set_metadata(subject_set, {**subject_set.metadata, "indexFields": fields})
