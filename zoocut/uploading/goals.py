"""What the user names, and where the run went: put together before anything is asked of a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from zoocut.config.upload import UploadSettings, project_reference
from zoocut.error_kinds import DestinationMissing, NotThere, SeveralMeant, UnsplitSet
from zoocut.ledger import Ledger, Target
from zoocut.metadata_keys import bare_name, values_of
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow
from zoocut.zooniverse.credentials import PRODUCTION, normalise_endpoint
from zoocut.zooniverse.finding import ID, means

__all__ = ["WHERE_TO", "Goal", "Share", "goals", "resolve", "shares", "uploaded_target", "where_to"]

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
    begun : tuple of Target
        All sets of a server that the run has begun, where none is named and there are several.
    """

    endpoint: str
    project: str | None
    subject_set: str | None
    begun: tuple[Target, ...] = ()


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
        raise UnsplitSet(
            f"--set {template!r} must hold {{{key}}}, so that each value of it has a set of its own"
        )
    found: dict[str, Share] = {}
    for row in rows:
        values = values_of(row.metadata, key)
        if len(values) != 1:
            told = f"several values of {key} ({', '.join(values)})" if values else f"no {key}"
            raise UnsplitSet(
                f"row {row.external_id} has {told}: choose a key that every row has for --set-by (a night: for "
                "upload.subject_set), or leave such rows out by [select.cuts]"
            )
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
        raise SeveralMeant(f"the run goes to several sets that could be meant: say which one ({listed})")
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
        raise NotThere(f"{run.path} was not uploaded there: it went to {names}")
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


def where_to(
    run: Run, endpoint: str | None, environment: Mapping[str, str], settings: UploadSettings
) -> Goal:
    """Put together where an upload goes: options, the environment, what the run's ledger knows.

    Without a project and a set named, the run goes on where its ledger says, whatever the environment, with all sets
    of a server that it has begun; a further set is made at the server and in the project that the run went to,
    unless another is named.

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
    fitting = [target for target in targets if _fits(target, goal)]
    if len(fitting) > 1 and goal.project is None and goal.subject_set is None:
        return Goal(_only_endpoint(fitting), f"{ID}{fitting[0].project_id}", None, tuple(fitting))
    known = resolve(targets, goal)
    if known is None:
        return _in_the_runs_project(goal, targets)
    return Goal(known.endpoint, f"{ID}{known.project_id}", goal.subject_set or f"{ID}{known.set_id}")


def _in_the_runs_project(goal: Goal, targets: list[Target]) -> Goal:
    """Take a set's name alone for one in the only project that the run is in."""
    ids = {(one.endpoint, one.project_id) for one in targets if goal.endpoint in ("", one.endpoint)}
    if goal.project or not goal.subject_set or len(ids) != 1:
        raise DestinationMissing(WHERE_TO)
    ((endpoint, project_id),) = ids
    return replace(goal, endpoint=endpoint, project=f"{ID}{project_id}")


def _only_endpoint(targets: list[Target]) -> str:
    endpoints = {target.endpoint for target in targets}
    if len(endpoints) > 1:
        raise SeveralMeant(
            f"the run went to several servers: say which one with --endpoint ({', '.join(endpoints)})"
        )
    return endpoints.pop() if endpoints else PRODUCTION


def _targets(run: Run) -> list[Target]:
    if not run.ledger.exists():
        return []
    with Ledger.read(run.ledger) as ledger:
        return ledger.targets()
