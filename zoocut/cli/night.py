"""`zoocut night`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoocut.cli.options import JsonOption

if TYPE_CHECKING:
    from zoocut.config.load import Loaded
    from zoocut.errors import ZoocutError
    from zoocut.night import NightRecord, Outcome

__all__ = ["night"]

NOT_FOR_A_PERSON = (5, 9, 129, 130, 143)
"""Exit codes of what the next call mends by itself: a server that is away, another call, a signal."""


def night(
    config: Annotated[Path, typer.Argument(help="The configuration file.", show_default=False)],
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            help="Stop after this step: generate, on a machine without network.",
            show_default=False,
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Begin with this step: upload, for nights that were drawn elsewhere.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes to draw with.")] = 1,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for another call on the same nights.")
    ] = 0.0,
    show: Annotated[bool, typer.Option("--status", help="Show the last nights, and do nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw, upload, verify and link what is new since the last time; it may be killed and run again, as by cron.

    Example: zoocut night zoocut.toml
    """
    from zoocut.cli.console import print_json, results
    from zoocut.cli.stopping import broken_off
    from zoocut.config.load import load
    from zoocut.errors import ZoocutError
    from zoocut.night.report import one_line

    for option, given, allowed in (("--until", until, "generate"), ("--from", begin, "upload")):
        if given not in (None, allowed):
            raise typer.BadParameter(f"{given!r} is not known: give {allowed}", param_hint=option)
    if until is not None and begin is not None:
        raise typer.BadParameter(
            "--from upload takes nights that are drawn: leave --until out", param_hint="--until"
        )
    loaded = load(config)
    if show:
        _show(loaded, as_json)
        return
    try:
        with broken_off("stopped; run the same command again, which goes on"):
            done = _run(loaded, jobs, until, begin, wait)
    except ZoocutError as error:
        _notify(loaded, error, [])
        raise
    if as_json:
        print_json({"version": 1, "nights": [_document(one) for one in done.nights], "said": done.said})
    else:
        for line in [*done.said, *(map(one_line, done.nights))] or ["nothing is new"]:
            results.print(line, markup=False)
    _end(loaded, done)


def _run(config: Loaded, jobs: int, until: str | None, begin: str | None, wait_s: float) -> Outcome:
    from zoocut.cli.console import notes
    from zoocut.night import run_nights
    from zoocut.night.record import STEPS

    return run_nights(
        config,
        jobs=jobs,
        until=STEPS[-1] if until is None else STEPS[0],
        from_the_catalog=begin is None,
        wait_s=wait_s,
        tell=lambda words: notes.print(f"note: {words}", markup=False),
    )


def _end(config: Loaded, done: Outcome) -> None:
    from zoocut.errors import InputError

    if done.error is not None:
        _notify(config, done.error, done.nights)
        raise done.error
    if done.left_out:
        error = InputError(
            f"{done.left_out} sources were not drawn or rejected: rejected.csv of each night says why"
        )
        _notify(config, error, done.nights)
        raise typer.Exit(3)


def _notify(config: Loaded, error: ZoocutError, nights: list[NightRecord]) -> None:
    from zoocut.cli.console import notes
    from zoocut.night.report import notify

    command = config.settings.night.notify
    if command is None or error.exit_code in NOT_FOR_A_PERSON:
        return
    failed = notify(command, error, nights)
    if failed is not None:
        notes.print(f"warning: {failed}", markup=False)


def _document(record: NightRecord) -> dict[str, object]:
    return {
        "night": record.night,
        "path": str(record.path),
        "done": record.done,
        "counts": dict(record.counts),
        "passed_over": len(record.passed_over),
        "steps": dict(record.steps),
        "error": record.error,
    }


def _show(config: Loaded, as_json: bool) -> None:
    from zoocut.cli.tables import show
    from zoocut.night import nights_in
    from zoocut.object_store import local_path

    rows = [
        {
            "night": one.night,
            "drawn": one.counts.get("drawn", 0),
            "linked": one.counts.get("linked", 0),
            "passed_over": len(one.passed_over),
            "state": "done" if one.done else f"after {[*one.steps][-1] if one.steps else 'nothing'}",
            "stopped_by": one.error or "",
        }
        for one in nights_in(local_path(config.folder, config.settings.night.root, "night.root"))
    ]
    show("nights", rows[-SHOWN:], as_json, False)


SHOWN = 20
