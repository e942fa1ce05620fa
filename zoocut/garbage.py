"""Python's search for garbage, which costs a program that mostly imports more than it finds."""

from __future__ import annotations

import atexit
import gc

__all__ = ["search_seldom"]

SEARCHED_AFTER = (50_000, 20, 20)
"""Python looks for garbage in circles after 700 new objects, mostly while it imports: a sixth of the processor time of
a short command, where measured; what circles leave until then are some megabytes. At its end nothing is looked for at
all: that would take 60 ms more."""


def search_seldom() -> None:
    """Set how often this process looks: for processes of zoocut's own, as a library has no say in it."""
    gc.set_threshold(*SEARCHED_AFTER)
    atexit.register(gc.freeze)
