"""`zoocut config`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoocut.cli.options import JsonOption

app = typer.Typer(help="Look at the settings.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Look at the settings."""


@app.command()
def show(
    path: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="The configuration file.", show_default=False)
    ],
    as_json: JsonOption = False,
) -> None:
    """Print every setting with where its value came from.

    Example: zoocut config show zoocut.toml
    """
    from zoocut.cli.console import print_json, results
    from zoocut.config.load import at, dotted, load

    loaded = load(path)
    tree = loaded.settings.model_dump(mode="json")
    rows = [(key, at(tree, key), loaded.origin.get(key, "default")) for key in dotted(tree)]
    if as_json:
        print_json({"version": 1, "settings": [{"key": k, "value": v, "origin": o} for k, v, o in rows]})
        return
    for key, value, origin in rows:
        results.print(f"{key} = {value!r}  ({origin})", markup=False)
