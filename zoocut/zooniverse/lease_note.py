"""What a set's metadata say about who uploads to it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from zoocut.zooniverse.records import SubjectSet

__all__ = ["LEASE", "LONGEST_STALE_S", "LeaseNote", "leased"]

LEASE = "#zoocut_lease"
"""The key in a set's metadata."""

LONGEST_STALE_S = 300.0
"""A lease that was not confirmed for so long is nobody's, whatever the uploader waits for."""


@dataclass(frozen=True, slots=True)
class LeaseNote:
    """A lease as it is written.

    Parameters
    ----------
    token : str
        Which uploader.
    run_id : str
        Of which run.
    beat : str
        When it was last confirmed, by the server's clock.
    """

    token: str
    run_id: str
    beat: str

    @classmethod
    def at(cls, token: str, run_id: str, now: float) -> LeaseNote:
        """Write a lease that is confirmed at a moment of the server's clock."""
        return cls(token, run_id, datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"))

    @classmethod
    def of(cls, found: SubjectSet) -> LeaseNote | None:
        """Read the lease of a set; None when there is none."""
        words = str(found.metadata.get(LEASE) or "").split(" ")
        return cls(*words) if len(words) == 3 else None

    def __str__(self) -> str:
        return f"{self.token} {self.run_id} {self.beat}"

    def age_s(self, now: float) -> float:
        """Return how long ago it was confirmed, by the server's clock."""
        try:
            return now - datetime.fromisoformat(self.beat).timestamp()
        except ValueError:
            return float("inf")

    @property
    def holder(self) -> str:
        """Who holds it, for people."""
        return f"run {self.run_id}, confirmed {self.beat}"


def leased(found: SubjectSet, now: float) -> str | None:
    """Tell who holds a lease of a set that was confirmed lately, by the server's clock; None without one."""
    note = LeaseNote.of(found)
    return None if note is None or note.age_s(now) > LONGEST_STALE_S else note.holder
