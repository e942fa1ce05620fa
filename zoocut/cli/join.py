"""`zoocut join`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoocut.cli.options import EncodingOption, JsonOption

if TYPE_CHECKING:
    from zoocut.join import Joined


def join(
    classifications: Annotated[
        Path, typer.Argument(help="Zooniverse's classification export, a CSV.", show_default=False)
    ],
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="The runs that the export is about.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The CSV to write.", show_default=False)],
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            "-c",
            help="A catalog column to add; may be repeated. Without it, all are added.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str, typer.Option("--key", help="The metadata key that holds the id, without its prefix.")
    ] = "diaSourceId",
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", help="The export's server, where the runs went to several."),
    ] = None,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add diaSourceId and the catalog's columns to a classification export.

    The export may have millions of rows. The id of a row is read from its subject_data, whatever prefix the key
    has, or found in the run's ledger by the subject's id. A row without one is kept, and its column `join` says why.

    Example: zoocut join classifications.csv night-run -o joined.csv -c ra -c dec -c snr
    """
    from zoocut.errors import Interrupted
    from zoocut.join import join as add_columns
    from zoocut.join import load_sources
    from zoocut.run.folder import Run

    try:
        sources = load_sources([Run.open(path) for path in runs], column or (), endpoint)
        joined = add_columns(classifications, output, sources, key, encoding)
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; {output} is as it was: run the same command again") from None
    _tell(joined, output, as_json)
    if not joined.whole:
        raise typer.Exit(3)


def _tell(joined: Joined, output: Path, as_json: bool) -> None:
    from zoocut.cli.console import notes, print_json, results

    if joined.recognised:
        notes.print(f"note: the export is {joined.recognised}", markup=False)
    if as_json:
        counts = {"rows": joined.rows, "outcomes": joined.outcomes, "unread_lines": joined.unread_lines}
        print_json({"version": 1, "output": str(output), **counts})
        return
    results.print(f"{output}: {joined.rows} rows, {joined.outcomes['joined']} joined", markup=False)
    for outcome, count in joined.outcomes.most_common():
        if outcome != "joined":
            results.print(f"  {count} x {outcome}", markup=False)
    if joined.unread_lines:
        notes.print(f"  left out, by line: {', '.join(map(str, joined.unread_lines))}", markup=False)
