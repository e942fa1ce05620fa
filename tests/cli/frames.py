"""One small frame of noise with a WCS, for tests of what stands in catalogs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

__all__ = ["write_frame"]


def write_frame(path: Path) -> None:
    """Write 200 x 200 pixels of 0.36 arcsec around RA 150, Dec 2."""
    wcs = WCS(naxis=2)
    wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cdelt = [100, 100], [150.0, 2.0], [-1e-4, 1e-4]
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    noise = np.random.default_rng(1).normal(size=(200, 200)).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(noise, wcs.to_header()).writeto(path, overwrite=True)
