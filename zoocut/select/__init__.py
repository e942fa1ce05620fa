"""Which sources of a catalog a run takes."""

from zoocut.select.selection import Selection
from zoocut.select.spread import Spread

__all__ = ["Selection", "Spread"]
