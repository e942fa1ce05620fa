"""The program: its commands, and the one place where errors become a sentence and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from zoocut import __version__
from zoocut.cli.console import results as out
from zoocut.cli.faults import FAULT, OUTPUT_LOST, fault_of_ours, tell_error
from zoocut.cli.general_options import general_options_first, spoken
from zoocut.cli.lazy import lazy_group
from zoocut.cli.stopping import noted_interrupts
from zoocut.error_kinds.outcomes import no_room
from zoocut.errors import ZoocutError
from zoocut.garbage import search_seldom

__all__ = ["app", "run"]

COMMANDS = {
    "demo": "zoocut.cli.demo:demo",
    "init": "zoocut.cli.init:init",
    "generate": "zoocut.cli.generate:generate",
    "preview": "zoocut.cli.preview:preview",
    "publish": "zoocut.cli.publish:publish",
    "upload": "zoocut.cli.upload:upload",
    "status": "zoocut.cli.status:status",
    "verify": "zoocut.cli.verify:verify",
    "adopt": "zoocut.cli.adopt:adopt",
    "export": "zoocut.cli.export:export",
    "join": "zoocut.cli.join:join",
    "results": "zoocut.cli.results:results",
    "night": "zoocut.cli.night:night",
    "sets": "zoocut.cli.sets:app",
    "metadata": "zoocut.cli.metadata:metadata",
    "supersede": "zoocut.cli.supersede:supersede",
    "forget": "zoocut.cli.forget:forget",
    "dedupe": "zoocut.cli.dedupe:dedupe",
    "login": "zoocut.cli.login:login",
    "logout": "zoocut.cli.login:logout",
    "whoami": "zoocut.cli.login:whoami",
    "doctor": "zoocut.cli.doctor:doctor",
    "bug-report": "zoocut.cli.bug_report:bug_report",
    "config": "zoocut.cli.config:app",
    "sandbox": "zoocut.cli.sandbox:sandbox",
}
"""Where each command is, in the order in which help shows them: that of a project's life."""

ONE_MATRIX_THREAD = ("OPENBLAS_NUM_THREADS", "1")
"""Nothing here multiplies large matrices, and numpy's further threads compute 0.1 s in vain when it is loaded."""

app = typer.Typer(
    name="zoocut",
    cls=lazy_group(COMMANDS),
    help="Make Zooniverse subject sets of the sources in difference images. Any command can be killed and run again.",
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
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, help="Say more: retries and reasons; twice, every request."
        ),
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.")] = False,
    log_file: Annotated[
        Path | None,
        typer.Option(
            "--log-file",
            envvar="ZOOCUT_LOG_FILE",
            help="Add what is done to a file of JSON lines: time, row, step, request, status, milliseconds.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """From difference-image sources to a live Zooniverse subject set.

    Options above may stand before the command or behind it.
    """
    if verbose or quiet or log_file is not None:
        context.with_resource(spoken(verbose, quiet, log_file))


def run() -> None:
    """Run the command line; exit with the code that belongs to what happened."""
    search_seldom()
    os.environ.setdefault(*ONE_MATRIX_THREAD)
    out.holds_document = False
    sys.argv[1:] = general_options_first(sys.argv[1:])
    with noted_interrupts() as interrupts:
        _run(interrupts)


def _run(interrupts: Event) -> None:
    try:
        app()
    except ZoocutError as error:
        tell_error(str(error), error.code)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            _tell_unforeseen(error)
            sys.exit(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer has nowhere to go either
        tell_error(
            "what this command says cannot be written (no space left on the device that standard output goes to): send "
            "it elsewhere; what the command did is done",
            OUTPUT_LOST,
        )
        sys.exit(1)
    except Exception as error:  # what nobody foresaw is a fault of the program, and says so
        if interrupts.is_set():
            sys.exit(128 + signal.SIGINT)
        _tell_unforeseen(error)
        sys.exit(1)


def _tell_unforeseen(error: Exception) -> None:
    """Tell that the machine has no room, or else that it is a fault of the program."""
    if refused := no_room(error):
        tell_error(str(refused), refused.code)
    else:
        tell_error(fault_of_ours(error), FAULT)
