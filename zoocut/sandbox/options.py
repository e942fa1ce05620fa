"""What a sandbox can be told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from zoocut.sandbox.faults.rules import Rule

__all__ = [
    "ACCOUNTS",
    "CONFIDENTIAL_ID",
    "CONFIDENTIAL_SECRET",
    "PASSWORD",
    "Delays",
    "Options",
    "Volunteering",
]

ACCOUNTS = ("owner", "collab", "stranger", "banned")
"""Accounts every sandbox has; `banned` is one whose writes are swallowed."""

PASSWORD = "sandbox-password"
"""The password of every account; it protects nothing, the sandbox listens on loopback alone."""

CONFIDENTIAL_ID = "5a4d" * 16
"""The confidential application's client id; tokens granted to it act as `owner`."""

CONFIDENTIAL_SECRET = "5ec7" * 16
"""The confidential application's secret."""


@dataclass(frozen=True)
class Delays:
    """How long things take that a client may notice, in seconds."""

    set_change_s: float = 0.02
    """Between reading a subject set and committing a change of it."""
    count_s: float = 180.0
    """Before a subject set's count column follows its members."""
    priority_s: float = 2.0
    """Before `#priority` reaches a new membership."""
    removal_s: float = 60.0
    """Before subjects without a set are removed after their set was."""
    retire_s: float = 1.0
    """Before a retirement shows."""
    export_s: float = 0.5
    """Before an export is ready."""
    import_row_s: float = 0.0
    """For each row of an import."""


@dataclass(frozen=True)
class Volunteering:
    """Robots that classify.

    Attributes
    ----------
    count : int
        How many there are; they have accounts, ``volunteer-1`` and so on.
    accuracy : float
        The chance that one answers right.
    pause_s : float
        Seconds between two classifications.
    """

    count: int
    accuracy: float = 0.9
    pause_s: float = 0.05


@dataclass(frozen=True)
class Options:
    """The settings of one sandbox process."""

    data: Path
    accounts: tuple[str, ...] = ()
    url_life_s: float = 300.0
    token_life_s: float = 7200.0
    page_cap: int = 200
    subject_limit: int = 10_000
    import_limit: int = 100_000
    """Rows of a manifest, as production allows since July 2026."""
    export_every_s: float = 86_400.0
    """Seconds within which no second export of a thing is made; one that is asked for is never ready."""
    volunteers: Volunteering | None = None
    stale_documents: bool = False
    delays: Delays = field(default_factory=Delays)
    faults: tuple[Rule, ...] = ()

    def robots(self) -> list[str]:
        """Return the accounts of the robots that classify."""
        count = 0 if self.volunteers is None else self.volunteers.count
        return [f"volunteer-{number}" for number in range(1, count + 1)]
