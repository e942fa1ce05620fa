"""Opening the history that the settings name."""

from __future__ import annotations

from pathlib import Path

from zoocut.catalogs.history.points import Histories
from zoocut.config.catalog import ApdbSettings
from zoocut.config.history import (
    ApdbHistorySettings,
    ButlerHistorySettings,
    FieldsHistorySettings,
    PacketHistorySettings,
    TableHistorySettings,
)
from zoocut.config.rights import covers_partners
from zoocut.config.settings import Settings
from zoocut.error_kinds import RightsUnclear, WrongSetting

__all__ = ["open_histories"]


def open_histories(settings: Settings, folder: Path) -> Histories:
    """Open the `[history]` section.

    Parameters
    ----------
    settings : Settings
        All settings: the catalog tells where sources come from, the rights what may be shown.
    folder : Path
        What relative paths are relative to.

    Raises
    ------
    ConfigError
        When an optional dependency is not installed, or the catalog cannot have such a history.
    InputError
        When nothing is there to be read.
    """
    from zoocut.catalogs.history.grouped import TableHistories

    history = settings.history
    match history:
        case PacketHistorySettings() | FieldsHistorySettings():
            from zoocut.catalogs.history.packets import PacketHistories

            _require_packets(settings)
            return PacketHistories(history)
        case TableHistorySettings():
            from zoocut.catalogs.history.tables import TableRows

            return TableHistories(TableRows(history, folder), history.object_of_source)
        case ApdbHistorySettings():
            from zoocut.catalogs.history.apdb import ApdbRows

            return TableHistories(ApdbRows(_with_database(history, settings), folder), "diaObjectId")
        case ButlerHistorySettings():
            from zoocut.catalogs.history.butler import ButlerRows

            return TableHistories(ButlerRows(history, folder), history.object_of_source)


def _require_packets(settings: Settings) -> None:
    if settings.catalog.kind != "alerts":
        raise WrongSetting(
            f"[catalog] kind = {settings.catalog.kind!r} has no packets that carry a history: set [history] kind to"
            " apdb, table or butler"
        )
    history = settings.history
    if (
        isinstance(history, PacketHistorySettings)
        and {*history.programid} - {1}
        and not covers_partners(settings.rights.basis)
    ):
        raise RightsUnclear(
            "history.programid names programmes of ZTF that are not public: say in [rights] basis, in your words, why"
            " their measurements may be shown"
        )


def _with_database(history: ApdbHistorySettings, settings: Settings) -> ApdbHistorySettings:
    """Take the catalog's own database where the section names none."""
    if history.path is not None or history.url is not None:
        return history
    catalog = settings.catalog
    if not isinstance(catalog, ApdbSettings):
        raise WrongSetting("history.kind = 'apdb' needs a path (SQLite) or a url (PostgreSQL)")
    own = {"path": catalog.path, "url": catalog.url, "namespace": history.namespace or catalog.namespace}
    return history.model_copy(update=own)
