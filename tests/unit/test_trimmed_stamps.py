"""Stamps that a survey trimmed at its detector's edge, and difference stamps of the other sign."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from zoocut.catalogs import open_catalog
from zoocut.config.catalog import AlertsSettings
from zoocut.config.draw import DrawSettings
from zoocut.config.images import StampsSettings
from zoocut.images import open_images
from zoocut.model import Cutout, DiaSource, Rejection

Floats = npt.NDArray[np.floating]

DETECTOR = (90, 110)
HALF = 10
WHOLE = 2 * HALF + 1
PLACES = {"low": 3, "very low": 0, "middle": 45, "just whole": HALF, "first trimmed": HALF - 1}
"""Zero-based pixels along an axis; "high" ones are as far from the other end."""


def detector() -> npt.NDArray[np.float32]:
    return np.arange(DETECTOR[0] * DETECTOR[1], dtype=np.float32).reshape(DETECTOR)


def padded(y: int, x: int, before: int, size: int) -> npt.NDArray[np.float32]:
    """Give the pixels of the detector from (y, x) - before on, NaN off it."""
    whole = np.pad(detector(), 200, constant_values=np.nan)
    return whole[y + 200 - before :, x + 200 - before :][:size, :size]


def trimmed(y: int, x: int, half: int = HALF) -> npt.NDArray[np.float32]:
    return detector()[max(y - half, 0) : y + half + 1, max(x - half, 0) : x + half + 1]


def fits_bytes(image: Floats, header: fits.Header | None = None) -> bytes:
    file = io.BytesIO()
    fits.PrimaryHDU(image, header).writeto(file)
    return file.getvalue()


SCHEMA = {
    "type": "record",
    "name": "alert",
    "fields": [
        {"name": "objectId", "type": "string"},
        {
            "name": "candidate",
            "type": {
                "type": "record",
                "name": "candidate",
                "fields": [
                    {"name": "candid", "type": "long"},
                    {"name": "ra", "type": ["null", "double"], "default": None},
                    {"name": "dec", "type": ["null", "double"], "default": None},
                    {"name": "xpos", "type": ["null", "double"], "default": None},
                    {"name": "ypos", "type": ["null", "double"], "default": None},
                    {
                        "name": "isdiffpos",
                        "type": ["null", "string", "boolean", "long", "double"],
                        "default": None,
                    },
                ],
            },
        },
        *(
            {"name": f"cutout{plane}", "type": ["null", "bytes"]}
            for plane in ("Template", "Science", "Difference")
        ),
    ],
}


def packet(number: int, image: Floats, name: str = "X1", **candidate: Any) -> dict[str, Any]:
    stamps = {"cutoutTemplate": image, "cutoutScience": image + 10000, "cutoutDifference": image + 20000}
    header = candidate.pop("header", None)
    return {
        "objectId": name,
        "candidate": {"candid": number, **candidate},
        **{field: fits_bytes(stamp, header) for field, stamp in stamps.items()},
    }


def write(path: Path, *packets: Mapping[str, Any]) -> Path:
    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(SCHEMA), packets)
    return path


def cut(path: Path, sizes: tuple[int, ...] = (), **images: Any) -> dict[int, tuple[Cutout, ...] | Rejection]:
    """Cut the sources that the file's own catalog finds, as `generate` does."""
    catalog = open_catalog(AlertsSettings(kind="alerts", path=str(path)), Path())
    sources = list(catalog.sources())
    assert all(isinstance(source, DiaSource) for source in sources), sources
    known = [source for source in sources if isinstance(source, DiaSource)]
    draw = DrawSettings(sizes=sizes)
    opened = open_images(StampsSettings.model_validate(images), draw, Path())
    found = opened.cut(str(path), known)
    return {source.dia_source_id: item for source, item in zip(known, found, strict=True)}


def one(path: Path, **settings: Any) -> tuple[Cutout, ...]:
    (found,) = cut(path, **settings).values()
    assert isinstance(found, tuple), found
    return found


def reason(path: Path, **settings: Any) -> str:
    (found,) = cut(path, **settings).values()
    assert isinstance(found, Rejection)
    return found.reason


def along(length: int) -> list[int]:
    return [*PLACES.values(), *(length - 1 - place for place in PLACES.values())]


def test_every_side_and_corner_is_centred(tmp_path: Path) -> None:
    """What lies off the detector is blank, and the source's own pixel is the middle one of every cutout."""
    places = dict(enumerate(itertools.product(along(DETECTOR[0]), along(DETECTOR[1])), start=1))
    packets = [packet(number, trimmed(y, x), xpos=x + 1.2, ypos=y + 0.8) for number, (y, x) in places.items()]
    path = write(tmp_path / "a.avro", *packets)
    for number, found in cut(path, whole_pix=WHOLE).items():
        y, x = places[number]
        assert isinstance(found, tuple), (y, x, found)
        np.testing.assert_array_equal(found[0].template, padded(y, x, HALF, WHOLE), err_msg=f"{y} {x}")
        np.testing.assert_array_equal(found[0].science, found[0].template + 10000)
        assert found[0].difference[HALF, HALF] == detector()[y, x] + 20000
    for number, found in cut(path, sizes=(5, 9, 31), whole_pix=WHOLE).items():
        y, x = places[number]
        assert isinstance(found, tuple)
        for cutout, size in zip(found, (5, 9, 31), strict=True):
            assert cutout.template[size // 2, size // 2] == detector()[y, x]
            if size <= WHOLE:
                np.testing.assert_array_equal(cutout.template, padded(y, x, size // 2, size))


@pytest.mark.parametrize(
    "place", [(10, 45), (89, 45), (45, 3), (45, 108), (2, 107), (88, 4), (0, 0), (89, 109)]
)
def test_ztf_has_63_pixels_even_where_no_packet_beside_it_is_whole(
    tmp_path: Path, place: tuple[int, int]
) -> None:
    y, x = place
    path = write(
        tmp_path / "a.avro", packet(1, trimmed(y, x, 31), "ZTF18aaaaaaa", xpos=x + 1.0, ypos=y + 1.0)
    )
    (cutout,) = one(path)
    np.testing.assert_array_equal(cutout.template, padded(y, x, 31, 63))
    (small,) = one(path, sizes=(15,))
    np.testing.assert_array_equal(small.science, padded(y, x, 7, 15) + 10000)


def test_the_width_of_a_whole_stamp_comes_from_the_packets_beside_it(tmp_path: Path) -> None:
    y, x = 45, 2
    edge, middle = packet(1, trimmed(y, x), xpos=x + 1.0, ypos=y + 1.0), packet(2, trimmed(45, 50))
    together = cut(write(tmp_path / "both.avro", edge, middle))
    right = padded(y, x, HALF, WHOLE)
    assert isinstance(together[1], tuple)
    np.testing.assert_array_equal(together[1][0].template, right)
    folder = tmp_path / "night"
    folder.mkdir()
    write(folder / "b.avro", middle)
    np.testing.assert_array_equal(one(write(folder / "a.avro", edge))[0].template, right)


@pytest.mark.parametrize("candidate", [{}, {"xpos": float("nan"), "ypos": 46.0}])
@pytest.mark.parametrize("place", [(45, 2), (3, 4), (45, 108)])
def test_a_stamp_smaller_than_its_fellows_is_refused(
    tmp_path: Path, candidate: dict[str, float], place: tuple[int, int]
) -> None:
    y, x = place
    path = write(tmp_path / "a.avro", packet(1, trimmed(y, x), **candidate), packet(2, trimmed(45, 50)))
    found = cut(path)
    assert isinstance(found[1], Rejection)
    assert "where a whole one has 21: it seems trimmed at a detector's edge" in found[1].reason
    assert isinstance(found[2], tuple)
    narrow = min(trimmed(y, x).shape)
    assert isinstance(cut(path, whole_pix=narrow)[1], tuple) or trimmed(y, x).shape != (narrow, narrow)


def test_a_place_that_contradicts_the_stamp_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.avro", packet(1, trimmed(45, 2), xpos=9.0, ypos=46.0))
    assert "the packet contradicts itself" in reason(path, whole_pix=WHOLE)


@pytest.mark.parametrize("first_pixel", [0, 1])
def test_other_surveys_name_their_fields(tmp_path: Path, first_pixel: int) -> None:
    """Here x and y stand in each other's fields."""
    y, x = 4, 105
    path = write(
        tmp_path / "a.avro",
        packet(1, trimmed(y, x), ypos=x + float(first_pixel), xpos=y + float(first_pixel)),
    )
    names = {"x": "candidate.ypos", "y": "candidate.xpos", "first_pixel": first_pixel, "whole_pix": WHOLE}
    np.testing.assert_array_equal(one(path, **names)[0].template, padded(y, x, HALF, WHOLE))


@pytest.mark.parametrize("place", [(45, 2), (45, 108), (3, 50), (87, 50), (2, 3), (88, 107), (45, 50)])
def test_a_stamps_own_wcs_places_it(tmp_path: Path, place: tuple[int, int]) -> None:
    """The stamp begins at (y, x) - HALF or the detector's edge; its WCS tells where the source is in it."""
    y, x = place
    header = fits.Header(
        {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRVAL1": 60.0,
            "CRVAL2": -48.0,
            "CRPIX1": x - max(x - HALF, 0) + 1.2,
            "CRPIX2": y - max(y - HALF, 0) + 0.9,
            "CDELT1": -5e-5,
            "CDELT2": 5e-5,
        }
    )
    path = write(
        tmp_path / "a.avro", packet(1, trimmed(y, x), header=header, ra=60.0, dec=-48.0, xpos=1.0, ypos=1.0)
    )
    (cutout,) = one(path, pixel_scale_arcsec=7.0)
    side = cutout.template.shape[0]
    assert cutout.template.shape == (side, side)
    assert cutout.template[side // 2, side // 2] == detector()[y, x]
    np.testing.assert_array_equal(cutout.template, padded(y, x, side // 2, side))
    assert cutout.pixel_scale_arcsec == pytest.approx(0.18, rel=1e-6)
    (small,) = one(path, sizes=(7,))
    np.testing.assert_array_equal(small.template, padded(y, x, 3, 7))


@pytest.mark.parametrize("told", ["t", "T", "1", "true", True, 1, 1.0, None])
def test_positive_stamps_stay(tmp_path: Path, told: Any) -> None:
    path = write(tmp_path / "a.avro", packet(1, trimmed(45, 50), isdiffpos=told))
    np.testing.assert_array_equal(one(path)[0].difference, trimmed(45, 50) + 20000)


@pytest.mark.parametrize("told", ["f", "F", "0", "false", False, 0, 0.0])
def test_negative_stamps_are_turned(tmp_path: Path, told: Any) -> None:
    path = write(tmp_path / "a.avro", packet(1, trimmed(45, 50), isdiffpos=told))
    (cutout,) = one(path)
    np.testing.assert_array_equal(cutout.difference, -(trimmed(45, 50) + 20000))
    np.testing.assert_array_equal(cutout.science, trimmed(45, 50) + 10000)
    np.testing.assert_array_equal(cutout.template, trimmed(45, 50))
    sent = one(path, difference_sign="as_sent")
    np.testing.assert_array_equal(sent[0].difference, trimmed(45, 50) + 20000)


@pytest.mark.parametrize("told", ["", "x", "--", 2, 0.5, "tf"])
def test_a_sign_that_nobody_knows_is_not_guessed(tmp_path: Path, told: Any) -> None:
    path = write(tmp_path / "a.avro", packet(1, trimmed(45, 50), isdiffpos=told))
    assert f"its field candidate.isdiffpos is {told!r}" in reason(path)
    assert isinstance(one(path, difference_sign="as_sent"), tuple)


def test_a_sign_that_is_named_must_be_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.avro", packet(1, trimmed(45, 50)))
    assert "its field candidate.negative is None" in reason(path, sign="candidate.negative")


def test_a_missing_template_stamp_may_be_left_blank(tmp_path: Path) -> None:
    alert = packet(1, trimmed(45, 50)) | {"cutoutTemplate": None}
    path = write(tmp_path / "a.avro", alert)
    assert "no stamp in its field cutoutTemplate" in reason(path)
    (cutout,) = one(path, allow_missing_template=True)
    assert np.isnan(cutout.template).all()
    np.testing.assert_array_equal(cutout.science, trimmed(45, 50) + 10000)
    lost = write(tmp_path / "b.avro", packet(1, trimmed(45, 50)) | {"cutoutScience": None})
    assert "no stamp in its field cutoutScience" in reason(lost, allow_missing_template=True)


@pytest.mark.parametrize(("no_data", "blank"), [(5000, 1), ([5000, 5001], 2), (-1, 0)])
def test_values_without_data_in_stamps(tmp_path: Path, no_data: Any, blank: int) -> None:
    path = write(tmp_path / "a.avro", packet(1, trimmed(45, 50)))
    assert np.isnan(one(path, no_data=no_data)[0].template).sum() == blank


@pytest.mark.parametrize("shape", [(1, 21, 21), (1, 1, 21, 21)])
def test_further_axes_of_stamps_are_dropped(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write(tmp_path / "a.avro", packet(1, trimmed(45, 50).reshape(shape)))
    np.testing.assert_array_equal(one(path)[0].template, trimmed(45, 50))
    cube = write(tmp_path / "b.avro", packet(1, np.zeros((3, 21, 21), np.float32)))
    assert "no image of two dimensions, but one of 3 x 21 x 21 pixels" in reason(cube)


def test_real_negative_detections_show_a_fading(shared: Path) -> None:
    """Science less template, in the middle of each stamp, has the sign of the difference that is drawn."""
    signs = []
    for path in sorted((shared / "data" / "ztf").glob("*.avro")):
        with path.open("rb") as file:
            told = next(fastavro.reader(file))["candidate"]["isdiffpos"]
        (cutout,) = one(path)
        middle = cutout.difference[29:34, 29:34].sum()
        signs.append((told, "t" if middle > 0 else "f"))
    assert len(signs) == 18
    assert [told for told, _ in signs] == [shown for _, shown in signs]
    assert "f" in {told for told, _ in signs}
