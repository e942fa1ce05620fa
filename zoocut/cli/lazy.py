"""Commands whose modules are imported when they are used: a program of many commands starts as fast as one of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["lazy_group"]

Command = Any
"""What typer makes of a function; typer keeps its class to itself."""


class _Commands(MutableMapping[str, Command]):
    """Commands by name, each made when it is asked for.

    Parameters
    ----------
    places : mapping of str to str
        For each command the module and the function, or the group of commands, as `module:name`.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)

    def __getitem__(self, name: str) -> Command:
        return _made(name, self._places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __setitem__(self, name: str, command: Command) -> None:
        raise TypeError(f"{name} must be named by its module")

    def __delitem__(self, name: str) -> None:
        del self._places[name]


@cache
def _made(name: str, place: str) -> Command:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        group = typer.main.get_group(found)
        group.name = name
        for command in group.commands.values():
            _take_help_literally(command)
        return group
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    alone.command(name)(found)
    command = typer.main.get_command(alone)
    _take_help_literally(command)
    return command


def _take_help_literally(command: Command) -> None:
    """Keep rich from taking brackets, as in [select], for markup, which it would leave out."""
    from rich.markup import escape

    command.help = escape(command.help or "")
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = escape(parameter.help)


def lazy_group(places: Mapping[str, str]) -> type[TyperGroup]:
    """Make the class of a group whose commands are in these modules."""

    class LazyGroup(TyperGroup):
        """A group of commands that are imported when they are used."""

        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = _Commands(places)

    return LazyGroup
