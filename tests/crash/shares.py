"""What the campaigns of drawing share: a field to draw, what a run holds, and processes that are killed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

__all__ = ["contents", "difference", "kill", "make_field", "zoocut_words"]

SIDE_PIX = 200
WHOLE = ("manifest.csv", "sources.parquet", "rejected.csv")


def make_field(folder: Path, exposures: int, sources: int) -> Path:
    """Write frames of several exposures, a table of their sources and a configuration; return that."""
    folder.mkdir(parents=True, exist_ok=True)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150.0, -30.0], [100, 100], [-1e-4, 1e-4]
    chance = np.random.default_rng(3)
    lines = ["diaSourceId,ra,dec,visit"]
    planes = ("template", "science", "difference")
    for visit in range(exposures):
        for plane in planes:
            pixels = chance.normal(100, 10, (SIDE_PIX, SIDE_PIX)).astype(np.float32)
            fits.writeto(folder / f"{visit}_{plane}.fits", pixels, wcs.to_header())
        sky = wcs.pixel_to_world_values(*chance.uniform(20, SIDE_PIX - 20, (2, sources)))
        rows = enumerate(zip(*sky, strict=True))
        lines += [f"{2**60 + 1000 * visit + n},{ra},{dec},{visit}" for n, (ra, dec) in rows]
    (folder / "sources.csv").write_text("\n".join(lines) + "\n")
    frames = "\n".join(f'{plane} = "{{visit}}_{plane}.fits"' for plane in planes)
    (folder / "zoocut.toml").write_text(
        f'[catalog]\nkind = "table"\npath = "sources.csv"\n[images]\nkind = "frames"\n{frames}\n'
    )
    return folder / "zoocut.toml"


def zoocut_words(config: Path, run: Path, *more: str) -> list[str]:
    """Write the command that draws."""
    return [sys.executable, "-m", "zoocut", "generate", str(config), "-o", str(run), *more]


def contents(run: Path) -> dict[str, bytes]:
    """Return the files of a run that must be those of one process."""
    files = [*(run / name for name in WHOLE), *run.glob("images/**/*.png")]
    return {str(path.relative_to(run)): path.read_bytes() for path in files if path.exists()}


def difference(run: Path, whole: dict[str, bytes]) -> list[str]:
    """Name the files that a run has otherwise, does not have, or has left over."""
    found = contents(run)
    other = [name for name in sorted(found.keys() | whole.keys()) if found.get(name) != whole.get(name)]
    left = [str(path.relative_to(run)) for path in run.rglob("*") if path.name.endswith(".zoocut-part")]
    return other + left + [name for name in (".sources",) if (run / name).exists()]


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process as a machine that fails does."""
    process.kill()
    process.wait()


def moments(chance: random.Random, count: int, longest_s: float) -> list[float]:
    """Return so many moments at random, in order."""
    return sorted(chance.uniform(0, longest_s) for _ in range(count))
