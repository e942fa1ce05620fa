"""`zoocut status`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from zoocut.cli.options import JsonOption, RunFolder
from zoocut.files import typed

__all__ = ["status"]


def status(
    run: RunFolder,
    remote: Annotated[
        bool, typer.Option("--remote", help="Also ask the server: subjects, workflows, what volunteers did.")
    ] = False,
    watch: Annotated[
        float | None,
        typer.Option(
            "--watch",
            min=1.0,
            help="Show it again after this many seconds, until nothing is left to upload.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell where a run stands, from its ledger alone; also while an upload is running.

    Example: zoocut status night-run --json
    """
    from zoocut.cli.asking import told_when_stopped

    ended = _tell_status(run, remote, as_json)
    with told_when_stopped("stopped watching"):
        while watch is not None and not ended:
            time.sleep(watch)
            ended = _tell_status(run, remote, as_json)


def _tell_status(run: Path, remote: bool, as_json: bool) -> bool:
    """Tell where a run stands, and whether nothing of it is left to upload."""
    from zoocut.api.local_reports import status as describe
    from zoocut.cli.console import print_json

    found = describe(run, remote=remote)
    document = found.to_dict()
    if as_json:
        print_json(document)
    else:
        _tell(run, document)
    return found.ended


def _tell(run: Path, document: dict[str, Any]) -> None:
    from zoocut.cli.console import results

    about = document["run"]
    results.print(f"run {about['id']} in {about['path']}: {about['rows']} rows", markup=False)
    for target in document["targets"]:
        states = ", ".join(f"{count} {state}" for state, count in target["states"].items() if count)
        name = f"{target['project']['slug']}, set {target['subject_set']['display_name']!r}"
        results.print(f"{name} at {target['endpoint']}: {states or 'no rows'}", markup=False)
        if "talk" in target:
            files = ", ".join(f"{count} {state}" for state, count in target["talk"].items())
            results.print(f"  files for Talk: {files}", markup=False)
        if "remote" in target:
            _tell_remote(target["remote"])
        if target["last_error"]:
            results.print(f"  stopped by: {target['last_error']}", markup=False)
    results.print(f"next: {_next(run, document)}", markup=False)


def _tell_remote(remote: dict[str, Any] | None) -> None:
    from zoocut.cli.console import results

    if remote is None:
        results.print("  the set is gone from the server, or this account may not see it")
        return
    results.print(
        f"  {remote['subjects']} subjects in the set, served by {len(remote['workflows'])} workflows"
    )
    if remote["other_priorities"]:
        results.print(
            f"  {remote['other_priorities']} of them are served by another priority than the manifest says"
        )
    for one in remote["workflows"]:
        share = one["retired"] / remote["subjects"] if remote["subjects"] else 0.0
        state = "" if one["active"] else " (inactive)"
        results.print(
            f"  {one['name']} ({one['workflow_id']}){state}: {one['classified']} classified, "
            f"{one['retired']} retired, {share:.0%} complete",
            markup=False,
        )


def _lacks(target: dict[str, Any]) -> bool:
    """Whether the server has just told that it holds fewer subjects than were linked, or no set at all."""
    remote = target.get("remote", {"subjects": target["states"]["linked"]})
    return remote is None or remote["subjects"] < target["states"]["linked"]


def _next(run: Path, document: dict[str, Any]) -> str:
    targets = document["targets"]
    if not document["run"]["rows"]:
        return "finish `zoocut generate CONFIG -o RUN`: the manifest, which it writes last, has no rows yet"
    if not targets:
        return f"zoocut upload {typed(run)} --project OWNER/NAME --set 'SET NAME' --dry-run"
    if all(target["complete"] for target in targets):
        if any(_lacks(target) for target in targets):
            return f"the server holds less than was linked: zoocut verify {typed(run)}"
        return "nothing; every row is in its set"
    waiting = any(
        count
        for target in targets
        for state, count in target["states"].items()
        if state not in ("linked", "skipped", "rejected")
    )
    endpoints = [target["endpoint"] for target in targets if not target["complete"]]
    where = f" --endpoint {endpoints[0]}" if len({target["endpoint"] for target in targets}) > 1 else ""
    return f"zoocut upload {typed(run)}{where}" + ("" if waiting else " --retry-rejected")
