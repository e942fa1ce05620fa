"""Light curves as pictures: where matplotlib puts their points, the same bytes again, any numbers."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoocut.catalogs.history import History, Kind
from zoocut.catalogs.history.points import Point
from zoocut.errors import ConfigError, InputError
from zoocut.media.curve import CurveSettings, plot_curve
from zoocut.media.lightcurve_png import CurvePlotter, LightcurvePngSettings

PLOTTER = CurvePlotter(LightcurvePngSettings(), "DejaVu Sans")


def drawn(points: list[tuple[float, float, str]], plotter: CurvePlotter = PLOTTER, **options: Any) -> bytes:
    measured = [
        Point(61000 + day, flux, 1.0, band, str(n), Kind.DETECTION)
        for n, (day, flux, band) in enumerate(points)
    ]
    history = History("TAI", 61000.0, measured[-1], tuple(measured), {}, 30.0)
    return plotter.png(plot_curve(history, CurveSettings(**options), "difference"))


def colours(png: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def centre(png: bytes, colour: tuple[int, int, int]) -> tuple[float, float]:
    """Centre of the pixels of a colour: (x, y) from the upper left."""
    y, x = np.nonzero((abs(colours(png) - colour) < 12).all(axis=2))
    assert len(x) > 20, "the colour is not there"
    return float(x.mean()), float(y.mean())


def test_negative_changes_lie_below_the_line_and_later_ones_to_the_right() -> None:
    red, green = (0xB5, 0x26, 0x26), (0x31, 0xDE, 0x1F)
    zero = (0x5C, 0x5C, 0x5C)
    png = drawn([(-20, -500.0, "r"), (-19.9, -500.0, "r"), (0, 500.0, "g")])
    upper = colours(png).copy()
    upper[:45] = 255  # without the legend
    file = io.BytesIO()
    Image.fromarray(upper.astype(np.uint8)).save(file, "png")
    below, above = (centre(file.getvalue(), colour) for colour in (red, green))
    grey = (abs(upper - zero) < 12).all(axis=2).sum(axis=1)
    line = float(grey.argmax())
    assert grey.max() > 300, "a line across the plot"
    assert above[1] < line < below[1]
    assert below[0] < above[0]
    assert abs((above[1] + below[1]) / 2 - line) < 4, "zero is in the middle of -500 and 500"


def test_magnitudes_run_downwards() -> None:
    red, green = (0xB5, 0x26, 0x26), (0x31, 0xDE, 0x1F)
    png = drawn([(-20, 100.0, "r"), (0, 900.0, "g")], brightness="magnitude")
    assert centre(png, green)[1] < centre(png, red)[1], "brighter is up"


def test_the_same_curve_is_the_same_picture() -> None:
    assert drawn([(-3, 5.0, "r"), (0, 9.0, "r")]) == drawn([(-3, 5.0, "r"), (0, 9.0, "r")])
    small = CurvePlotter(
        LightcurvePngSettings(width_pix=400, height_pix=300, text_height_pix=12), "DejaVu Sans"
    )
    assert colours(drawn([(0, 9.0, "r")], small)).shape == (300, 400, 3)
    assert colours(drawn([(0, 9.0, "r")])).shape == (600, 800, 3)


@pytest.mark.parametrize("name", ["$\\frac$", "$a$", "_r", "a_b^c", "{x}", "%s", "\\alpha"])
def test_names_and_labels_are_drawn_as_they_are_written(name: str) -> None:
    """As no formula, and in the legend also where matplotlib would leave a name out."""
    points = [(-10.0, 1.0, name), (-5.0, 2.0, name)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert drawn(points, y_label=name) != drawn(points, y_label="y")
        unlike = drawn([(at, flux, "x" + name) for at, flux, _ in points])
        assert drawn(points) != unlike
    if name.startswith("_"):
        hidden = drawn([(-10.0, 1.0, "__"), (-5.0, 2.0, "__")])
        assert (colours(hidden) != colours(drawn(points))).any(), "the legend shows which name it is"


def test_letters_that_the_font_lacks_are_told() -> None:
    with pytest.raises(InputError, match=r"cannot draw: name another in draw\.font, or the bands"):
        drawn([(-10.0, 1.0, "\u4e57")])


def test_a_font_that_is_missing_is_told() -> None:
    with pytest.raises(ConfigError, match="no such font anywhere"):
        CurvePlotter(LightcurvePngSettings(), "no such font anywhere")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(-30, 0),
            st.floats(-1e30, 1e30) | st.sampled_from([0.0, 5e-324, -0.0]),
            st.sampled_from("ugrizyJ"),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["flux", "magnitude"]),
)
def test_any_numbers_make_a_picture(points: list[tuple[float, float, str]], brightness: str) -> None:
    measured = [
        Point(61000 + d, f, abs(f) / 5, b, str(n), Kind.DETECTION) for n, (d, f, b) in enumerate(points)
    ]
    history = History("TAI", 61000.0, measured[-1], tuple(measured), {}, 30.0)
    curve = plot_curve(history, CurveSettings.model_validate({"brightness": brightness}), "difference")
    if not curve.is_empty:
        assert colours(PLOTTER.png(curve)).shape == (600, 800, 3)
