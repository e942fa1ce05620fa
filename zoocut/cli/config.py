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


@app.command()
def explain(
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="[KEY]",
            help="A key such as draw.panel_pix, or a section such as draw; without it, all are explained.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what settings mean, which values they take and what their defaults are.

    Example: zoocut config explain draw.panel_pix
    """
    from zoocut.api.settings_reference import every_setting
    from zoocut.cli.console import print_json, results
    from zoocut.config.reference import chosen

    settings = every_setting()
    found = settings if key is None else chosen(settings, key)
    if as_json:
        print_json({"version": 1, "settings": [one.to_dict() for one in found]})
        return
    for line in "\n".join(map(str, found)).splitlines():
        results.print(line, markup=False, highlight=False, soft_wrap=True)
