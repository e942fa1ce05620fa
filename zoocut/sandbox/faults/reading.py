"""Reading rules of faults: from a TOML file, from an option's text, from a request."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from zoocut.error_kinds import SandboxOptions
from zoocut.sandbox.faults.registry import FAULTS
from zoocut.sandbox.faults.rules import Rule

__all__ = ["read_faults", "rule_of", "rule_of_text"]

CHOICE = ("name", "route", "nth", "probability", "seed", "times")


def _nearest(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, known, 1, 0.4)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def rule_of(given: Mapping[str, Any], where: str) -> Rule:
    """Make a rule of a table.

    Parameters
    ----------
    given : mapping
        ``name`` and, as wanted, ``route``, ``nth`` (a number or a list), ``probability``, ``seed``,
        ``times`` and the settings of that fault.
    where : str
        What an error says about where the table stands.

    Raises
    ------
    ConfigError
        When the fault is not known, or a key or value of the table is wrong.
    """
    name = given.get("name")
    if not isinstance(name, str) or name not in FAULTS:
        raise SandboxOptions(f"{where}: there is no fault {name!r}; {_nearest(str(name), FAULTS)}")
    fault = FAULTS[name]
    for key in given:
        if key not in CHOICE and key not in fault.settings:
            known = (*CHOICE, *fault.settings)
            raise SandboxOptions(f"{where}: {name} has no setting {key!r}; {_nearest(key, known)}")
    settings = {key: _number(given.get(key, value), key, where) for key, value in fault.settings.items()}
    return Rule(
        name=name,
        route=_text(given.get("route", fault.route), "route", where),
        nth=_numbers(given.get("nth", []), where),
        probability=_number(given.get("probability", 1.0), "probability", where),
        seed=int(_number(given.get("seed", 0), "seed", where)),
        times=int(_number(given.get("times", 0), "times", where)),
        settings=settings,
    )


def _number(value: Any, key: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        raise SandboxOptions(f"{where}: {key} is {value!r}; give a number that is not negative")
    return value


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise SandboxOptions(f"{where}: {key} is {value!r}; give a text such as 'POST /api/subjects'")
    return value


def _numbers(value: Any, where: str) -> tuple[int, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in values):
        raise SandboxOptions(
            f"{where}: nth is {value!r}; give the number of a call, from 1, or a list of them"
        )
    return tuple(values)


def rule_of_text(text: str) -> Rule:
    """Make a rule of an option's text: ``NAME`` or ``NAME:key=value,key=value``; ``nth=1+4`` names two.

    Raises
    ------
    ConfigError
        When the text says nothing that a rule can be made of.
    """
    where = f"--fault {text!r}"
    name, _, rest = text.partition(":")
    given: dict[str, Any] = {"name": name.strip()}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise SandboxOptions(f"{where}: {part!r} has no '='; write NAME:key=value,key=value")
        given[key.strip()] = value if key.strip() == "route" else _literal(value, part, where)
    return rule_of(given, where)


def _literal(value: str, part: str, where: str) -> Any:
    try:
        if "+" in value:
            return [int(one) for one in value.split("+")]
        return int(value) if value.strip().isdigit() else float(value)
    except ValueError:
        raise SandboxOptions(f"{where}: {part!r} needs a number after the '='") from None


def read_faults(path: Path) -> tuple[Rule, ...]:
    """Read a file of ``[[fault]]`` tables.

    Raises
    ------
    ConfigError
        When the file cannot be read or holds anything else.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SandboxOptions(f"cannot read the faults in {path}: {error.strerror}; check --faults") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SandboxOptions(f"{path} is not TOML: {error}; correct that place") from error
    for key in content:
        if key != "fault":
            raise SandboxOptions(f"{path}: {key!r} is not known here; write each fault as a [[fault]] table")
    tables = content.get("fault", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SandboxOptions(f"{path}: write each fault as a [[fault]] table with two brackets")
    return tuple(rule_of(table, f"{path}, fault {number}") for number, table in enumerate(tables, 1))
