"""What the user asks for: where to, and how patiently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zoocut.config.upload import UploadSettings
from zoocut.errors import ConfigError
from zoocut.ledger import Ledger, Target
from zoocut.run.folder import Run
from zoocut.run.manifest import read_manifest
from zoocut.uploading.conductor import Patience
from zoocut.uploading.targets import Goal, known_target
from zoocut.zooniverse.account import PRODUCTION, normalise_endpoint

__all__ = ["Order", "endpoint_of", "instruments"]


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asks for.

    Parameters
    ----------
    goal : Goal
        Where to.
    patience : Patience
        How long, how much at once.
    confirm : callable
        Told what the user should know first; raises when they would rather not.
    tell : callable
        Told what the user should know and need not decide.
    set_by : str or None
        A metadata key; each of its values has a set of its own.
    sample : int or None
        Only so many rows.
    rights : str or None
        On what grounds the pixels may be public.
    retry_rejected : bool
        Whether rejected rows get another chance.
    again : bool
        Whether rows that the set already holds from elsewhere are made again.
    checks : int
        How many public addresses are read back before each batch is linked.
    """

    goal: Goal
    patience: Patience
    confirm: Callable[[str], None]
    tell: Callable[[str], None]
    set_by: str | None = None
    sample: int | None = None
    rights: str | None = None
    retry_rejected: bool = False
    again: bool = False
    checks: int = 0


def instruments(run: Run) -> set[str]:
    """Name the instruments that the manifest's rows tell of."""
    keys = ("instrument", "instrume")
    return {
        value
        for row in read_manifest(run.manifest)
        for key, value in row.metadata.items()
        if key.lstrip("#!/%").lower() in keys
    }


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
