"""Intervals and stretches of astropy by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from zoocut.errors import did_you_mean

__all__ = ["check_options", "make_named"]

ARRAYS = frozenset({"data", "image", "transform_1", "transform_2"})
"""Parameters that are no numbers, so that a configuration file cannot give them."""


def make_named(module: ModuleType, base: type, suffix: str, name: str, options: Mapping[str, float]) -> Any:
    """Make an object of a class known by its name, with or without the suffix, in any case, words joined by - or _.

    Parameters
    ----------
    module : module
        Where to look.
    base : type
        What the class derives from.
    suffix : str
        End of all the classes' names, such as `Interval`.
    name : str
        What the user wrote.
    options : mapping of str to float
        Its parameters.

    Raises
    ------
    LookupError
        When there is none, or none that numbers alone describe; says which name is near.
    ValueError
        When an option is missing, unknown or not allowed.
    """
    classes: dict[str, Any] = {
        _plain(found.__name__, suffix): found
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, base) and found is not base
    }
    usable = {key: found for key, found in classes.items() if not ARRAYS & _parameters(found).keys()}
    plain = _plain(name, suffix)
    if plain in classes and plain not in usable:
        raise LookupError(f"it needs more than numbers: {did_you_mean('', sorted(usable), 'choose one of')}")
    if plain not in usable:
        advice = did_you_mean(plain, sorted(usable), "choose one of")
        raise LookupError(f"astropy has no such {suffix.lower()}: {advice}")
    check_options(usable[plain], options, suffix)
    return usable[plain](**options)


def check_options(found: Callable[..., Any], options: Mapping[str, float], suffix: str) -> None:
    """Make sure that a class takes some options, and gets those that it needs.

    Raises
    ------
    ValueError
        When one is missing or unknown.
    """
    known, key = _parameters(found), f"{suffix.lower()}_options"
    missing = [
        name
        for name, parameter in known.items()
        if parameter.default is parameter.empty and name not in options
    ]
    if missing:
        example = ", ".join(f"{name} = 1.0" for name in missing)
        raise ValueError(
            f"it needs {' and '.join(missing)}: set {key} = {{ {example} }} with values of yours"
        )
    strange = [name for name in options if name not in known]
    if strange:
        raise ValueError(f"{key} has no {strange[0]}: {did_you_mean(strange[0], list(known), 'it takes')}")


@cache  # several panels ask for the same, and to read a signature takes as long as to draw a source
def _parameters(found: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(found).parameters


def _plain(name: str, suffix: str) -> str:
    return name.lower().replace("-", "").replace("_", "").removesuffix(suffix.lower())
