"""Where a run stands, from its ledger alone: nothing is asked over the network."""

from __future__ import annotations

from typing import Any

from zoocut.ledger import Ledger, State, Target
from zoocut.run.folder import Run
from zoocut.run.manifest import count_rows

__all__ = ["status"]

VERSION = 1
"""Of the document's form; it may grow further keys without a new number."""


def status(run: Run) -> dict[str, Any]:
    """Describe a run and its targets.

    Returns
    -------
    dict
        `version`, `run` (`id`, `path`, `rows`) and `targets`, each with `endpoint`, `project`, `subject_set`,
        `states`, `complete` and `last_error`.

    Raises
    ------
    InputError
        When the manifest cannot be read.
    LedgerError
        When the ledger is damaged or newer than this program.
    """
    targets = []
    if run.ledger.exists():
        with Ledger.read(run.ledger) as ledger:
            targets = [_describe(ledger, target) for target in ledger.targets()]
    rows = count_rows(run.manifest) if run.has_manifest else 0
    return {
        "version": VERSION,
        "run": {"id": run.run_id, "path": str(run.path), "rows": rows},
        "targets": targets,
    }


def _describe(ledger: Ledger, target: Target) -> dict[str, Any]:
    counts = ledger.counts(target)
    done = counts[State.LINKED] + counts[State.SKIPPED]
    return {
        "endpoint": target.endpoint,
        "project": {"id": target.project_id, "slug": target.project_slug},
        "subject_set": {"id": target.set_id, "display_name": target.set_name},
        "states": {state.value: count for state, count in counts.items()},
        "complete": 0 < sum(counts.values()) == done,
        "last_error": ledger.last_error(target),
    }
