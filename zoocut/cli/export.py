"""`zoocut export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoocut.cli.options import JsonOption, RunFolder


def export(
    path: RunFolder,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The table, .csv, .parquet or .ecsv; RUN/mapping.csv when not given.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write which subject each diaSourceId became, with its Talk page and its images' checksums.

    Example: zoocut export night-run -o mapping.parquet
    """
    from zoocut.cli.console import print_json, results
    from zoocut.exporting import export as write
    from zoocut.run.folder import Run

    run = Run.open(path)
    table = output or run.path / "mapping.csv"
    subjects = write(run, table)
    if as_json:
        print_json({"version": 1, "table": str(table), "subjects": subjects})
        return
    results.print(f"{table}: {subjects} subjects", markup=False)
