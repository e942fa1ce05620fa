"""Write `written.fits.gz` beside this file with lsst.images, which needs Python 3.12; the tests read it in any Python.

Run by hand: `python tests/unit/lsst_images/write.py`.
"""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import astropy.units as u
import lsst.images as li
import numpy as np
from astropy.wcs import WCS
from lsst.images._transforms import _ast
from starlink import Ast

ORIGIN = (12, 3020)
SHAPE = (30, 40)
HERE = Path(__file__).resolve().parent


def bent_projection() -> li.SkyProjection:
    """Sines of the pixel, then a tangent plane: nothing that a FITS header can hold."""
    plane = WCS(naxis=2)
    plane.wcs.ctype, plane.wcs.crval, plane.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [20.0, 15.0]
    plane.wcs.cd = np.array([[-1.0, 0.1], [0.1, 1.0]]) * 0.2 / 3600
    read = Ast.FitsChan(plane.to_header().tostring("\n").splitlines()).read()
    waves = Ast.MathMap(
        2, 2, ["u=x+2*sin(y/40)", "v=y+1.5*sin(x/30)"], ["x=u-2*sin(v/40)", "y=v-1.5*sin(u/30)"]
    )
    bent = Ast.CmpMap(waves, Ast.ShiftMap([1.0 - ORIGIN[1], 1.0 - ORIGIN[0]]), True)
    made = Ast.FrameSet(Ast.Frame(2, "Domain=PIXELS"))
    made.addframe(
        1, Ast.CmpMap(bent, read.getmapping(Ast.BASE, Ast.CURRENT), True), read.getframe(Ast.CURRENT)
    )
    return li.SkyProjection.from_ast_frame_set(
        _ast.FrameSet.fromString(str(made)), li.GeneralFrame(unit=u.pix)
    )


def main() -> None:
    """Write the file."""
    y_pix, x_pix = np.indices(SHAPE)
    planes = [li.MaskPlane(f"PLANE_{i}", "any") for i in range(33)]
    schema = li.MaskSchema([*planes, li.MaskPlane("NO_DATA", "nothing was seen")])
    pixels = (100 * y_pix + x_pix).astype(np.float32)
    image = li.Image(pixels, yx0=ORIGIN, unit=u.nJy, sky_projection=bent_projection())
    made = li.MaskedImage(image, mask_schema=schema)
    made.mask.set("PLANE_1", x_pix == 4)
    made.mask.set("NO_DATA", (x_pix + y_pix) % 7 == 0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "written.fits"
        made.write(str(path))
        (HERE / "written.fits.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))


if __name__ == "__main__":
    main()
