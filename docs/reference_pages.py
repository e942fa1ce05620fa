"""Pages of the reference, made from the program: its commands, its settings, its exit codes, its Python interface."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import EnumType
from pathlib import Path
from typing import Any

import typer
from choices import draw_choices

import zoocut
from zoocut import error_kinds, errors
from zoocut.api.settings_reference import every_setting
from zoocut.cli.main import app
from zoocut.config.reference import Setting

MADE = "<!-- Made from the program by docs/reference_pages.py. -->\n\n"

CODE = re.compile(r"Z\d{3}(?=: )")
"""What the heading of a kind of trouble begins with."""

Drawn = Mapping[str, Sequence[tuple[str, Sequence[str]]]]
"""By key of a setting: each choice as it is written, and the files of its pictures."""


def write_reference(folder: Path) -> None:
    """Write the pages of the reference, each only where it changes, so that a second build is quick."""
    folder.mkdir(exist_ok=True)
    pages = {
        "commands.md": commands_page(),
        "settings.md": settings_page(draw_choices(folder / "choices")),
        "exit-codes.md": exit_codes_page(),
        "python.md": python_page(),
    }
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != MADE + text:
            path.write_text(MADE + text, encoding="utf-8")


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, by the words that are typed."""
    yield from _below(typer.main.get_command(app), "zoocut")


def _below(group: Any, words: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if getattr(command, "commands", None):
            yield from _below(command, f"{words} {name}")
        else:
            yield f"{words} {name}", command


def options_of(command: Any) -> list[tuple[str, str, str]]:
    """Give name, meaning and default of each argument and option, `--help` aside."""
    shown = (one for one in command.params if not getattr(one, "hidden", False) and one.name != "help")
    return [(_name(one), _plain(getattr(one, "help", None) or ""), _default(one)) for one in shown]


def commands_page() -> str:
    """Describe every command."""
    general = options_of(typer.main.get_command(app))
    parts = ["# Commands\n", "These options may stand before a command or behind it:\n"]
    parts += [_option(*one) for one in general]
    for words, command in commands():
        text, _, example = inspect.cleandoc(command.callback.__doc__ or "").partition("Example: ")
        parts += [f"## {words}\n", _escaped(text.strip()), "", f"```\n{example.strip()}\n```\n"]
        parts += [_option(*one) for one in options_of(command)]
    return "\n".join(parts)


def settings_page(drawn: Drawn) -> str:
    """Describe every setting, a section each, with pictures of the choices of what is drawn."""
    parts = [
        "# Settings\n",
        "What a configuration file may say; `zoocut config explain KEY` prints the same, `zoocut config show FILE` what"
        " a file makes of it. A part of a key in capitals stands for a name of yours. All pictures are of one"
        " simulated source, drawn by zoocut when this page was made; what they do not name is the default, panels"
        " aside, which are 120 pixels wide.\n",
    ]
    for section, settings in itertools.groupby(every_setting(), lambda one: one.key.partition(".")[0]):
        parts += [f"## {section}\n", *(_setting(one, drawn) for one in settings)]
    return "\n".join(parts)


def _setting(one: Setting, drawn: Drawn) -> str:
    kind = f" (kind {one.kind})" if one.kind else ""
    entry = _entry(
        f"`{one.key} = {one.default}`{kind}", f"{_escaped(one.meaning)}  \n  *{_escaped(one.allowed)}*"
    )
    return entry + "".join(_choice(one.key, *choice) for choice in drawn.get(one.key, ()))


def _choice(key: str, told: str, files: Sequence[str]) -> str:
    """Show what one value of a setting looks like, inside of the setting's entry."""
    images = " ".join(f"![{key} = {told}](choices/{name})".replace('"', "") for name in files)
    lines = ["```{container} choice", f"`{told}`", "", images, "```"]
    return "\n" + "\n".join(f"  {line}".rstrip() for line in lines) + "\n"


def exit_codes_page() -> str:
    """Describe what each exit code says."""
    lines = ["# Exit codes\n", "| code | error | meaning |", "|---|---|---|", "| 0 | | done |"]
    kinds = {getattr(errors, name) for name in errors.__all__ if name[0].isupper()}
    for kind in sorted(kinds - {errors.ZoocutError, errors.Interrupted}, key=lambda one: one.exit_code):
        lines.append(f"| {kind.exit_code} | `{kind.__name__}` | {_first(kind)} |")
    lines += [
        f"| 130, 143 | `Interrupted` | {_first(errors.Interrupted)} |",
        "| 1 | | a fault of zoocut itself: it says so, and what to send to its developers |",
        "",
        "Code 3 also ends what was done but for some rows, which the message counts and `rejected.csv` or `zoocut"
        " status` names. The classes are those of `zoocut.errors`, for programs in Python.\n",
        "## Kinds of trouble\n",
        "A message ends with the code of its kind, under which [When something is wrong](../troubleshooting.md) tells"
        " what to do. These are the classes of `zoocut.error_kinds`; each exits as the class that it belongs to.\n",
        "| code | kind | belongs to | meaning |",
        "|---|---|---|---|",
    ]
    below = [getattr(error_kinds, name) for name in error_kinds.__all__]
    for kind in sorted(below, key=lambda one: str(one.code)):
        link = f"[{kind.code}](../troubleshooting.md#{kind.code.lower()})"
        lines.append(f"| {link} | `{kind.__name__}` | `{kind.__base__.__name__}` | {_first(kind)} |")
    return "\n".join(lines) + "\n"


def address_of(title: str) -> str:
    """Return what a heading is called in links: its code where it has one, since titles may change."""
    from myst_parser.mdit_to_docutils.base import default_slugify

    code = CODE.match(title)
    return code[0].lower() if code else default_slugify(title)


def python_page() -> str:
    """Name the functions and records that `import zoocut` offers; their docstrings are the page."""
    functions = [name for name in zoocut.__all__ if inspect.isfunction(getattr(zoocut, name))]
    classes = [name for name in zoocut.__all__ if inspect.isclass(getattr(zoocut, name))]
    plain = [name for name in classes if not name.endswith("Settings") and not name.startswith("Plugged")]
    parts = ["# Python interface\n", "How they are used: [From Python and notebooks](../python.md).\n"]
    parts += [_directive("autofunction", name) for name in functions]
    parts += [_directive("autoclass", name) for name in plain]
    parts.append("`DrawSettings` and `Settings` are the models behind [Settings](settings.md).\n")
    return "\n".join(parts)


def _directive(kind: str, name: str) -> str:
    return f"## {name}\n\n```{{eval-rst}}\n.. {kind}:: zoocut.{name}\n```\n"


def _first(kind: type) -> str:
    return (inspect.getdoc(kind) or "").splitlines()[0]


def _option(name: str, meaning: str, default: str) -> str:
    told = {"": "", "required": " (required)"}.get(default, f" (default `{default}`)")
    return _entry(f"`{name}`{told}", _escaped(meaning))


def _entry(term: str, text: str) -> str:
    """Write an entry of a definition list, which fits any width, as a table of long cells does not."""
    return f"{term}\n: {text}\n"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return names if parameter.is_flag or parameter.count else f"{names} {_value(parameter)}"


def _value(parameter: Any) -> str:
    """Name what an option is given: its own word for it, its choices, or its type."""
    described = getattr(parameter, "type_descriptor", None)  # of typer 0.29 and later; click's type before
    kind = parameter.type if described is None else described.annotation
    choices = getattr(kind, "choices", None) or (list(kind) if isinstance(kind, EnumType) else [])
    named = getattr(kind, "__name__", None) or kind.name
    return str(parameter.metavar or "/".join(getattr(one, "value", one) for one in choices) or named.upper())


def _default(parameter: Any) -> str:
    default = parameter.default
    if parameter.required:
        return "required"
    quiet = default is None or callable(default) or isinstance(default, bool) or default in ((), [], 0, "")
    return "" if quiet or "Sentinel" in type(default).__name__ else str(getattr(default, "value", default))


def _plain(text: str) -> str:
    """Take away what keeps rich from reading brackets as markup."""
    return re.sub(r"\\+\[", "[", text)


def _escaped(text: str) -> str:
    """Keep Markdown from reading a text, code between backticks aside."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*_<>\[\]{}|$])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
