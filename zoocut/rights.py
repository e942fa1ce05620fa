"""On what grounds the pixels of a run may be shown to the public."""

from __future__ import annotations

from zoocut.config.settings import RunSettings
from zoocut.errors import ConfigError
from zoocut.metadata_keys import values_of
from zoocut.run.folder import Run

__all__ = ["instruments", "require_basis"]


PROPRIETARY_KINDS = ("apdb", "butler")
"""Kinds of input that lead to Rubin's data."""

INSTRUMENT_KEYS = ("instrument", "instrume")
"""As catalogs and as FITS headers call it."""


def require_basis(settings: RunSettings, instruments: set[str], given: str | None) -> str | None:
    """Return on what grounds a run's pixels may be uploaded; None where no grounds are needed.

    Parameters
    ----------
    settings : RunSettings
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
    basis = given or settings.rights.basis
    proprietary = _proprietary(settings) or any(map(_is_lsst, instruments))
    if proprietary and not basis:
        raise ConfigError(
            "pixels of an LSST instrument may be proprietary: say why they may be public with --rights TEXT or "
            '[rights] basis = "..." in the configuration'
        )
    return basis


def _proprietary(settings: RunSettings) -> bool:
    return any(
        section.kind in PROPRIETARY_KINDS or _is_lsst(str(getattr(section, "instrument", "")))
        for section in (settings.catalog, settings.images)
        if section is not None
    )


def _is_lsst(instrument: str) -> bool:
    return instrument.upper().startswith("LSST")


def instruments(run: Run) -> set[str]:
    """Name the instruments that the manifest's rows tell of."""
    return {value for row in run.rows() for key in INSTRUMENT_KEYS for value in values_of(row.metadata, key)}
