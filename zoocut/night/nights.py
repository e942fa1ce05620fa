"""`zoocut night`: what is unfinished, then what is new, each night through its steps, one at a time.

A night is finished before a newer one begins. What stops one night for a fault of its own is told at the end, and the
others go on; a server that does not answer stops all, since it would stop each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from zoocut.config.load import Loaded
from zoocut.config.night import NightSettings
from zoocut.config.select import Cut
from zoocut.error_kinds import NightsUnclear
from zoocut.errors import NothingRecent, ZoocutError, ZooniverseError
from zoocut.generating.inputs import Inputs, open_inputs
from zoocut.model import DiaSource
from zoocut.night.choosing import Known, NewSources, choose_new, known_sources
from zoocut.night.names import set_names
from zoocut.night.publishing import require_root
from zoocut.night.record import STEPS, NightRecord, nights_in, read_night
from zoocut.night.root import alone, os_error
from zoocut.night.steps import STEPS_OF_A_NIGHT, Night, look_ahead
from zoocut.night.upkeep import keep_up
from zoocut.night.votes import count_votes
from zoocut.object_store import local_path

__all__ = ["Outcome", "run_nights"]


@dataclass(slots=True)
class Outcome:
    """What a call did.

    Parameters
    ----------
    nights : list of NightRecord
        The nights that it worked on, in order.
    said : list of str
        What else should be known.
    error : ZoocutError or None
        The first that stopped a night, or all.
    """

    nights: list[NightRecord] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    error: ZoocutError | None = None

    @property
    def left_out(self) -> int:
        """How many sources were not drawn, rows rejected, or files not attached to Talk."""
        return sum(
            night.counts.get(name, 0)
            for night in self.nights
            for name in ("not_drawn", "rejected", "not_on_talk")
        )


def run_nights(
    config: Loaded,
    *,
    jobs: int = 1,
    until: str = STEPS[-1],
    from_the_catalog: bool = True,
    wait_s: float = 0.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Finish the nights that were cut off, then take what is new.

    Parameters
    ----------
    config : Loaded
        The settings, `[night]` and `[upload]` among them.
    jobs : int
        Processes to draw with.
    until : str
        The last step to take: `generated` where there is no network.
    from_the_catalog : bool
        Whether new sources are looked for; False only finishes what is begun.
    wait_s : float
        How long another call is waited for, in seconds.
    tell : callable
        Told what is done.

    Returns
    -------
    Outcome
        Also what stopped a night: nothing is raised once a night has begun.

    Raises
    ------
    ConfigError, InputError
        When the configuration cannot be followed, before anything is made.
    NightBusy
        When another call works on the same nights.
    NeedsDecision, NothingRecent
        When what is new is too much, or too old.
    """
    _require_settings(config)
    root = local_path(config.folder, config.settings.night.root, "night.root")
    working = Night(config, partial(open_inputs, config), jobs, tell)
    outcome = Outcome()
    with alone(root, config, wait_s):
        nights = {night.path: night for night in nights_in(root)}
        begun = [night for night in nights.values() if from_the_catalog or STEPS[0] in night.steps]
        unfinished = [night for night in begun if until not in night.steps]
        if _all_finished(unfinished, working, until, outcome) and from_the_catalog:
            _take_new(root, nights, working, until, outcome)
    return outcome


def _take_new(
    root: Path, before: Mapping[Path, NightRecord], working: Night, until: str, outcome: Outcome
) -> None:
    """Take what is new through its steps; why it cannot be read is told beside what became of the nights before."""
    nights = {**before, **{night.path: night for night in outcome.nights}}
    try:
        new = _without_stopped(_new_nights(root, nights, working, until, outcome), outcome)
    except ZoocutError as error:
        if not outcome.nights:
            raise
        outcome.error = outcome.error or error
        return
    if _all_finished(new, working, until, outcome) and until == STEPS[-1]:
        _look_after(root, working.config, outcome, working.tell)


def _new_nights(
    root: Path, nights: Mapping[Path, NightRecord], working: Night, until: str, outcome: Outcome
) -> list[NightRecord]:
    """Write down what is new, by night, unless the server tells beforehand that it could not be uploaded."""
    inputs = open_inputs(_since(working.config, nights.values()))
    found = _new(inputs, nights.values(), working.config, outcome)
    coming = [night.isoformat() for night, sources in found.nights.items() if sources]
    if until == STEPS[-1] and coming:
        look_ahead(working, coming)
    return _recorded(root, nights, found)


def _without_stopped(new: Iterable[NightRecord], outcome: Outcome) -> list[NightRecord]:
    """Leave out nights that this call has met already and could not finish, unless they have got more sources."""
    stopped = {night.path: night.chosen for night in outcome.nights if night.error}
    return [night for night in new if stopped.get(night.path) != night.chosen]


def _require_settings(config: Loaded) -> None:
    """Refuse what no night could be made by."""
    set_names(config.settings)
    require_root(config.settings)
    if config.settings.select.limit is not None:
        raise NightsUnclear(
            "select.limit counts the rows of one run, not of nights: set night.limit in its stead"
        )


def _look_after(root: Path, config: Loaded, outcome: Outcome, tell: Callable[[str], None]) -> None:
    """See to old pictures, complete sets and votes; what goes wrong there is told beside what the nights came to."""
    try:
        keep_up(nights_in(root), config, tell)
        if said := count_votes(root, list(nights_in(root)), config.settings.night, tell):
            outcome.said.append(said)
    except ZoocutError as error:
        outcome.error = outcome.error or error


def _since(config: Loaded, nights: Iterable[NightRecord]) -> Loaded:
    """Ask the catalog only for rows that may be new, where a column that grows tells."""
    settings = config.settings
    column = settings.night.since_column
    known = [night.greatest for night in nights if night.greatest is not None]
    if column is None or not known:
        return config
    cuts = dict(settings.select.cuts)
    overlap = settings.night.overlap
    least = max(known) - (int(overlap) if overlap == int(overlap) else overlap)  # ids do not fit into floats
    before = cuts.get(column)
    if before is not None and isinstance(before.min, (int, float)):
        least = max(least, before.min)
    cuts[column] = before.model_copy(update={"min": least}) if before is not None else Cut(min=least)
    select = settings.select.model_copy(update={"cuts": cuts})
    return replace(config, settings=settings.model_copy(update={"select": select}))


def _new(inputs: Inputs, nights: Iterable[NightRecord], config: Loaded, outcome: Outcome) -> NewSources:
    settings = config.settings.night
    known: Known = known_sources(nights, settings)
    today = datetime.now(UTC).date()
    # {run_date} asks nothing of the data: what does not tell its night is of the day that takes it
    template = config.settings.upload.subject_set or ""
    undated = today if "{run_date}" in template and "{night}" not in template else None
    new = choose_new(inputs.catalog, known, settings, today, undated)
    if new.ahead:
        outcome.said.append(
            f"there are new sources of {new.ahead}, ahead of this machine's clock ({today}): see that the clock and "
            "the column of times are right"
        )
    if new.too_old:
        outcome.said.append(_too_old(new, settings))
    if new.unreadable:
        outcome.said.append(
            f"{new.unreadable} rows of the catalog cannot be read, or do not tell their night: "
            "`zoocut generate CONFIG -o RUN` names those that cannot be read"
        )
    if new.too_old and not any(new.nights.values()) and not outcome.nights:
        raise NothingRecent(f"{_too_old(new, settings)}; raise it to take them")
    return new


def _too_old(new: NewSources, settings: NightSettings) -> str:
    return f"{new.too_old} new sources are of nights older than night.max_age = {settings.max_age:g} d: passed over"


def _recorded(root: Path, nights: Mapping[Path, NightRecord], new: NewSources) -> list[NightRecord]:
    """Write down what each night is to hold, before anything of it is drawn; the newest night comes first."""
    found = []
    for night in sorted(new.nights, reverse=True):
        chosen, left = new.nights[night], new.passed_over.get(night, [])
        record = _record_of(root, nights, night)
        grown = replace(
            record,
            chosen=tuple(dict.fromkeys([*record.chosen, *_ids(chosen)])),
            passed_over=tuple(dict.fromkeys([*record.passed_over, *left])),
            greatest=new.greatest,
        )
        if not chosen and not record.chosen:  # all of it was passed over: nothing is to be made
            for step in STEPS:
                grown = grown.with_step(step)
        elif chosen:
            grown = replace(grown, steps={})
        found.append(grown.save())
    return [record for record in found if not record.done]


def _record_of(root: Path, nights: Mapping[Path, NightRecord], night: date) -> NightRecord:
    """Return the record that takes more of a night; one without its pictures is left alone."""
    name = path = root / night.isoformat()
    number = 1
    while (known := nights.get(path)) is not None and known.pictures_removed:
        number += 1
        path = name.with_name(f"{name.name}-{number}")
    return known or NightRecord(path, night.isoformat())


def _ids(sources: Iterable[DiaSource]) -> list[str]:
    return [str(source.dia_source_id) for source in sources]


def _all_finished(nights: Iterable[NightRecord], working: Night, until: str, outcome: Outcome) -> bool:
    """Take nights through their steps; return whether the server let all of them."""
    for night in nights:
        try:
            outcome.nights.append(_finished(night, working, until))
        except (ZoocutError, OSError) as caught:
            error = os_error(night.path, caught) if isinstance(caught, OSError) else caught
            stopped = replace(_newest(night), error=f"{error} [{error.code}]").save()
            outcome.nights.append(stopped)
            outcome.error = outcome.error or error
            if isinstance(error, ZooniverseError):
                return False
    return True


def _newest(night: NightRecord) -> NightRecord:
    """Return what was last written down of a night."""
    return read_night(night.path)


def _finished(night: NightRecord, working: Night, until: str) -> NightRecord:
    """Take a night through the steps that it lacks; each is written down before the next begins."""
    for name, take in STEPS_OF_A_NIGHT.items():
        if name not in night.steps:
            before = night
            night = take(working, night)
            if name == "generated" and _nothing_was_added(before, night):
                night = replace(night, steps=dict.fromkeys(STEPS, night.steps["generated"]))
            night.save()
        if name == until:
            break
    return night


def _nothing_was_added(before: NightRecord, after: NightRecord) -> bool:
    """Tell whether a night that was linked before has no further row: what could not be drawn still cannot."""
    return bool(before.counts.get("linked")) and before.counts.get("drawn") == after.counts.get("drawn")
