"""Every command that a message recommends can be typed as it is printed: it exists, and lacks nothing."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import zoocut
from zoocut.cli.main import app

SOURCES = Path(zoocut.__file__).parent
COMMAND = re.compile(r"`(zoocut [a-z][^`]*)`|next: (zoocut [a-z][^`]*?)(?:, then|$)")
FILLED = "1"
"""What stands for a value that a message fills in."""


def text_of(node: ast.AST) -> str:
    """Give a string as it is printed."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else FILLED


def strings(tree: ast.AST) -> Iterator[str]:
    """Yield the strings of a module that are not its documentation."""
    documented = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in inner:
            yield text_of(node)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and not {id(node)} & (documented | inner)
        ):
            yield node.value


def recommended() -> list[tuple[str, str]]:
    """List the commands in messages, each with the file that it stands in."""
    found = set()
    for path in SOURCES.rglob("*.py"):
        for text in strings(ast.parse(path.read_text(encoding="utf-8"))):
            for match in COMMAND.finditer(text):
                found.add((str(path.relative_to(SOURCES)), match[1] or match[2]))
    return sorted(found)


@pytest.mark.parametrize(("file", "line"), recommended())
def test_command_in_a_message_can_be_typed(file: str, line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while getattr(command, "commands", None):
        assert words, f"{line}: which command of it?"
        assert words[0] in command.commands, f"there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    try:
        command.make_context("zoocut", words)
    except Exception as error:  # typer keeps the classes of its errors to itself
        pytest.fail(f"{file}: {line}: {error}")


def test_a_command_without_its_argument_would_be_found() -> None:
    (found,) = strings(ast.parse("raise Error(f'run `zoocut upload` for {name}')"))
    assert COMMAND.search(found)
    with pytest.raises(pytest.fail.Exception, match="Missing"):
        test_command_in_a_message_can_be_typed("a.py", "zoocut upload")
