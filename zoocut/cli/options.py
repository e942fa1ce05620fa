"""Options and arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "CsvOption",
    "EncodingOption",
    "EndpointOption",
    "ImagesOption",
    "JsonOption",
    "ManifestFolder",
    "ProjectOption",
    "RunFolder",
    "RunsSetOption",
    "SetArgument",
    "YesOption",
    "listed",
]


def _project(text: str) -> str:
    from zoocut.config.upload import project_reference

    return project_reference(text)


RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The run folder.", show_default=False)]
ManifestFolder = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="The run folder: any folder with a manifest.csv.", show_default=False),
]
EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        help="The server; by default PANOPTES_ENDPOINT, else the real Zooniverse.",
        show_default=False,
    ),
]
ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project",
        "-p",
        envvar="ZOOCUT_PROJECT",
        parser=_project,
        metavar="PROJECT",
        help="The project as owner/name, its id or its web address.",
        show_default=False,
    ),
]
RunsSetOption = Annotated[
    str | None, typer.Option("--set", help="The set, where the run went to several.", show_default=False)
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it without being asked.")]
ImagesOption = Annotated[
    str | None,
    typer.Option(
        "--images",
        metavar="COLUMN,COLUMN",
        help="For a manifest of another tool: the columns that name images, in order.",
    ),
]
EncodingOption = Annotated[
    str | None,
    typer.Option(
        "--encoding", help="The encoding of a CSV that is neither UTF-8 nor UTF-16, such as cp1252."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")]


def listed(names: str | None) -> tuple[str, ...]:
    """Take a list of names that commas separate apart."""
    return tuple(name.strip() for name in (names or "").split(",") if name.strip())


SetArgument = Annotated[
    str,
    typer.Argument(metavar="SET", help="The set's name or id; id:N insists on the id.", show_default=False),
]
