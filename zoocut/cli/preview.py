"""`zoocut preview`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoocut.cli.options import JsonOption, RunFolder


def preview(
    path: RunFolder,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page; RUN/preview.html when not given.", show_default=False),
    ] = None,
    embed: Annotated[
        bool, typer.Option("--embed", help="Put the pictures into the page, to send it to somebody.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a page of the cutouts that opens from disk: search, sort, what volunteers see, what was rejected.

    Example: zoocut preview night-run
    """
    from zoocut.cli.console import print_json, results
    from zoocut.preview import make_preview
    from zoocut.preview.pictures import EmbeddedPictures, LinkedPictures
    from zoocut.run.folder import Run

    run = Run.open(path)
    page = output or run.path / "preview.html"
    made = make_preview(run, page, EmbeddedPictures(run) if embed else LinkedPictures(run, page))
    if as_json:
        print_json(
            {"version": 1, "page": str(page), "cutouts": made.cutouts, "rejected": made.rejected},
        )
        return
    results.print(f"{page}: {made.cutouts} cutouts, {made.rejected} rejected rows", markup=False)
    if made.data is not None:
        results.print(f"  further rows are in {made.data}: keep it beside the page", markup=False)
    results.print(f"open it: {page.resolve().as_uri()}", markup=False)
