"""Every command explains itself, with an example, and asking costs no heavy import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest
import typer

from zoocut.cli.main import app

HEAVY = {
    "pandas",
    "numpy",
    "pyarrow",
    "astropy",
    "matplotlib",
    "PIL",
    "panoptes_client",
    "fastavro",
    "starlette",
    "uvicorn",
}


def commands() -> Iterator[tuple[str, ...]]:
    yield from below(typer.main.get_command(app), ())


def below(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, inner in getattr(command, "commands", {}).items():
        if getattr(inner, "commands", None):
            yield from below(inner, (*words, name))
        else:
            yield (*words, name)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_has_an_example(words: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", "zoocut", *words, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"Example: zoocut {' '.join(words)}" in " ".join(done.stdout.replace("│", " ").split())


def words_of(text: str) -> str:
    """Take the frames away and put each text on one line."""
    return " ".join("".join(" " if one in "│╭╮╰╯─" else one for one in text).split())


WIDE = {"COLUMNS": "1000", "TERMINAL_WIDTH": "1000"}
"""No text is broken into lines, between which the columns beside it would stand."""


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_loses_nothing_to_markup(words: tuple[str, ...]) -> None:
    """Every text stands in the help as it stands in the program, brackets and all."""
    command: Any = typer.main.get_command(app)
    group = ""
    for word in words:
        group, command = command.name, command.commands[word]
    done = subprocess.run(
        [sys.executable, "-m", "zoocut", *words, "--help"],
        capture_output=True,
        text=True,
        env=os.environ | WIDE,
    )
    shown = words_of(done.stdout)
    texts = [command.callback.__doc__, *(help_of(parameter) for parameter in command.params)]
    for text in filter(None, texts):
        assert words_of(text) in shown, (group, text)


def help_of(parameter: click.Parameter) -> str:
    """Give a parameter's help as it was written: what rich is handed has its brackets escaped."""
    return str(getattr(parameter, "help", "") or "").replace("\\[", "[")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["generate", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import json, sys\nfrom zoocut.cli.main import run\nsys.argv[1:] = json.loads(sys.argv[1])\n"
        "try:\n    run()\nfinally:\n    sys.stderr.write(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(arguments)], capture_output=True, text=True
    )
    imported = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert "zoocut" in imported
    assert not imported & HEAVY
