"""On what grounds the pixels of a run may be shown to the public."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoocut.errors import ConfigError
from zoocut.metadata_keys import values_of
from zoocut.run.folder import Run

__all__ = ["instruments", "require_basis"]


PROPRIETARY_KINDS = ("apdb", "butler", "lsst", "exposures")
"""Kinds of input that lead to Rubin's data."""

INSTRUMENT_KEYS = ("instrument", "instrume")
"""As catalogs and as FITS headers call it."""


def require_basis(settings: Mapping[str, Any], instruments: set[str], given: str | None) -> str | None:
    """Tell on what grounds a run's pixels may be uploaded; None where no grounds are needed.

    Parameters
    ----------
    settings : mapping
        What the run was made with.
    instruments : set of str
        The instruments that its manifest names.
    given : str or None
        What the user says.

    Raises
    ------
    ConfigError
        When the pixels are of an LSST instrument and nothing is said.
    """
    basis = given or settings.get("rights", {}).get("basis")
    proprietary = _proprietary(settings) or any(name.upper().startswith("LSST") for name in instruments)
    if proprietary and not basis:
        raise ConfigError(
            "pixels of an LSST instrument may be proprietary: say why they may be public with --rights TEXT or "
            '[rights] basis = "..." in the configuration'
        )
    return basis


def _proprietary(settings: Mapping[str, Any]) -> bool:
    tables = [settings.get(section, {}) for section in ("catalog", "images")]
    return any(
        table.get("kind") in PROPRIETARY_KINDS or str(table.get("instrument", "")).upper().startswith("LSST")
        for table in tables
    )


def instruments(run: Run) -> set[str]:
    """Name the instruments that the manifest's rows tell of."""
    return {value for row in run.rows() for key in INSTRUMENT_KEYS for value in values_of(row.metadata, key)}
