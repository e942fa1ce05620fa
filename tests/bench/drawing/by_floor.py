"""The floor: the fastest reading of no more than the bytes needed, and writing what the run wrote.

Raw frames are mapped and only the stamps copied; of compressed ones those tiles are read that hold a stamp, by cfitsio
or by astropy's sections, whichever the job says; packets are decoded once by fastavro.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import simulated

CARD_BYTES, BLOCK_BYTES = 80, 2880


def prepare(job: dict[str, Any]) -> Callable[[], Any]:
    files = [(path.name, path.read_bytes()) for path in sorted(Path(job["wrote"]).glob("images/**/*.png"))]
    goal = Path(job["run"])
    goal.mkdir()
    read = _packets(job) if job["storage"] == "packets" else _frames(job)

    def action() -> int:
        read()
        for name, content in files:
            (goal / name).write_bytes(content)
        return len(files)

    return action


def _packets(job: dict[str, Any]) -> Callable[[], Any]:
    import fastavro

    paths = sorted(Path(job["config"]).parent.glob("ztf/*.avro"))

    def read() -> None:
        for path in paths:
            with path.open("rb") as file:
                for _ in fastavro.reader(file):
                    pass

    return read


def _frames(job: dict[str, Any]) -> Callable[[], Any]:
    field = simulated.Field(Path(job["field"]), job["side"])
    corners = np.ceil(field.positions(job["count"]) - simulated.SIZE / 2).astype(int)
    paths = field.paths(job["storage"])
    reader = {"map": _mapped, "fitsio": _by_fitsio, "astropy": _by_astropy}[job["reader"]]
    return lambda: [reader(path, corners) for path in paths]


def _mapped(path: Path, corners: np.ndarray) -> list[np.ndarray]:
    side, start = _layout(path)
    image = np.memmap(path, ">f4", "r", start, (side, side))
    size = simulated.SIZE
    return [image[y : y + size, x : x + size].astype(np.float32) for x, y in corners]


def _layout(path: Path) -> tuple[int, int]:
    """Read NAXIS1 and where the pixels begin."""
    with path.open("rb") as file:
        header = file.read(BLOCK_BYTES)
        while b"END".ljust(CARD_BYTES) not in header:
            header += file.read(BLOCK_BYTES)
    return int(header[header.index(b"NAXIS1") + 10 :][:20]), len(header)


def _bands(corners: np.ndarray) -> Iterator[tuple[int, int]]:
    """Join the rows of stamps that touch: no row is read that no stamp needs."""
    first, stop = None, 0
    for y in sorted(corners[:, 1].tolist()):
        if first is None or y > stop:
            if first is not None:
                yield first, stop
            first = y
        stop = y + simulated.SIZE
    if first is not None:
        yield first, stop


def _by_fitsio(path: Path, corners: np.ndarray) -> list[np.ndarray]:
    import fitsio

    with fitsio.FITS(str(path)) as file:
        return [file[1][first:stop, :] for first, stop in _bands(corners)]


def _by_astropy(path: Path, corners: np.ndarray) -> list[np.ndarray]:
    from astropy.io import fits

    with fits.open(path, memmap=True) as file:
        return [np.asarray(file[1].section[first:stop]) for first, stop in _bands(corners)]
