"""The program: its commands, and the one place where errors become a sentence and an exit code."""

from __future__ import annotations

import sys

import typer

from zoocut import __version__
from zoocut.cli import (
    adopt,
    config,
    dedupe,
    demo,
    doctor,
    export,
    generate,
    init,
    join,
    login,
    metadata,
    preview,
    results,
    sandbox,
    sets_members,
    status,
    supersede,
    upload,
    verify,
)
from zoocut.cli.console import notes
from zoocut.cli.console import results as out
from zoocut.errors import ZoocutError

__all__ = ["app", "run"]

app = typer.Typer(
    name="zoocut",
    help="From difference-image sources to a live Zooniverse subject set: kill any command, run it again.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        out.print(f"zoocut {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """From difference-image sources to a live Zooniverse subject set."""


app.command()(demo.demo)
app.command()(init.init)
app.command()(generate.generate)
app.command()(preview.preview)
app.command()(upload.upload)
app.command()(status.status)
app.command()(verify.verify)
app.command()(adopt.adopt)
app.command()(export.export)
app.command()(join.join)
app.command()(results.results)
app.add_typer(sets_members.app, name="sets")
app.command()(metadata.metadata)
app.command()(supersede.supersede)
app.command()(dedupe.dedupe)
app.command()(login.login)
app.command()(login.logout)
app.command()(login.whoami)
app.command()(doctor.doctor)
app.add_typer(config.app, name="config")
app.command()(sandbox.sandbox)


def run() -> None:
    """Run the command line; exit with the code that belongs to what happened."""
    try:
        app()
    except ZoocutError as error:
        notes.print("error:", style="bold red", end=" ")
        notes.print(str(error), markup=False)
        sys.exit(error.exit_code)
