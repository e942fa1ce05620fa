"""What is done beside the nights' own steps: pictures that are old, sets that were served for long."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from zoocut.config.load import Loaded
from zoocut.config.night import NightSettings
from zoocut.errors import LedgerError
from zoocut.night.record import NightRecord, read_night
from zoocut.night.root import os_error
from zoocut.night.withdrawing import SetKey, sets_of, take_out
from zoocut.run.folder import PICTURES_REMOVED

__all__ = ["keep_up"]

Tell = Callable[[str], None]


def keep_up(nights: Iterable[NightRecord], config: Loaded, tell: Tell) -> None:
    """Remove pictures and take sets out of the workflow, where the configuration says so and it is time.

    Raises
    ------
    ZoocutError
        When a set cannot be looked at, or a folder cannot be written.
    """
    settings, known = config.settings.night, list(nights)
    if settings.keep is not None:
        for night in known:
            if _is_older(night, settings.keep) and "verified" in night.steps:
                _remove_pictures(night, tell)
    if settings.unlink_after is not None:
        old = [night for night in known if _is_older(night, settings.unlink_after)]
        waiting = [night for night in old if "unlinked" not in night.steps]
        still_filled = sets_of(night for night in known if night not in old) if waiting else set()
        _take_all_out(waiting, settings, still_filled, tell)


def _take_all_out(
    nights: Iterable[NightRecord], settings: NightSettings, still_filled: Collection[SetKey], tell: Tell
) -> None:
    """Take out the sets of all nights; a ledger that cannot be used is told at the end, and keeps no other waiting."""
    stopped: LedgerError | None = None
    for night in nights:
        try:
            take_out(night, settings, still_filled, tell)
        except LedgerError as error:
            stopped = stopped or error
    if stopped is not None:
        raise stopped


def _is_older(night: NightRecord, days: float) -> bool:
    return datetime.now(UTC).date() - date.fromisoformat(night.night) > timedelta(days=days)


def _remove_pictures(night: NightRecord, tell: Tell) -> None:
    if night.pictures_removed:
        return
    mark = night.path / PICTURES_REMOVED
    try:
        mark.touch()  # before they go: what is cut off here must not be drawn again
    except OSError as error:
        raise os_error(mark, error) from error
    for name in ("images", "numpy", *(() if night.counts.get("not_on_talk") else ("talk",))):
        shutil.rmtree(night.path / name, ignore_errors=True)
    replace(read_night(night.path), pictures_removed=True).save()
    tell(f"the pictures of {night.night} are removed; ledger, manifest and sources stay")
