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
    from zoocut.api.local_reports import export as write
    from zoocut.cli.console import print_json, results

    written = write(path, output)
    if as_json:
        print_json(written.to_dict())
        return
    results.print(f"{written.table}: {written.subjects} subjects", markup=False)
