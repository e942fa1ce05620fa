"""Every command explains itself, with an example, and asking costs no heavy import."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import click
import pytest
import typer

from zoocut.cli.main import app
from zoocut.zooniverse.finding import set_name_problem

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


def words_of(text: str) -> str:
    """Take the frames away and put each text on one line."""
    return " ".join("".join(" " if one in "│╭╮╰╯─" else one for one in text).split())


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_has_an_example_and_loses_nothing_to_markup(
    zoocut: Callable[..., subprocess.CompletedProcess[str]], words: tuple[str, ...]
) -> None:
    """Every text stands in the help as it stands in the program, brackets and all; 1000 letters fit any line."""
    done = zoocut(*words, "--help", COLUMNS="1000")
    assert done.returncode == 0, done.stderr
    shown = words_of(done.stdout)
    assert f"Example: zoocut {' '.join(words)}" in shown
    told = [line.strip() for line in done.stdout.partition("╭")[0].splitlines()]
    assert not any(first and second for first, second in pairwise(told)), "a paragraph is broken off"
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    texts = [command.callback.__doc__, *(help_of(parameter) for parameter in command.params)]
    assert [text for text in filter(None, texts) if words_of(text) not in shown] == []


@pytest.mark.parametrize("words", [words for words in commands() if words[0] == "sets"], ids=" ".join)
def test_names_in_examples_are_taken(words: tuple[str, ...]) -> None:
    """What an example calls a set, a set may be called."""
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    example = command.callback.__doc__.partition("Example: ")[2].strip()
    names = [word for word in shlex.split(example)[3:] if " " in word]
    assert [set_name_problem(name) for name in names if set_name_problem(name)] == []


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


def test_numpy_starts_no_threads_of_its_own_in_a_command() -> None:
    """Linux tells; one processor has none to start."""
    program = (
        "import os, sys\nfrom zoocut.cli.main import run\nsys.argv[1:] = ['--version']\n"
        "try:\n    run()\nfinally:\n    import numpy\n    print(len(os.listdir('/proc/self/task')))"
    )
    environment = {name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.split()[-1] == "1", done.stderr
