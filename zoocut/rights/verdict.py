"""The verdict: what may be sent on which grounds.

Alert packets are public, so what comes out of them needs no grounds. Of everything else each named basis lets out
some kinds of content; an approval in the user's own words, and a public release, let out all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from zoocut.config.rights import BASES, read_basis
from zoocut.config.settings import RunSettings
from zoocut.error_kinds import RightsUnclear
from zoocut.metadata_keys import values_of
from zoocut.metadata_words import columns_named
from zoocut.rights.embargo import EMBARGO, newest_observation
from zoocut.rights.kinds import Kind, kind_of, tells_source
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow

__all__ = ["Rights", "require_rights", "require_rights_of_settings"]

PROPRIETARY_KINDS = ("apdb", "butler")
"""Kinds of input that lead to Rubin's data."""

INSTRUMENT_KEYS = ("instrument", "instrume")
"""As catalogs and as FITS headers call it."""

LIGHT_CURVES = ("lightcurve", "lightcurve_png")
"""Media that show measurements, whether as numbers or as a plot of them."""

ANNOTATED = "annotated"
"""The medium that writes values above its panels."""

FROM_PACKETS = {"catalog": ("alerts",), "images": ("stamps",), "history": ("packet", "fields")}
"""Kinds of input whose content comes out of alert packets."""

HIDDEN_BY = {"derived-image": (Kind.VALUE, Kind.POSITION), "anonymized": (Kind.VALUE, Kind.POSITION, Kind.ID)}
"""What each basis keeps out of metadata."""

REMEDY = (
    "leave it out, or give grounds that cover it: public-release if it is released, an approval in your words"
)


@dataclass(frozen=True, slots=True)
class Rights:
    """On what grounds a run may be sent.

    Parameters
    ----------
    basis : str or None
        The grounds; None where none are needed.
    notes : tuple of str
        What could not be looked at and is left to the user.
    """

    basis: str | None
    notes: tuple[str, ...] = ()


def require_rights(run: Run, given: str | None = None) -> Rights:
    """Return on what grounds a run's manifest may be sent.

    Parameters
    ----------
    run : Run
        The run, with the manifest that is meant.
    given : str, optional
        What the user says now, in the place of the run's own settings.

    Raises
    ------
    ConfigError
        When grounds are needed and none are told, or those told do not let out what the manifest holds.
    """
    settings = run.settings
    basis = read_basis(given) if given else settings.rights.basis
    rubin = _is_rubins(settings) or (not _all_from_packets(settings) and _names_lsst(run))
    if basis is None:
        if rubin:
            raise RightsUnclear(
                "pixels of an LSST instrument may be proprietary: say why they may be public with --rights TEXT or "
                f'[rights] basis = "..." in the configuration, TEXT being one of {", ".join(BASES)}, or an approval '
                "in your words"
            )
        return Rights(None)
    _require_settings(settings, basis)
    _require_rows(run, basis)
    return Rights(basis, _require_age(run, basis, rubin))


def require_rights_of_settings(settings: RunSettings) -> None:
    """Refuse settings whose basis does not let out what they would have drawn and sent.

    Without a basis nothing is refused: what is drawn need not be sent.

    Raises
    ------
    ConfigError
        When they contradict their basis.
    """
    if settings.rights.basis is not None:
        _require_settings(settings, settings.rights.basis)


def _require_settings(settings: RunSettings, basis: str) -> None:
    if basis == "alert-packet":
        _require_packets(settings)
    if basis in HIDDEN_BY:
        for key, words in (settings.metadata or {}).items():
            for column in columns_named({key: words}):
                _require_hidden(settings, basis, f"metadata.{key!r}", column)
        _require_pictures(settings, basis)
    if basis == "anonymized":
        _require_own_ids(settings)


def _require_packets(settings: RunSettings) -> None:
    """Refuse inputs other than alert packets."""
    for name in ("catalog", "images", *(["history"] if _light_curves(settings) else [])):
        section = getattr(settings, name)
        if section is not None and section.kind not in FROM_PACKETS[name]:
            raise RightsUnclear(
                f"the basis of rights is alert-packet, and [{name}] kind = {section.kind!r} is no alert packets: take "
                "it from the packets, or give other grounds (derived-image for pictures alone)"
            )


def _require_hidden(settings: RunSettings, basis: str, where: str, column: str) -> None:
    """Refuse a column of the catalog, also under another name that `catalog.columns` gives it."""
    found = [(name, kind_of(name)) for name in (column, *_origins(settings, column))]
    for name, kind in found:
        if kind in HIDDEN_BY[basis] and (basis == "anonymized" or not _is_from_packets(settings, "catalog")):
            told = f"{column} (the catalog's {name})" if name != column else column
            raise RightsUnclear(f"{where} sends the column {told}, {kind}, {_why(basis)}: {REMEDY}")


def _require_own_ids(settings: RunSettings) -> None:
    """Refuse a catalog whose own ids would become external_ids and names of files."""
    catalog = settings.catalog
    column = getattr(catalog, "dia_source_id", "diaSourceId")
    if catalog is not None and kind_of(column) in HIDDEN_BY["anonymized"][1:]:
        raise RightsUnclear(
            f"catalog.dia_source_id = {column!r} becomes external_id and file name of each picture, "
            f"{_why('anonymized')}: put names of your own into a column of the table (alias, number ...), name it "
            'there, with id_kind = "text" for names, and keep the table to yourself'
        )


def _why(basis: str) -> str:
    if basis == "anonymized":
        return "and the basis of rights is anonymized: nothing that tells which source it is may go with a picture"
    return "and the basis of rights is derived-image: pictures may go, a catalog that is not public may not"


def _origins(settings: RunSettings, column: str) -> tuple[str, ...]:
    catalog = settings.catalog
    named: Mapping[str, str | tuple[str, ...]] = {
        **getattr(catalog, "columns", {}),
        **getattr(catalog, "optional_columns", {}),
    }
    found = named.get(column, ())
    return (found,) if isinstance(found, str) else found


def _require_pictures(settings: RunSettings, basis: str) -> None:
    """Refuse numbers that are drawn, which say no less than numbers that are written."""
    draw = settings.draw
    if draw is None:
        return
    curves = _light_curves(settings)
    if curves and not _is_from_packets(settings, "history"):
        raise RightsUnclear(
            f"{curves[0]} among the media shows measurements out of [history] kind = {settings.history.kind!r}, "
            f"{_why(basis)}: {REMEDY}"
        )
    written = (
        "draw.add_metadata" if draw.add_metadata else "the medium annotated" * (ANNOTATED in _media(settings))
    )
    if written and (basis == "anonymized" or not _is_from_packets(settings, "catalog")):
        raise RightsUnclear(
            f"{written} writes ids and values of the catalog above the panels, {_why(basis)}: {REMEDY}"
        )


def _require_rows(run: Run, basis: str) -> None:
    """Refuse what a manifest holds beside what its settings tell of."""
    if basis not in HIDDEN_BY:
        return
    known = run.settings.metadata or {}
    for row in run.rows():
        for key in row.metadata:
            if key not in known:
                _require_hidden(run.settings, basis, f"the manifest's column {key}", key)
        if basis == "anonymized":
            _require_nameless(row)


def _require_nameless(row: ManifestRow) -> None:
    told = {"external_id": row.external_id}
    told |= {f"location:{number}": name for number, name in enumerate(row.locations, start=1)}
    told |= {f"metadata {key}": value for key, value in row.metadata.items()}
    for where, text in told.items():
        if tells_source(text):
            raise RightsUnclear(
                f"row {row.external_id}: its {where}, {text!r}, tells which source it is, and the basis of rights is "
                "anonymized: let external_ids and file names be running numbers of your own (catalog.id_kind = "
                '"text"), and keep the list of what they stand for'
            )


def _require_age(run: Run, basis: str, rubin: bool) -> tuple[str, ...]:
    """Refuse observations that are too new, where a policy and not a person says what is public."""
    if basis not in BASES or basis == "alert-packet" or _all_from_packets(run.settings):
        return ()
    newest = newest_observation(run)
    if newest is None:
        return (
            "nothing tells when the sources were observed: nothing of Rubin but alert packets is public within 80 "
            "hours of it",
        ) * rubin
    until = newest + EMBARGO
    if datetime.now(UTC) < until:
        raise RightsUnclear(
            f"the newest source was observed at {newest:%Y-%m-%d %H:%M} UTC, and the basis of rights is {basis}: "
            f"nothing but alert packets is public within 80 hours of observation; upload after {until:%Y-%m-%d %H:%M} "
            "UTC, or give an approval in your words"
        )
    return ()


def _light_curves(settings: RunSettings) -> list[str]:
    return [name for name in _media(settings) if name in LIGHT_CURVES]


def _media(settings: RunSettings) -> tuple[str, ...]:
    """Name what subjects show and what their Talk pages get."""
    return (*(settings.draw.media if settings.draw else ()), *settings.talk.attach)


def _is_from_packets(settings: RunSettings, name: str) -> bool:
    section = getattr(settings, name)
    return section is not None and section.kind in FROM_PACKETS[name]


def _all_from_packets(settings: RunSettings) -> bool:
    names = ["catalog", "images", *(["history"] if _light_curves(settings) else [])]
    return all(_is_from_packets(settings, name) for name in names)


def _is_rubins(settings: RunSettings) -> bool:
    names = ["catalog", "images", *(["history"] if _light_curves(settings) else [])]
    sections = [section for name in names if (section := getattr(settings, name)) is not None]
    return any(
        section.kind in PROPRIETARY_KINDS or _is_lsst(str(getattr(section, "instrument", "")))
        for section in sections
    )


def _names_lsst(run: Run) -> bool:
    return any(map(_is_lsst, _instruments(run)))


def _instruments(run: Run) -> Iterator[str]:
    """Name the instruments that the manifest's rows tell of."""
    for row in run.rows():
        for key in INSTRUMENT_KEYS:
            yield from values_of(row.metadata, key)


def _is_lsst(instrument: str) -> bool:
    return instrument.strip().upper().startswith("LSST")
