"""`zoocut bug-report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoocut.cli.options import ManifestFolder

__all__ = ["bug_report"]


def bug_report(
    run: ManifestFolder,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log", exists=True, dir_okay=False, help="A file that --log-file made.", show_default=False
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The archive.")] = Path(
        "zoocut-bug-report.zip"
    ),
) -> None:
    """Pack versions, settings, counts and a log for a maintainer; no picture, no manifest, no account.

    Example: zoocut bug-report night-run --log zoocut.log
    """
    from zoocut.bug_report import pack_bug_report
    from zoocut.cli.console import results
    from zoocut.uploading.folder import look_at_run

    names = pack_bug_report(look_at_run(run), log, output)
    results.print(f"{output}: {', '.join(names)}; look at them before you send it", markup=False)
