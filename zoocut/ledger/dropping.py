"""Taking a target with all that belongs to it out of a ledger."""

from __future__ import annotations

from zoocut.ledger.book import Ledger
from zoocut.ledger.records import Target

__all__ = ["count_unsettled", "drop_target"]


def count_unsettled(ledger: Ledger, target: Target) -> int:
    """Count what may still arrive at the server: creates without an answer, and imports that are under way."""
    ((imports,),) = ledger.query(
        "SELECT COUNT(*) FROM imports WHERE target = ? AND state IN ('intent', 'running')", target.number
    )
    return int(imports) + sum(count for state, count in ledger.counts(target).items() if state.unsettled)


def drop_target(ledger: Ledger, target: Target) -> None:
    """Remove a target from every table that knows of it, in one transaction."""
    with ledger.transaction() as write:
        tables = write.execute(
            "SELECT tables.name FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns "
            "WHERE tables.type = 'table' AND columns.name = 'target'"
        ).fetchall()
        for (table,) in tables:
            write.execute(f"DELETE FROM {table} WHERE target = ?", (target.number,))
        write.execute("DELETE FROM targets WHERE number = ?", (target.number,))
