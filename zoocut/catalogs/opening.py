"""Opening the catalog that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from zoocut.config.catalog import (
    AlertsSettings,
    ApdbSettings,
    ButlerTableSettings,
    CatalogSettings,
    TableSettings,
)
from zoocut.config.plugged import PluggedCatalog
from zoocut.config.select import Cut
from zoocut.error_kinds import PluginFailed
from zoocut.model import Catalog
from zoocut.packets import KeptPackets

__all__ = ["open_catalog"]

NO_CUTS: Mapping[str, Cut] = MappingProxyType({})


def open_catalog(
    settings: CatalogSettings,
    folder: Path,
    cuts: Mapping[str, Cut] = NO_CUTS,
    rights_basis: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
    kept: KeptPackets | None = None,
) -> Catalog:
    """Open the catalog that the settings name.

    Parameters
    ----------
    settings : CatalogSettings
        The `[catalog]` section.
    folder : Path
        What its relative paths are relative to.
    cuts : mapping of str to Cut
        What will be asked of columns: a catalog that can may leave out rows that do not meet it.
    rights_basis : str, optional
        Why alerts of a survey's partners may be shown.
    tell : callable
        Told what was recognised, converted or left out of a table.
    kept : KeptPackets, optional
        Keeps alert packets for whoever cuts their stamps.

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

            return AlertCatalog(settings, folder, rights_basis, kept)
        case TableSettings():
            from zoocut.catalogs.table import TableCatalog

            return TableCatalog(settings, folder, tell)
        case ApdbSettings():
            from zoocut.catalogs.apdb import ApdbCatalog

            return ApdbCatalog(settings, folder, cuts)
        case ButlerTableSettings():
            from zoocut.catalogs.butler import ButlerCatalog

            return ButlerCatalog(settings, folder)
        case PluggedCatalog():
            return _plugged(settings, folder)


def _plugged(settings: PluggedCatalog, folder: Path) -> Catalog:
    catalog = settings.load()(settings, folder)
    if not isinstance(catalog, Catalog):
        raise PluginFailed(
            f"catalog.kind = {settings.kind!r}: what its package opens, {type(catalog).__name__}, is no "
            "zoocut.Catalog"
        )
    return catalog
