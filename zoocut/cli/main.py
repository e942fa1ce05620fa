"""The program: its commands, and the one place where errors become a sentence and an exit code."""

from __future__ import annotations

import sys

import typer

from zoocut import __version__
from zoocut.cli.console import notes
from zoocut.cli.console import results as out
from zoocut.cli.lazy import lazy_group
from zoocut.errors import ZoocutError

__all__ = ["app", "run"]

COMMANDS = {
    "demo": "zoocut.cli.demo:demo",
    "init": "zoocut.cli.init:init",
    "generate": "zoocut.cli.generate:generate",
    "preview": "zoocut.cli.preview:preview",
    "upload": "zoocut.cli.upload:upload",
    "status": "zoocut.cli.status:status",
    "verify": "zoocut.cli.verify:verify",
    "adopt": "zoocut.cli.adopt:adopt",
    "export": "zoocut.cli.export:export",
    "join": "zoocut.cli.join:join",
    "results": "zoocut.cli.results:results",
    "sets": "zoocut.cli.sets_members:app",
    "metadata": "zoocut.cli.metadata:metadata",
    "supersede": "zoocut.cli.supersede:supersede",
    "dedupe": "zoocut.cli.dedupe:dedupe",
    "login": "zoocut.cli.login:login",
    "logout": "zoocut.cli.login:logout",
    "whoami": "zoocut.cli.login:whoami",
    "doctor": "zoocut.cli.doctor:doctor",
    "config": "zoocut.cli.config:app",
    "sandbox": "zoocut.cli.sandbox:sandbox",
}
"""Where each command is, in the order in which help shows them: that of a project's life."""

app = typer.Typer(
    name="zoocut",
    cls=lazy_group(COMMANDS),
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


def run() -> None:
    """Run the command line; exit with the code that belongs to what happened."""
    try:
        app()
    except ZoocutError as error:
        notes.print("error:", style="bold red", end=" ")
        notes.print(str(error), markup=False)
        sys.exit(error.exit_code)
