"""What every cutout must have, whatever image it comes from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoocut.model import PANELS, Cutout, DiaSource, Rejection

__all__ = ["refuse_empty", "refused"]


def refuse_empty(source: DiaSource, cutouts: tuple[Cutout, ...]) -> tuple[Cutout, ...] | Rejection:
    """Refuse a source one of whose panels has no pixel with data at all."""
    for cutout in cutouts:
        empty = _panels_without_data(cutout)
        if empty:
            height, width = cutout.template.shape
            return refused(
                source,
                f"no pixel of its {width} x {height} {' and '.join(empty)} cutout has data",
            )
    return cutouts


def refused(source: DiaSource, reason: str) -> Rejection:
    """Refuse a source."""
    return Rejection(str(source.dia_source_id), source.row, reason)


def _panels_without_data(cutout: Cutout) -> Sequence[str]:
    stamps = (cutout.template, cutout.science, cutout.difference)
    return [
        name
        for name, stamp in zip(PANELS, stamps, strict=True)
        if not (np.isfinite(stamp[stamp.shape[0] // 2, stamp.shape[1] // 2]) or np.isfinite(stamp).any())
    ]
