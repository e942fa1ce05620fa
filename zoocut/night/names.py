"""The set that a night goes to, by its template: `Night {night} {band}`."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter

from zoocut.config.settings import Settings
from zoocut.error_kinds import DestinationMissing, MalformedPattern
from zoocut.errors import did_you_mean
from zoocut.metadata_keys import bare_name

__all__ = ["SetNames", "set_names"]


@dataclass(frozen=True, slots=True)
class SetNames:
    """How the sets of nights are called.

    Parameters
    ----------
    template : str
        With `{night}`, `{run_date}` and the key of `set_by` in braces.
    set_by : str or None
        A metadata key; each of its values has a set of its own.
    """

    template: str
    set_by: str | None

    def of(self, night: str, run_date: str) -> str:
        """Name a night's set; the key of `set_by` stays in braces."""
        return self.template.replace("{night}", night).replace("{run_date}", run_date)


def set_names(settings: Settings, begun: str = "") -> SetNames:
    """Read the template of the configuration, or the one that a night has begun with.

    Raises
    ------
    ConfigError
        When there is none, it is malformed, or it names a field that rows do not have.
    """
    template = begun or settings.upload.subject_set
    if settings.upload.project is None or template is None:
        raise DestinationMissing(
            "a night goes where the configuration says: set upload.project and upload.subject_set, such as "
            "'Night {night}'"
        )
    try:
        fields = [one for one in Formatter().parse(template) if one[1] is not None]
    except ValueError as error:
        raise MalformedPattern(f"upload.subject_set = {template!r} is malformed: {error}") from None
    named = {str(name) for _, name, _, _ in fields}
    _require_plain(template, any(form or conversion for _, _, form, conversion in fields))
    others = sorted(named - {"night", "run_date"})
    keys = [bare_name(key) for key in settings.metadata]
    for name in others:
        if bare_name(name) not in keys:
            known = ["night", "run_date", *keys]
            raise MalformedPattern(
                f"upload.subject_set = {template!r} names {{{name}}}, which no row has: {did_you_mean(name, known)}"
            )
    if len(others) > 1:
        raise MalformedPattern(
            f"upload.subject_set = {template!r} names {len(others)} fields of rows: keep one"
        )
    return SetNames(template, others[0] if others else None)


def _require_plain(template: str, formatted: bool) -> None:
    """Refuse what would stand in the sets' names as it is written: formats, doubled braces and blanks at the ends."""
    if formatted or "{{" in template or "}}" in template:
        raise MalformedPattern(
            f"upload.subject_set = {template!r} has doubled braces or a format: write names alone, such as {{night}}"
        )
    if template != template.strip():
        raise MalformedPattern(f"upload.subject_set = {template!r} has blanks at its ends: take them away")
