"""Where sources come from; one file a kind of catalog."""

from __future__ import annotations

from pathlib import Path

from zoocut.config.catalog import AlertsSettings, TableSettings
from zoocut.model import Catalog

__all__ = ["open_catalog"]


def open_catalog(settings: AlertsSettings | TableSettings, folder: Path) -> Catalog:
    """Open the catalog that the settings name.

    Parameters
    ----------
    settings : AlertsSettings or TableSettings
        The `[catalog]` section.
    folder : Path
        What its relative paths are relative to.

    Raises
    ------
    InputError
        When nothing is there to be read.
    """
    match settings:
        case AlertsSettings():
            from zoocut.catalogs.alerts import AlertCatalog

            return AlertCatalog(settings, folder)
        case TableSettings():
            from zoocut.catalogs.table import TableCatalog

            return TableCatalog(settings, folder)
