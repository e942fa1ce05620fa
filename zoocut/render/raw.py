"""Raw cutouts as `.npy` files."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from zoocut.model import Cutout, DiaSource
from zoocut.values import file_stem

__all__ = ["npy_files"]

SHORT = {"science": "sci", "template": "temp", "difference": "diff"}


def npy_files(source: DiaSource, cutouts: tuple[Cutout, ...]) -> Mapping[str, bytes]:
    """Encode a source's cutouts.

    Parameters
    ----------
    source : DiaSource
        Names the files.
    cutouts : tuple of Cutout
        One a size, or one of its footprint.

    Returns
    -------
    mapping of str to bytes
        `<diaSourceId>_<sci|temp|diff>_<width>.npy` to a file that `numpy.load` reads as an array of
        shape (1, y, x); the width is the larger side of a cutout that is not square.
    """
    return {
        f"{file_stem(source.dia_source_id)}_{short}_{max(cutout.template.shape)}.npy": _npy(
            getattr(cutout, name)
        )
        for cutout in cutouts
        for name, short in SHORT.items()
    }


def _npy(image: np.ndarray[tuple[int, int], np.dtype[np.floating]]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(image)[None], allow_pickle=False)
    return file.getvalue()
