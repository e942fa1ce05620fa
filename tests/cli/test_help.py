"""Every command explains itself, with an example, and asking costs no heavy import."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

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
