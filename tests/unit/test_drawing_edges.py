"""Pictures at the edges of what is drawn: large numbers, missing ones, large cutouts, long words, small bars."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy import visualization
from PIL import Image

from zoocut.config.draw import DifferencePanel, DrawSettings
from zoocut.config.load import load_tree
from zoocut.errors import ConfigError
from zoocut.model import Cutout, DiaSource, Rejection, Value
from zoocut.render import open_renderer
from zoocut.render.catalog_text import FIELDS, LABELS, Field, label_of
from zoocut.render.reducing import reduced

Pixels = npt.NDArray[np.int64]

GREY = (128, 128, 128)
WHITE = (255, 255, 255)
LINE_TOPS = [9 + round(19.2 * line) for line in range(5)]


def cutout(height: int = 30, width: int | None = None, scale: float | None = 0.2) -> Cutout:
    image = np.arange(float(height * (width or height))).reshape(height, width or height)
    return Cutout(image, image, image, scale)


def drawn(draw: DrawSettings, *cutouts: Cutout, **columns: Value) -> Pixels:
    source = DiaSource(12345, 1.0, 2.0, "test", "row 1", {"diaSourceId": 12345, **columns})
    found = next(open_renderer(draw).draw([(source, cutouts or (cutout(),))]))
    assert not isinstance(found, Rejection), found.reason
    return np.asarray(Image.open(io.BytesIO(found[0].png)).convert("RGB")).astype(int)


def gray(**settings: Any) -> DrawSettings:
    """Draw one panel whose grey tells the pixel, without words or bar."""
    panel = DifferencePanel(title="", interval="minmax")
    return DrawSettings(
        panels=("difference",), difference=panel, colormap="gray", scale_bar_arcsec=None, **settings
    )


ANNOTATED = DrawSettings(add_metadata=True)


@pytest.mark.parametrize(
    "number", [9999.94, 10000, 12345.67, 99999, 123456.7, 1.5e7, 2.5e9, 7e12, 1e30, -54321.9, -1e12]
)
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"line {field.line} at {field.left}")
def test_no_number_is_too_large_for_its_place(number: float, field: Field) -> None:
    """Every place shows every number, however short: what cannot be printed in full is abbreviated."""
    measured = ("psfFlux", "psfFluxErr", "apFlux", "apFluxErr", "scienceFlux", "scienceFluxErr")
    columns: dict[str, Value] = dict.fromkeys(("snr", "psfChi2", *measured), number)
    ratios: dict[str, Value] = {"psfNdata": 1, "psfFluxErr": 1.0, "apFluxErr": 1.0, "scienceFluxErr": 1.0}
    given = {"ra": 150.0, "dec": 2.0, **columns}
    if field.right - field.left < 60 or field.line == 1:
        given |= ratios
    if field.texts(given) is None:
        return
    pixels = drawn(ANNOTATED, **given)
    top = LINE_TOPS[field.line]
    place = pixels[top : top + 16, field.left : field.right + 1]
    assert (place < 128).any(), field


@pytest.mark.parametrize(
    ("snr", "text"),
    [(12345.67, "12346"), (123456.7, "123k"), (1.25e6, "1.2M"), (7e12, "7e12"), (1234.5, "1234")],
)
def test_large_signal_to_noise_in_few_letters(snr: float, text: str) -> None:
    (field,) = (field for field in FIELDS if (field.line, field.left) == (1, 431))
    assert text in list(field.texts({"snr": snr}) or ())
    as_number = drawn(ANNOTATED, snr=snr)
    assert (as_number[LINE_TOPS[1] : LINE_TOPS[1] + 16, 431:476] < 128).any()


def test_every_value_has_its_label() -> None:
    told = {(field.line, field.left): label_of(field).text for field in FIELDS}
    assert told == {
        (1, 33): "ra:",
        (1, 179): "dec:",
        (1, 431): "detection S/N:",
        (1, 556): "PSF chi2:",
        (2, 84): "PSF (nJy):",
        (2, 195): "+/-",
        (2, 297): "S/N:",
        (3, 84): "ap (nJy):",
        (3, 195): "+/-",
        (3, 297): "S/N:",
        (4, 84): "total (nJy):",
        (4, 195): "+/-",
        (4, 297): "S/N:",
        (4, 416): "ABmag:",
    }
    assert {label_of(field) for field in FIELDS} == set(LABELS[1:])


@pytest.mark.parametrize(
    ("columns", "labels"),
    [
        ({}, set()),
        ({"snr": 5.0}, {"detection S/N:"}),
        ({"psfFlux": 1.0}, {"PSF (nJy):"}),
        ({"psfFlux": 1.0, "psfFluxErr": 2.0}, {"PSF (nJy):", "+/-", "S/N:"}),
        ({"scienceFlux": 5.0}, {"total (nJy):", "ABmag:"}),
        ({"scienceFlux": -5.0}, {"total (nJy):"}),
    ],
)
def test_a_label_without_a_value_is_left_out(columns: dict[str, Value], labels: set[str]) -> None:
    pixels = drawn(ANNOTATED, **columns)
    for label in LABELS[1:]:
        top = LINE_TOPS[label.line]
        there = (pixels[top : top + 14, label.x : label.x + 20] != 255).any()
        expected = label.text in labels and (label.line == {"detection S/N:": 1}.get(label.text, label.line))
        if label.text in ("+/-", "S/N:") and label.line != 2:
            expected = False
        assert there == expected, label


@pytest.mark.parametrize("missing", ["detector", "visit"])
def test_the_top_line_leaves_labels_out_too(missing: str) -> None:
    whole = {"instrument": "LSSTCam", "detector": 5, "visit": 77, "band": "r"}
    places = {"detector": slice(420, 482), "visit": slice(519, 552)}
    line = slice(LINE_TOPS[0], LINE_TOPS[0] + 16)
    full, less = (drawn(ANNOTATED, **columns) for columns in (whole, whole | {missing: None}))  # type: ignore[arg-type]
    assert (full[line, places[missing]] != 255).any()
    assert (less[line, places[missing]] == 255).all()


@pytest.mark.parametrize("size", [98, 100, 128, 150, 193, 194])
def test_large_cutouts_fill_their_panel(size: int) -> None:
    panel = drawn(gray(sizes=(size,)), cutout(size))[10:204, 10:204, 0]
    levels = np.floor(np.arange(size * size).reshape(size, size) / (size * size - 1) * 256).clip(0, 255)
    steps = np.arange(194) * size // 194
    right = levels[::-1][steps[:, None], steps]
    assert np.abs(panel - right).max() <= 1
    assert len(np.unique(steps)) == size


@pytest.mark.parametrize(("size", "zoom"), [(97, 2), (65, 2), (64, 3), (30, 6), (1, 194)])
def test_smaller_ones_are_zoomed_by_whole_numbers(size: int, zoom: int) -> None:
    picture = drawn(gray(sizes=(size,), nan_color="#ff0000"), cutout(size))
    inked = np.flatnonzero((picture[107] != 255).any(axis=1))
    assert size == 1 or inked[-1] - inked[0] + 1 in (zoom * size, zoom * size - zoom)


@pytest.mark.parametrize(("height", "width"), [(120, 60), (50, 194), (100, 1)])
def test_oblong_cutouts_keep_their_shape(height: int, width: int) -> None:
    picture = drawn(gray(sizes=(), background="#0000ff"), cutout(height, width))
    inked = (picture != (0, 0, 255)).any(axis=2)
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    assert (len(rows), len(columns)) == (
        height * 194 // max(height, width),
        max(width * 194 // max(height, width), 1),
    )


@pytest.mark.parametrize(
    ("height", "width", "factor"), [(195, 195, 2), (400, 380, 3), (388, 10, 2), (1000, 1000, 6)]
)
def test_footprints_larger_than_a_panel_are_averaged_down(height: int, width: int, factor: int) -> None:
    image = np.random.default_rng(0).normal(size=(height, width))
    whole = Cutout(image, image, image, 0.2)
    small = reduced(whole, factor)
    assert small.template.shape == (-(-height // factor), -(-width // factor))
    assert small.pixel_scale_arcsec == pytest.approx(0.2 * factor)
    assert small.science[0, 0] == pytest.approx(image[:factor, :factor].mean())
    assert small.science[-1, -1] == pytest.approx(
        image[(height - 1) // factor * factor :, (width - 1) // factor * factor :].mean()
    )
    draw = gray(use_footprint=True)
    np.testing.assert_array_equal(drawn(draw, whole), drawn(draw, small))


def test_averages_leave_out_what_has_no_data() -> None:
    image = np.array([[1.0, 3.0, np.nan, np.nan], [np.nan, 5.0, np.nan, np.nan]])
    means = reduced(Cutout(image, image, image, None), 2).template
    np.testing.assert_array_equal(means, [[3.0, np.nan]])


@pytest.mark.parametrize(
    "title", ["Template image of the field", "W" * 20, "A title that is far longer than a panel"]
)
@pytest.mark.parametrize("layout", ["row", "column", "separate"])
def test_long_titles_shrink(title: str, layout: str) -> None:
    names = {"template": {"title": title}, "science": {"title": title}, "difference": {"title": title}}
    picture = drawn(DrawSettings.model_validate({"layout": layout, **names}))
    assert (picture[:, :3] == 255).all()
    words = (picture[:29] < 200).any(axis=(0, 2))
    assert words.any()
    if layout == "row":
        for gap in (211, 419):
            assert not words[gap : gap + 1].any()


def test_a_title_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not fit above its panel: shorten the title"):
        open_renderer(DrawSettings.model_validate({"template": {"title": "word " * 60}}))


@pytest.mark.parametrize("panel_pix", [100, 194, 400, 800])
@pytest.mark.parametrize("scale", [0.05, 0.2, 1.01, 3.7, 21.0])
def test_the_bar_can_be_seen_in_any_panel(panel_pix: int, scale: float) -> None:
    draw = DrawSettings(sizes=(30,), panel_pix=panel_pix)
    picture = drawn(draw, cutout(scale=scale))
    panel = picture[:, 10 : 10 + panel_pix]
    growth = max(1.0, panel_pix / 194)
    yellow = (panel == (255, 255, 0)).all(axis=2)
    runs = np.array([longest_run(row) for row in yellow])
    length = runs.max()
    drawn_pix = panel_pix // 30 * 30
    assert drawn_pix / 20 <= length <= drawn_pix * 0.55
    assert np.count_nonzero(runs == length) >= 3 * growth - 1
    blue = np.flatnonzero((panel == (0, 0, 255)).all(axis=2).any(axis=1))
    labelled = len(blue) > 12 * growth
    usual = 1.0 / scale * (panel_pix // 30)
    assert labelled == (not drawn_pix / 20 <= usual <= drawn_pix / 2)
    assert not labelled or len(blue) >= 0.09 * panel_pix


def longest_run(row: npt.NDArray[np.bool_]) -> int:
    ends = np.flatnonzero(np.diff(np.r_[False, row, False].astype(int)))
    return int(max(ends[1::2] - ends[::2], default=0))


@pytest.mark.parametrize(
    ("panel", "says"),
    [
        ({"stretch": "histeq"}, "it needs more than numbers: choose one of asinh"),
        ({"stretch": "composite"}, "it needs more than numbers"),
        pytest.param(
            {"stretch": "lupton-asinh-zscale"},
            "it needs more than numbers",
            marks=pytest.mark.skipif(
                not hasattr(visualization, "LuptonAsinhZscaleStretch"), reason="of astropy 7"
            ),
        ),
        ({"interval": "percentile"}, r"it needs percentile: set interval_options = \{ percentile = 1.0 \}"),
        (
            {"interval": "manual", "interval_options": {"vmn": 1}},
            "interval_options has no vmn: did you mean vmin",
        ),
        ({"stretch": "powr"}, "did you mean power"),
        ({"stretch": "power"}, r"it needs a: set stretch_options = \{ a = 1.0 \}"),
        ({"stretch": "zzzzzz"}, "choose one of asinh"),
        ({"interval": "minmax", "interval_options": {"a": 1}}, r"draw\.template\.interval = 'minmax'"),
        (
            {"interval": "zscale", "interval_options": {"contrst": 1}},
            "interval_options has no contrst: did you mean con",
        ),
    ],
)
def test_only_what_a_file_can_say_is_offered(panel: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        open_renderer(DrawSettings.model_validate({"template": panel}))
    assert "__init__" not in str(caught.value)
    assert "histeq" not in str(caught.value).partition("choose one of")[2]


@pytest.mark.parametrize("stretch", ["linear", "sqrt", "log", "asinh", "squared"])
def test_another_stretch_needs_no_options_of_the_first(stretch: str) -> None:
    draw = DrawSettings.model_validate({"template": {"stretch": stretch}, "science": {"stretch": stretch}})
    assert draw.template.stretch_options == ({"a": 0.1} if stretch == "asinh" else {})
    plain = DrawSettings.model_validate({"template": {"stretch": "sinh"}, "science": {"stretch": "sinh"}})
    assert np.any(drawn(draw) != drawn(plain))


def test_one_size_needs_no_list() -> None:
    assert DrawSettings.model_validate({"sizes": 31}).sizes == (31,)
    assert DrawSettings.model_validate({"sizes": [31, 63]}).sizes == (31, 63)


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (
            {"sizes": [200]},
            "draw is not allowed: a cutout of 200 pixels does not fit panel_pix = 194: set panel_pix",
        ),
        ({"sizes": [30, 30]}, "draw is not allowed: sizes names a width twice"),
        ({"chunk_size": 3000}, "draw is not allowed: chunk_size = 3000 is not a power of ten"),
        ({"sizes": "many"}, "draw.sizes = 'many' is not allowed: give a list, in brackets"),
    ],
)
def test_what_is_wrong_is_told_without_the_rest(draw: dict[str, Any], says: str) -> None:
    tree = {"catalog": {"kind": "alerts", "path": "x"}, "images": {"kind": "stamps"}, "draw": draw}
    with pytest.raises(ConfigError) as caught:
        load_tree(tree)
    assert says in str(caught.value)
    assert "{" not in str(caught.value)
