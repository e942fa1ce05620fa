"""What every cutout must have, whatever image it comes from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isfinite

import numpy as np

from zoocut.model import PANELS, Cutout, DiaSource, Rejection
from zoocut.reasons import NO_DATA

__all__ = ["needed_panels", "refuse_empty"]


def needed_panels(allow_missing_template: bool) -> tuple[str, ...]:
    """Name the panels without any data in which a source is not drawn."""
    return tuple(name for name in PANELS if name != "template") if allow_missing_template else PANELS


def refuse_empty(
    source: DiaSource, cutouts: tuple[Cutout, ...], needed: Collection[str] = PANELS
) -> tuple[Cutout, ...] | Rejection:
    """Refuse a source one of whose panels has no pixel with data at all.

    Parameters
    ----------
    source : DiaSource
        The source.
    cutouts : tuple of Cutout
        Its cutouts.
    needed : collection of str
        The panels that this is asked of.
    """
    for cutout in cutouts:
        if _middle_has_data(cutout):
            continue
        empty = [name for name in _panels_without_data(cutout) if name in needed]
        if empty:
            height, width = cutout.template.shape
            return Rejection.of(
                source,
                f"no pixel of its {width} x {height} {' and '.join(empty)} cutout has data{_way_out(empty)}",
                NO_DATA,
            )
    return cutouts


def _way_out(empty: Sequence[str]) -> str:
    if list(empty) != ["template"]:
        return ""
    return ": set images.allow_missing_template = true to draw it with that panel blank"


def _middle_has_data(cutout: Cutout) -> bool:
    """Whether the middle pixel of all three has data: of most cutouts no more need be asked."""
    y, x = cutout.template.shape[0] // 2, cutout.template.shape[1] // 2
    return isfinite(cutout.template.item(y, x) + cutout.science.item(y, x) + cutout.difference.item(y, x))


def _panels_without_data(cutout: Cutout) -> Sequence[str]:
    """Name the panels whose middle pixel has no data, nor any other."""
    y, x = cutout.template.shape[0] // 2, cutout.template.shape[1] // 2
    stamps = (cutout.template, cutout.science, cutout.difference)
    return [
        name
        for name, stamp in zip(PANELS, stamps, strict=True)
        if not (isfinite(stamp.item(y, x)) or np.isfinite(stamp).any())
    ]
