"""What a picture shows and where."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pydantic import ValidationError

from zoocut.config.draw import DifferencePanel, DrawSettings, SciencePanel, TemplatePanel
from zoocut.model import Cutout, DiaSource, Picture, Rejection
from zoocut.render import open_renderer
from zoocut.render.raw import npy_files
from zoocut.render.scale_bar import Bar, bar_for

Pixels = npt.NDArray[np.uint8]
SOURCE = DiaSource(12345, None, None, "test", "row 1", {"diaSourceId": 12345})
RANDOM = np.random.default_rng(4)
BLUE, YELLOW = (0, 0, 255), (255, 255, 0)


def cutout(size: int = 30, width: int | None = None, scale: float | None = 0.2) -> Cutout:
    shape = (size, width or size)
    return Cutout(*(RANDOM.normal(100, 10, shape) for _ in range(3)), scale)


def pictures_of(draw: DrawSettings, *cutouts: Cutout) -> tuple[Picture, ...]:
    found = next(open_renderer(draw).draw([(SOURCE, cutouts)]))
    assert isinstance(found, tuple), found
    return found


def pixels_of(draw: DrawSettings, *cutouts: Cutout) -> Pixels:
    (picture,) = pictures_of(draw, *cutouts)
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))
    assert pixels.shape == (picture.height_pix, picture.width_pix, 3)
    return pixels


def is_colour(pixels: Pixels, colour: Sequence[int]) -> npt.NDArray[np.bool_]:
    return np.all(pixels == colour, axis=-1)


def test_the_default_picture_is_630_by_233() -> None:
    pixels = pixels_of(DrawSettings(), cutout())
    assert pixels.shape == (233, 630, 3)
    painted = ~is_colour(pixels[120], (255, 255, 255))
    starts = np.flatnonzero(np.diff(painted.astype(int)) == 1) + 1
    assert starts.tolist() == [17, 225, 433]
    assert not is_colour(pixels[10:25, 65:147], (255, 255, 255)).all()


@pytest.mark.parametrize(
    ("settings", "sizes", "expected"),
    [
        ({}, (30,), (630, 233)),
        ({"sizes": (30, 60)}, (30, 60), (630, 450)),
        ({"add_metadata": True}, (30,), (645, 343)),
        ({"add_metadata": True, "sizes": (30, 60)}, (30, 60), (645, 560)),
        ({"layout": "column"}, (30,), (214, 659)),
        ({"layout": "column", "sizes": (30, 60)}, (30, 60), (422, 659)),
        ({"layout": "separate"}, (30,), (214, 233)),
        ({"layout": "separate", "panel_pix": 600}, (30,), (620, 639)),
        ({"panels": ("science", "difference")}, (30,), (422, 233)),
        ({"sizes": ()}, (63,), (630, 233)),
    ],
)
def test_all_pictures_of_a_run_have_one_size(
    settings: dict[str, object], sizes: tuple[int, ...], expected: tuple[int, int]
) -> None:
    draw = DrawSettings.model_validate(settings)
    renderer = open_renderer(draw)
    assert renderer.size_pix == expected
    batch = [(SOURCE, tuple(cutout(size, width) for size in sizes)) for width in (None, 17, 5)]
    for pictures in renderer.draw(batch):
        assert isinstance(pictures, tuple)
        assert len(pictures) == len(renderer.suffixes)
        for picture in pictures:
            assert (picture.width_pix, picture.height_pix) == expected
            assert Image.open(io.BytesIO(picture.png)).size == expected


def test_separate_pictures_are_the_three_panels_in_order() -> None:
    one = cutout()
    separate = DrawSettings(layout="separate")
    assert DrawSettings.model_validate({"layout": "frames"}) == separate
    assert open_renderer(separate).suffixes == ("-template", "-science", "-difference")
    row = pixels_of(DrawSettings(), one)
    for i, picture in enumerate(pictures_of(separate, one)):
        frame = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))
        left = 10 + i * 208
        np.testing.assert_array_equal(frame[29:223, 10:204], row[29:223, left : left + 194])


def test_panels_in_another_order_with_other_words() -> None:
    one = cutout()
    draw = DrawSettings(
        panels=("difference", "template"),
        template=TemplatePanel(title=""),
        difference=DifferencePanel(title="Change"),
    )
    row, pixels = pixels_of(DrawSettings(), one), pixels_of(draw, one)
    np.testing.assert_array_equal(pixels[29:223, 10:204], row[29:223, 426:620])
    np.testing.assert_array_equal(pixels[29:223, 218:412], row[29:223, 10:204])
    assert is_colour(pixels[:29, 215:], (255, 255, 255)).all()


def test_without_words() -> None:
    names = {"template": TemplatePanel, "science": SciencePanel, "difference": DifferencePanel}
    untitled = {name: panel(title="") for name, panel in names.items()}
    draw = DrawSettings(**untitled, scale_bar_arcsec=None, background="black")
    pixels = pixels_of(draw, cutout())
    assert pixels.shape == (214, 630, 3)
    assert is_colour(pixels[:17], (0, 0, 0)).all()


def test_a_panel_is_zoomed_by_a_whole_number_with_the_last_row_on_top() -> None:
    image = np.arange(12.0).reshape(3, 4)
    draw = DrawSettings(
        panels=("difference",),
        difference=DifferencePanel(title="", interval="minmax"),
        colormap="gray",
        sizes=(),
        panel_pix=22,
        scale_bar_arcsec=None,
    )
    pixels = pixels_of(draw, Cutout(image, image, image, None))[:, :, 0]
    zoomed = np.repeat(np.repeat(image[::-1], 5, 0), 5, 1)
    expected = np.minimum(np.floor(zoomed / 11 * 256), 255)
    np.testing.assert_allclose(pixels[10 + 3 : 10 + 18, 10 + 1 : 10 + 21], expected, atol=1)
    assert (pixels[:13] == 255).all()


def test_a_stamp_larger_than_its_panel_is_refused_and_the_others_drawn() -> None:
    renderer = open_renderer(DrawSettings(sizes=()))
    first, second = renderer.draw([(SOURCE, (cutout(195),)), (SOURCE, (cutout(194),))])
    assert isinstance(first, Rejection)
    assert "195 x 195 pixels does not fit a panel of 194: set draw.panel_pix to 195" in first.reason
    assert isinstance(second, tuple)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizes": [300]}, "does not fit panel_pix = 194"),
        ({"sizes": [30, 30]}, "names a width twice"),
        ({"panels": ["science", "science"]}, "names a panel twice"),
        ({"chunk_size": 3000}, "not a power of ten"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DrawSettings.model_validate(settings)


def test_the_bar_is_as_long_as_one_arcsecond() -> None:
    pixels = pixels_of(DrawSettings(), cutout(scale=0.2))
    line = np.flatnonzero(is_colour(pixels[210], YELLOW))
    first = line[line < 210]
    assert len(first) == 30 + 2
    assert is_colour(pixels[206:215, first[0] - 2], BLUE).all()
    assert not is_colour(pixels, BLUE).any(axis=1)[:200].any()


@pytest.mark.parametrize(
    ("per_arcsec", "panel", "expected"),
    [
        (30.0, 180, Bar(30, "")),
        (9.0, 180, Bar(9, "")),
        (8.9, 180, Bar(44, "5″")),
        (3.0, 180, Bar(30, "10″")),
        (90.0, 180, Bar(90, "")),
        (2.9, 180, Bar(29, "10″")),
        (100.0, 180, Bar(20, "0.2″")),
        (0.01, 180, Bar(20, "2000″")),
        (1e6, 180, Bar(20, "2e-05″")),
        (float("inf"), 180, None),
        (float("nan"), 180, None),
        (0.0, 180, None),
        (1.0, 8, None),
    ],
)
def test_a_rounder_length_where_one_arcsecond_does_not_show(
    per_arcsec: float, panel: int, expected: Bar | None
) -> None:
    assert bar_for(1.0, per_arcsec, panel) == expected


def test_raw_cutouts_are_named_by_id_panel_and_size() -> None:
    cutouts = (cutout(30), cutout(20, 41))
    files = npy_files(SOURCE, cutouts)
    assert sorted(files) == [
        f"12345_{short}_{size}.npy" for short in ("diff", "sci", "temp") for size in (30, 41)
    ]
    loaded = np.load(io.BytesIO(files["12345_sci_41.npy"]))
    assert loaded.shape == (1, 20, 41)
    np.testing.assert_array_equal(loaded[0], cutouts[1].science)
