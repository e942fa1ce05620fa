"""What was measured of a source's object before: one file for each place that histories come from."""

from zoocut.catalogs.history.opening import open_histories
from zoocut.catalogs.history.points import Histories, History, Kind, Point

__all__ = ["Histories", "History", "Kind", "Point", "open_histories"]
