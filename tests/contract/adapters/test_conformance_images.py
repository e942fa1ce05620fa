"""What every kind of images must hold, whatever it reads."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS

from zoocut.config.draw import DrawSettings
from zoocut.config.images import ButlerSettings, FramesSettings, StampsSettings
from zoocut.errors import InputError
from zoocut.images import open_images
from zoocut.model import Cutout, DiaSource, Images, Rejection, Value

BIG = 2**60 + 1
"""No double holds it, nor its neighbours."""


@dataclass
class Exposure:
    """An adapter for images, its sources, and a way to spoil the difference image."""

    images: Callable[[DrawSettings], Images]
    sources: list[DiaSource]
    spoil: Callable[[], None]


SHAPE = (60, 80)
PIXELS = {"template": 3000.0, "science": 2000.0, "difference": 0.0}


def image_of(name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Every pixel has its own value."""
    rows, columns = SHAPE
    return (np.arange(rows * columns, dtype=np.float32).reshape(SHAPE) + PIXELS[name]).astype(np.float32)


def simple_wcs() -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [10.0, -30.0], [41.0, 31.0]
    wcs.wcs.cdelt = [-0.2 / 3600, 0.2 / 3600]
    return wcs


PLACES = [(30.2, 39.7), (2.2, 3.3), (57.3, 76.8), (30.0, 200.0)]
"""(y, x): inside, near two corners, off the frame."""


def frame_sources(origin: str, columns: dict[str, Value]) -> list[DiaSource]:
    found = []
    for number, (y_pix, x_pix) in enumerate(PLACES):
        ra, dec = (float(v) for v in simple_wcs().pixel_to_world_values(x_pix, y_pix))
        cells = {**columns, "diaSourceId": BIG + number}
        found.append(DiaSource(BIG + number, ra, dec, origin, f"row {number}", cells))
    return found


def make_frames(folder: Path, _: Any) -> Exposure:
    for name in PIXELS:
        fits.PrimaryHDU(image_of(name), simple_wcs().to_header()).writeto(folder / f"{name}.fits")
    settings = FramesSettings(**{name: f"{{night}}/../{name}.fits" for name in PIXELS})
    (folder / "1").mkdir()
    spoil = folder / "difference.fits"
    return Exposure(
        lambda draw: open_images(settings, draw, folder),
        frame_sources("table", {"night": 1}),
        lambda: spoil.write_bytes(spoil.read_bytes()[:9000]) and None,
    )


def make_exposures(folder: Path, request: pytest.FixtureRequest) -> Exposure:
    repository = request.getfixturevalue("repository")
    writers = request.getfixturevalue("exposure_writers")
    kinds = {
        "template": "template_detector",
        "science": "preliminary_visit_image",
        "difference": "difference_image",
    }
    for (name, dataset_type), write in zip(kinds.items(), writers, strict=True):
        write(folder / f"{name}.fits", image_of(name), simple_wcs())
        repository.put(dataset_type, 5, 6, folder / f"{name}.fits")
    (spoilt,) = repository.root.rglob("difference_image_*.fits")
    settings = ButlerSettings(repository=str(repository.root), collections=("night",))
    columns: dict[str, Value] = {"instrument": "LSSTCam", "visit": 5, "detector": 6}
    return Exposure(
        lambda draw: open_images(settings, draw, folder),
        frame_sources("table", columns),
        lambda: spoilt.write_bytes(spoilt.read_bytes()[:9000]) and None,
    )


def stamp(name: str) -> bytes:
    file = io.BytesIO()
    fits.PrimaryHDU(image_of(name), simple_wcs().to_header()).writeto(file)
    return gzip.compress(file.getvalue())


def make_stamps(folder: Path, _: Any) -> Exposure:
    fields = [{"name": "candid", "type": "long"}, *({"name": n, "type": "bytes"} for n in PIXELS)]
    schema = {"type": "record", "name": "alert", "fields": fields}
    path = folder / "night.avro"
    sources = frame_sources(str(path), {})
    with path.open("wb") as file:
        stamps = {name: stamp(name) for name in PIXELS}
        fastavro.writer(file, schema, [{"candid": s.dia_source_id, **stamps} for s in sources])
    settings = StampsSettings(template="template", science="science", difference="difference")
    return Exposure(
        lambda draw: open_images(settings, draw, folder),
        sources,
        lambda: path.write_bytes(path.read_bytes()[:9000]) and None,
    )


IMAGES: dict[str, Callable[[Path, Any], Exposure]] = {
    "frames": make_frames,
    "butler exposures": make_exposures,
    "alert stamps": make_stamps,
}


@pytest.fixture(params=list(IMAGES))
def exposure(request: pytest.FixtureRequest, tmp_path: Path) -> Exposure:
    """Open the same pixels by each adapter."""
    folder = tmp_path / "pixels"
    folder.mkdir()
    return IMAGES[request.param](folder, request)


def outcomes(images: Images, sources: list[DiaSource]) -> list[tuple[Cutout, ...] | Rejection]:
    (name,) = {images.exposure_of(source) for source in sources}
    return list(images.cut(name, sources))


def test_pixels_are_those_of_the_file(exposure: Exposure) -> None:
    """At several sizes, odd and even, also over the edge: astropy's Cutout2D is the judge."""
    sizes = (11, 20)
    found = outcomes(exposure.images(DrawSettings(sizes=sizes)), exposure.sources)
    assert len(found) == len(PLACES)
    for place, several in zip(PLACES[:-1], found[:-1], strict=True):
        assert not isinstance(several, Rejection), several
        for size, cutout in zip(sizes, several, strict=True):
            for name in PIXELS:
                truth = Cutout2D(image_of(name), place[::-1], size, mode="partial", fill_value=np.nan)
                np.testing.assert_array_equal(getattr(cutout, name), truth.data)
            assert cutout.pixel_scale_arcsec == pytest.approx(0.2, rel=1e-6)
    refused = found[-1]
    assert isinstance(refused, Rejection)
    assert refused.dia_source_id == str(exposure.sources[-1].dia_source_id)
    assert refused.row == exposure.sources[-1].row


def test_cutting_again_gives_the_same(exposure: Exposure) -> None:
    """In another order, one by one, and in an adapter that has cut before."""
    draw = DrawSettings(sizes=(11,))
    images = exposure.images(draw)
    together = outcomes(images, exposure.sources)
    alone = [outcomes(images, [source])[0] for source in reversed(exposure.sources)]
    for one, other in zip(together, reversed(alone), strict=True):
        assert isinstance(one, Rejection) == isinstance(other, Rejection)
        if not isinstance(one, Rejection) and not isinstance(other, Rejection):
            np.testing.assert_array_equal(one[0].difference, other[0].difference)


def test_turning_keeps_every_pixel(exposure: Exposure) -> None:
    """North is up and east left on these pixels already, so nothing turns."""
    up = outcomes(exposure.images(DrawSettings(sizes=(11,), orientation="north-up")), exposure.sources[:1])
    plain = outcomes(exposure.images(DrawSettings(sizes=(11,))), exposure.sources[:1])
    assert not isinstance(up[0], Rejection)
    assert not isinstance(plain[0], Rejection)
    np.testing.assert_array_equal(up[0][0].science, plain[0][0].science)


def test_a_broken_file_is_told(exposure: Exposure) -> None:
    """By an InputError before anything is yielded, or source by source; by nothing else."""
    exposure.spoil()
    images = exposure.images(DrawSettings(sizes=(11,)))
    try:
        found = outcomes(images, exposure.sources)
    except InputError as error:
        reasons = [str(error)]
    else:
        assert all(isinstance(outcome, Rejection) for outcome in found)
        reasons = [outcome.reason for outcome in found if isinstance(outcome, Rejection)]
    assert all(".fits" in reason or ".avro" in reason for reason in reasons)


def test_a_source_without_its_place(exposure: Exposure) -> None:
    """A source that does not tell its exposure, or is not in the file, is refused alone."""
    images = exposure.images(DrawSettings(sizes=(11,)))
    stranger = replace(exposure.sources[0], dia_source_id=5, columns={"diaSourceId": 5}, ra_deg=None)
    try:
        name = images.exposure_of(stranger)
    except InputError as error:
        reason = str(error)
    else:
        ((outcome),) = images.cut(name, [stranger])
        assert isinstance(outcome, Rejection)
        reason = outcome.reason
    assert any(word in reason for word in ("column", "instrument", "packet"))
