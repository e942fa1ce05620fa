"""Intervals and stretches of astropy by name."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from zoocut.errors import did_you_mean

__all__ = ["find_named"]


def find_named(module: ModuleType, base: type, suffix: str, name: str) -> Any:
    """Find a class by its name with or without the suffix, in any case, words joined by nothing, - or _.

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

    Raises
    ------
    LookupError
        When there is none; says which name is near.
    """
    classes = {
        _plain(found.__name__, suffix): found
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, base) and found is not base
    }
    found = classes.get(_plain(name, suffix))
    if found is not None:
        return found
    advice = did_you_mean(_plain(name, suffix), sorted(classes), "choose one of")
    raise LookupError(f"astropy has no such {suffix.lower()}: {advice}")


def _plain(name: str, suffix: str) -> str:
    return name.lower().replace("-", "").replace("_", "").removesuffix(suffix.lower())
