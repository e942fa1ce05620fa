"""`zoocut demo`."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Annotated

import typer


def demo(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A new folder. [default: zoocut-demo]", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same field.")] = 1,
) -> None:
    """Show the whole journey, from sources to votes, on a simulated field; needs no account and no network.

    It simulates three exposures, generates, uploads, kills its own upload half way, goes on, compares, lets robots
    classify and makes a page of what they say.

    Example: zoocut demo -o trial
    """
    from zoocut.cli.console import results
    from zoocut.demo import demo as travel
    from zoocut.error_kinds import FolderTaken

    folder = output or _unused(Path("zoocut-demo"))
    if folder.exists():
        raise FolderTaken(f"{folder} is there already: choose another folder with -o, or remove it")
    outcome = travel(folder, seed, lambda line: results.print(line, markup=False))
    results.print()
    results.print(f"{outcome.rows} subjects, exactly once. Look at {outcome.folder}:", markup=False)
    results.print(f"  {outcome.folder / 'run' / 'images'}  the pictures", markup=False)
    results.print(f"  {outcome.folder / 'run' / 'manifest.csv'}  what Zooniverse got", markup=False)
    results.print(f"  {outcome.page}  what the robots said, as a page", markup=False)
    results.print(
        f"  zoocut sandbox --data {outcome.folder / 'sandbox'}  the sandbox, with its pages", markup=False
    )


def _unused(folder: Path) -> Path:
    names = (folder if n == 1 else folder.with_name(f"{folder.name}-{n}") for n in count(1))
    return next(name for name in names if not name.exists())
