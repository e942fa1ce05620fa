"""`zoocut init`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

PLACES = (Path(__file__).parents[1] / "configs", Path(__file__).parents[2] / "configs")
"""In the installed package, and in a checkout."""


class Source(StrEnum):
    """The kinds of input that a commented configuration exists for."""

    BUTLER = "rubin-butler"
    APDB = "rubin-apdb"
    LSST_ALERTS = "lsst-alerts"
    ZTF_ALERTS = "ztf-alerts"
    OTHER_ALERTS = "other-alerts"
    FRAMES = "frames"


def init(
    source: Annotated[
        Source, typer.Option("--source", help="The kind of input.", show_default=False, case_sensitive=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("zoocut.toml"),
) -> None:
    """Write a commented configuration for your kind of input, to be edited.

    Example: zoocut init --source ztf-alerts
    """
    from zoocut.cli.console import results
    from zoocut.error_kinds import FolderTaken
    from zoocut.files import write_whole

    if output.exists():
        raise FolderTaken(f"{output} is there already: choose another name with -o")
    folder = next(place for place in PLACES if place.is_dir())
    text = (folder / f"{source.value}.toml").read_text(encoding="utf-8")
    write_whole(output, text.replace(f"configs/{source.value}.toml", str(output)).encode())
    results.print(f"{output}: edit its paths, then zoocut generate {output} -o RUN", markup=False)
