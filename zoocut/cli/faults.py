"""How errors are told: those that people can mend in a sentence, those of the program as what they are."""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from pathlib import Path

from zoocut.cli.console import notes, print_json, results

__all__ = ["FAULT", "OUTPUT_LOST", "fault_of_ours", "tell_error"]


FAULT = "Z900"
"""The code of what nobody foresaw."""

OUTPUT_LOST = "Z901"
"""The code of what a command says having nowhere to go."""


def tell_error(message: str, code: str) -> None:
    """Print an error and its code, also where notes are not wanted; with `--json`, also as a document."""
    quiet, notes.quiet = notes.quiet, False
    notes.print("error:", style="bold red", end=" ")
    notes.print(f"{message} [{code}]", markup=False)
    notes.quiet = quiet
    if "--json" in sys.argv and not results.holds_document:
        print_json({"version": 1, "error": {"code": code, "message": message}})


def fault_of_ours(error: Exception) -> str:
    """Write an error that nobody foresaw into a file, and say what to do with it.

    The file holds the traceback, without the values of variables, among which may be tokens.
    """
    from zoocut.logs import log

    log.error("a fault of zoocut: %s", type(error).__name__, exc_info=error)
    text = "".join(traceback.format_exception(error))
    name = (
        Path(tempfile.gettempdir()) / f"zoocut-fault-{time.strftime('%Y%m%d-%H%M%S')}-{id(error) % 9973}.txt"
    )
    told = f"{type(error).__name__}: {error}".partition("\n")[0]
    try:
        name.write_text(f"{_command()}\n{text}", encoding="utf-8")
    except OSError:
        for line in text.splitlines():
            notes.print(line)
        return (
            f"this is a fault of zoocut ({told}): please report it to its developers with what stands above"
        )
    return (
        f"this is a fault of zoocut ({told}): please report it to its developers with the file {name}, and with what "
        "`zoocut bug-report RUN` packs; what the run had reached is safe"
    )


def _command() -> str:
    """Write which command it was, without its words, which may be private."""
    commands = [word for word in sys.argv[1:3] if word.isidentifier() or word == "bug-report"]
    return f"zoocut {' '.join(commands)}"
