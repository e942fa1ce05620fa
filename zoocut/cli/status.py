"""`zoocut status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["status"]


def status(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for scripts.")] = False,
) -> None:
    """Tell where a run stands, from its ledger alone; also while an upload is running.

    Example: zoocut status night-run --json
    """
    from zoocut.cli.console import print_json
    from zoocut.run import Run
    from zoocut.status import status as describe

    document = describe(Run.open(run))
    if as_json:
        print_json(document)
    else:
        _tell(run, document)


def _tell(run: Path, document: dict[str, Any]) -> None:
    from zoocut.cli.console import results

    about = document["run"]
    results.print(f"run {about['id']} in {about['path']}: {about['rows']} rows", markup=False)
    for target in document["targets"]:
        states = ", ".join(f"{count} {state}" for state, count in target["states"].items() if count)
        name = f"{target['project']['slug']}, set {target['subject_set']['display_name']!r}"
        results.print(f"{name} at {target['endpoint']}: {states or 'no rows'}", markup=False)
        if target["last_error"]:
            results.print(f"  stopped by: {target['last_error']}", markup=False)
    results.print(f"next: {_next(run, document)}", markup=False)


def _next(run: Path, document: dict[str, Any]) -> str:
    targets = document["targets"]
    if not targets:
        return f"zoocut upload {run} --project OWNER/NAME --set 'SET NAME' --dry-run"
    if all(target["complete"] for target in targets):
        return "nothing; every row is in its set"
    waiting = any(
        count
        for target in targets
        for state, count in target["states"].items()
        if state not in ("linked", "skipped", "rejected")
    )
    return f"zoocut upload {run}" if waiting else f"zoocut upload {run} --retry-rejected"
