"""Where sources come from: one file for each kind of catalog."""

from zoocut.catalogs.opening import open_catalog

__all__ = ["open_catalog"]
