"""Commands whose modules are imported when they are used: a program of many commands starts as fast as one of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["lazy_group"]

WHOLE = 200
"""Letters of a command's help in the list of all: none of them begins with a longer paragraph."""

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
            _take_help_as_prose(command)
            _take_plain_values(command)
        return group
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    alone.command(name)(found)
    command = typer.main.get_command(alone)
    _take_help_as_prose(command)
    _take_plain_values(command)
    return command


def _take_help_as_prose(command: Command) -> None:
    """Keep brackets, as in [select], which rich takes for markup, and let paragraphs fill the terminal's width."""
    from rich.markup import escape

    paragraphs = (command.help or "").split("\n\n")
    command.help = escape("\n\n".join(" ".join(one.splitlines()) for one in paragraphs))
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = escape(parameter.help)


class _PlainValues:
    """Takes values that need no check as they are.

    Everything else is typer's to check, which imports pydantic for it: a quarter of a second on a busy machine.

    Parameters
    ----------
    parameter : typer's option or argument
        Whose values they are.
    """

    def __init__(self, parameter: Any) -> None:
        self._kind = parameter.type_descriptor.annotation
        about = parameter.type_descriptor.parameter_info
        checked = (
            about.exists or about.writable or about.resolve_path or not (about.file_okay and about.dir_okay)
        )
        self._plain = about.parser is None and not (self._kind is Path and checked)

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a value of the command line as the command takes it."""
        several = param.multiple or param.nargs == -1
        if value is None and not several:
            return None
        if self._plain and not several:
            if self._kind in (str, int) and type(value) is self._kind:
                return value
            if self._kind is Path and isinstance(value, str | Path):
                return Path(value)
        param._runtime_param = None  # made anew by typer
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _take_plain_values(command: Command) -> None:
    """Have a command's options and arguments, also those that typer adds when it is used, take plain values."""
    all_parameters = command.get_params

    def with_plain_values(context: Any) -> Any:
        found = all_parameters(context)
        for parameter in found:
            if hasattr(
                parameter, "type_descriptor"
            ):  # of typer 0.29: others check values without pydantic, or their way
                parameter._runtime_param = _PlainValues(parameter)
        return found

    command.get_params = with_plain_values


def lazy_group(places: Mapping[str, str]) -> type[TyperGroup]:
    """Make the class of a group whose commands are in these modules."""

    class LazyGroup(TyperGroup):
        """A group of commands that are imported when they are used."""

        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = _Commands(places)
            _take_plain_values(self)

        def format_help(self, ctx: Any, formatter: Any) -> None:
            """Write the list of commands as plain text: what draws frames around it takes longer than all else."""
            super(TyperGroup, self).format_help(ctx, formatter)

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            """Write each command with its first sentences in full."""
            with formatter.section("Commands"):
                formatter.write_dl([(n, one.get_short_help_str(WHOLE)) for n, one in self.commands.items()])

    return LazyGroup
