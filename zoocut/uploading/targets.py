"""Which set at which server: found in the ledger first, then by name, then made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from zoocut.config.upload import UploadSettings
from zoocut.errors import ConfigError, NotPermitted, ZooniverseError
from zoocut.ledger import Ledger, Target
from zoocut.run.folder import MANIFEST, Run
from zoocut.run.manifest import ManifestRow
from zoocut.uploading.context import UploadContext
from zoocut.zooniverse.credentials import PRODUCTION, normalise_endpoint
from zoocut.zooniverse.panoptes import Panoptes, Project, SubjectSet
from zoocut.zooniverse.request_errors import Doubtful, Refused

__all__ = [
    "Goal",
    "Share",
    "choose_targets",
    "endpoint_of",
    "find_set",
    "goals",
    "known_target",
    "manifest_for",
    "note_index_fields",
    "shares",
]


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
        A display name.
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
        return not self.key or shared_value(metadata, self.key) == self.value


def shared_value(metadata: Mapping[str, str], key: str) -> str | None:
    """Read a metadata value by its key, whatever prefix hides it from whom."""
    return next(
        (value for name, value in metadata.items() if name.lstrip("#!/%") == key.lstrip("#!/%")), None
    )


def shares(rows: Iterable[ManifestRow], key: str, template: str) -> dict[str, Share]:
    """Tell which sets the rows go to when each value of `key` has its own.

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
        value = shared_value(row.metadata, key)
        if value is None:
            raise ConfigError(f"row {row.external_id} has no {key}: choose another key for --set-by")
        found.setdefault(template.replace("{" + key + "}", value), Share(key, value))
    return found


def known_target(targets: list[Target], goal: Goal) -> Target | None:
    """Find the target that a goal means among those of the ledger.

    Raises
    ------
    ConfigError
        When it means several.
    """
    fitting = [target for target in targets if _fits(target, goal)]
    if len(fitting) > 1 and goal.subject_set is None:
        names = "; ".join(f"--set {target.set_name!r} of {target.project_slug}" for target in fitting)
        raise ConfigError(f"the run goes to several sets: say which one with --project and --set ({names})")
    return fitting[0] if fitting else None


def _fits(target: Target, goal: Goal) -> bool:
    return (
        goal.endpoint in ("", target.endpoint)
        and (goal.project is None or goal.project.lower() in (target.project_id, target.project_slug.lower()))
        and goal.subject_set in (None, target.set_name)
    )


def goals(run: Run, goal: Goal, set_by: str | None) -> list[tuple[Goal, Share]]:
    """Tell which sets the run goes to, and which of its rows to each.

    Raises
    ------
    ConfigError
        When the sets' name does not tell them apart, or a row belongs to none.
    """
    if set_by is None:
        return [(goal, Share())]
    found = shares(run.rows(), set_by, goal.subject_set or "")
    return [(replace(goal, subject_set=name), share) for name, share in found.items()]


def choose_targets(
    run: Run, goal: Goal, set_by: str | None, ledger: Ledger, panoptes: Panoptes
) -> Iterator[Target]:
    """Give the target of each share of a run's rows, making sets that are new.

    Raises
    ------
    ConfigError
        When the project or a set is not named, or a name means several sets.
    NotPermitted
        When the project or a set is not there for this account.
    """
    for named, share in goals(run, goal, set_by):
        yield _choose_target(ledger, panoptes, named, share, run.manifest_name)


def _choose_target(ledger: Ledger, panoptes: Panoptes, goal: Goal, share: Share, manifest: str) -> Target:
    known = known_target(ledger.targets(), goal)
    if known is not None:
        _require_share(known, share)
        name = _still_there(panoptes, known).name
        return ledger.add_target(
            known.endpoint,
            known.project_id,
            known.project_slug,
            known.set_id,
            name,
            manifest=manifest_for(known, manifest),
        )
    if not goal.project or not goal.subject_set:
        raise ConfigError("say where to: --project owner/name and --set NAME")
    project = panoptes.project(goal.project)
    found = find_set(panoptes, project, goal.subject_set) or _make_set(panoptes, project, goal.subject_set)
    return ledger.add_target(
        panoptes.endpoint,
        project.project_id,
        project.slug,
        found.set_id,
        found.name,
        share.key,
        share.value,
        manifest,
    )


def _require_share(known: Target, share: Share) -> None:
    if share.key and share != Share(known.set_by, known.set_value):
        takes = f"those with {known.set_by} {known.set_value}" if known.set_by else "all of them"
        raise ConfigError(
            f"the set {known.set_name!r} takes rows of this run already, {takes}: give --set a name of its own for "
            f"those with {share.key} {share.value}"
        )


def manifest_for(known: Target, given: str) -> str:
    """Name the manifest that a known target goes on with: its own, unless the one by addresses is given."""
    return known.manifest if given == MANIFEST else given


def _still_there(panoptes: Panoptes, known: Target) -> SubjectSet:
    try:
        return panoptes.subject_set(known.set_id)
    except Refused as error:
        raise NotPermitted(
            f"subject set {known.set_id} ({known.set_name}) is gone from {known.endpoint}, or this account may not "
            "see it: restore the rights, or name another set with --set"
        ) from error


def find_set(panoptes: Panoptes, project: Project, name: str) -> SubjectSet | None:
    """Find the set of this name; None when there is none.

    Raises
    ------
    ConfigError
        When there are several.
    """
    found = panoptes.subject_sets(project, name)
    if len(found) > 1:
        raise ConfigError(f"{project.slug} has {len(found)} sets named {name!r}: rename all but one")
    return found[0] if found else None


def _make_set(panoptes: Panoptes, project: Project, name: str) -> SubjectSet:
    if name != name.strip() or not name or len(name) > 255:
        raise ConfigError(f"{name!r} cannot name a set: give 1 to 255 characters without spaces at the ends")
    try:
        return panoptes.create_subject_set(project, name, {})
    except (Refused, Doubtful) as error:
        made = find_set(panoptes, project, name)
        if made is not None:
            return made
        if isinstance(error, Refused):
            raise NotPermitted(
                f"this account may not make sets in {project.slug} ({error}): ask its owner for the role of "
                "collaborator"
            ) from error
        raise ZooniverseError(
            f"the set {name!r} could not be made ({error}): run the same command again"
        ) from error


def endpoint_of(
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
    goal = Goal(normalise_endpoint(named) if named else "", settings.project, settings.subject_set)
    targets = _targets(run)
    known = known_target(targets, goal)
    if known is not None:
        return Goal(known.endpoint, known.project_id, known.set_name)
    if not goal.project or not goal.subject_set:
        raise ConfigError("say where to: --project owner/name and --set NAME")
    return Goal(goal.endpoint or _endpoint_so_far(targets), goal.project, goal.subject_set)


def _endpoint_so_far(targets: list[Target]) -> str:
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
    fields = ",".join(key.lstrip("%") for key in (first.metadata if first else {}) if key.startswith("%"))
    if not fields:
        return
    subject_set = context.panoptes.subject_set(context.target.set_id)
    if subject_set.metadata.get("indexFields") != fields:
        context.panoptes.set_metadata(subject_set, {**subject_set.metadata, "indexFields": fields})
