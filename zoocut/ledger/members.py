"""What is known of the members of a subject set that others have made; kept beside the rows that go there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zoocut.ledger.book import Ledger
from zoocut.ledger.records import Member, Target

__all__ = ["MemberBook"]


class MemberBook:
    """The members of sets as they were listed last.

    Parameters
    ----------
    ledger : Ledger
        Holds them.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def count(self, target: Target) -> int | None:
        """Return how many members of other makers the set had when it was last listed; None when it was not."""
        ((count,),) = self._ledger.query("SELECT members_count FROM targets WHERE number = ?", target.number)
        return None if count is None else int(count)

    def keep(self, target: Target, members: Iterable[Member], others: int) -> None:
        """Replace what is known of a set's members."""
        with self._ledger.transaction() as write:
            write.execute("DELETE FROM members WHERE target = ?", (target.number,))
            write.executemany(
                "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)",
                ((target.number, m.subject_id, m.external_id, m.key) for m in members),
            )
            write.execute("UPDATE targets SET members_count = ? WHERE number = ?", (others, target.number))

    def count_own_strangers(self, target: Target, prefix: str) -> int:
        """Count the rows not linked here whose key, one that begins with `prefix`, an unknown member carries."""
        ((count,),) = self._ledger.query(
            "SELECT COUNT(*) FROM rows JOIN members USING (target, external_id) WHERE target = ? "
            "AND state IN ('planned', 'created', 'stored') AND rows.subject_id IS NOT members.subject_id "
            "AND substr(key, 1, length(?)) = ?",
            target.number,
            prefix,
            prefix,
        )
        return int(count)

    def held_by_others(self, target: Target) -> Mapping[int, tuple[str, str]]:
        """Return the planned rows that a kept member has the external_id of, each with that subject and its key."""
        found = self._ledger.query(
            "SELECT row, MIN(CAST(members.subject_id AS INTEGER)), key FROM rows JOIN members USING "
            "(target, external_id) WHERE target = ? AND state = 'planned' AND NOT EXISTS (SELECT 1 FROM rows AS own "
            "WHERE own.target = members.target AND own.subject_id = members.subject_id) GROUP BY row",
            target.number,
        )
        return {row: (str(subject_id), key) for row, subject_id, key in found}
