"""Where sources come from; one file a kind of catalog."""

from __future__ import annotations

from pathlib import Path

from zoocut.config.catalog import (
    AlertsSettings,
    ApdbSettings,
    ButlerTableSettings,
    CatalogSettings,
    TableSettings,
)
from zoocut.model import Catalog

__all__ = ["open_catalog"]


def open_catalog(settings: CatalogSettings, folder: Path) -> Catalog:
    """Open the catalog that the settings name.

    Parameters
    ----------
    settings : CatalogSettings
        The `[catalog]` section.
    folder : Path
        What its relative paths are relative to.

    Raises
    ------
    ConfigError
        When an optional dependency is not installed.
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
        case ApdbSettings():
            from zoocut.catalogs.apdb import ApdbCatalog

            return ApdbCatalog(settings, folder)
        case ButlerTableSettings():
            from zoocut.catalogs.butler import ButlerCatalog

            return ButlerCatalog(settings, folder)
