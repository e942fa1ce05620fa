"""Which faults are to be injected, and into which calls."""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Faults", "Injected", "Rule"]


@dataclass(frozen=True)
class Rule:
    """One fault, the calls it may meet and how it picks among them.

    Attributes
    ----------
    name : str
        The fault.
    route : str
        Method and path, ``*`` for any run of characters: ``POST /api/subjects``.
    nth : tuple of int
        Which matching calls are met, counted from 1; empty for no choice by number.
    probability : float
        Chance that a matching call is met.
    seed : int
        Of that chance.
    times : int
        How often at most; 0 for no end.
    settings : dict
        What belongs to the fault itself, as ``delay_s``.
    """

    name: str
    route: str
    nth: tuple[int, ...] = ()
    probability: float = 1.0
    seed: int = 0
    times: int = 0
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Injected:
    """One fault that met one call."""

    at: int
    name: str
    rule: int
    call: int
    method: str
    path: str


class ActiveRule:
    """A rule at work: counts the calls that match and picks those to meet."""

    def __init__(self, number: int, rule: Rule) -> None:
        self.number, self.rule = number, rule
        self.calls = self.met = 0
        self._chance = random.Random(rule.seed)
        self._route = re.compile(".*".join(map(re.escape, rule.route.split("*"))))

    def meets(self, method: str, path: str) -> bool:
        """Count a call and tell whether the fault meets it."""
        if not self._route.fullmatch(f"{method} {path}"):
            return False
        self.calls += 1
        chosen = self._chosen() and not (self.rule.times and self.met >= self.rule.times)
        self.met += chosen
        return chosen

    def _chosen(self) -> bool:
        if self.rule.nth:
            return self.calls in self.rule.nth
        return self.rule.probability >= 1 or self._chance.random() < self.rule.probability


class Faults:
    """All rules of a sandbox and the record of what they did."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._watches: list[ActiveRule] = []
        self._numbers = 0
        self.injected: deque[Injected] = deque(maxlen=100_000)
        for rule in rules:
            self.add(rule)

    def __bool__(self) -> bool:
        return bool(self._watches)

    def add(self, rule: Rule) -> int:
        """Set a rule to work and return its number."""
        self._numbers += 1
        self._watches.append(ActiveRule(self._numbers, rule))
        return self._numbers

    def remove(self, number: int | None = None) -> int:
        """Take one rule away, or all; return how many went."""
        before = len(self._watches)
        self._watches = [w for w in self._watches if number is not None and w.number != number]
        return before - len(self._watches)

    def watches(self) -> list[ActiveRule]:
        """Return the rules at work."""
        return list(self._watches)

    def matching(self, method: str, path: str) -> list[ActiveRule]:
        """Return the rules that meet a call, in the order they were set."""
        return [watch for watch in self._watches if watch.meets(method, path)]
