"""What the user asks for: where to, how long is waited, how much at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoocut.error_kinds import NotConfirmed
from zoocut.uploading.goals import Goal

if TYPE_CHECKING:
    from zoocut.uploading.import_rules import ImportSettings

__all__ = ["CHECKS", "Timing", "UploadRequest", "not_made"]

CHECKS = {"all": 100, "sample": 3, "none": 0}
"""Public addresses read back for each batch of at most 100."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long is waited, in seconds, and how much is done at once.

    Parameters
    ----------
    settle_s : float
        Until the absence of a doubtful subject counts.
    give_up_after_s : float
        Without any progress.
    most_requests : int
        Requests under way at once.
    first_backoff_s : float
        Before the first repetition; doubles with each further one.
    """

    settle_s: float
    give_up_after_s: float
    most_requests: int
    first_backoff_s: float = 0.5


def not_made(question: str) -> None:
    """Refuse to make a further set: nobody agreed to it.

    Raises
    ------
    ConfigError
        Always.
    """
    raise NotConfirmed(
        f"{question}: correct the name, or agree to a new set with --create (in Python create=True)"
    )


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What the user asks for.

    Parameters
    ----------
    goal : Goal
        Where to.
    timing : Timing
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
    create : callable
        Told which further set would be made; raises when the user would rather not.
    talk_only : bool
        Whether only files for Talk are attached, to subjects that are there.
    importing : ImportSettings or None
        How rows are imported by the server; None when each is made by requests of its own.
    """

    goal: Goal
    timing: Timing
    confirm: Callable[[str], None]
    tell: Callable[[str], object]
    set_by: str | None = None
    sample: int | None = None
    rights: str | None = None
    retry_rejected: bool = False
    again: bool = False
    checks: int = 0
    create: Callable[[str], object] = not_made
    talk_only: bool = False
    importing: ImportSettings | None = None
