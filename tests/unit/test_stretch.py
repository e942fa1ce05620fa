"""Panels show what matplotlib's imshow shows for the same interval, stretch and colour map."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import astropy.visualization as aviz
import fastavro
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from zoocut.config.draw import DifferencePanel, DrawSettings, TemplatePanel
from zoocut.errors import ConfigError
from zoocut.images.fits_bytes import read_stamp
from zoocut.images.geometry import Box, cut
from zoocut.model import Cutout, DiaSource, Picture
from zoocut.render import open_renderer
from zoocut.render.levels import open_levels
from zoocut.render.zscale import ZScale

Floats = npt.NDArray[np.floating]

SOURCE = DiaSource(1, None, None, "test", "row 1", {"diaSourceId": 1})
BARE = {"scale_bar_arcsec": None}
PLAIN_PANEL = {"title": ""}
RANDOM = np.random.default_rng(20)


def star(size: int = 30, *, background: float = 100.0, noise: float = 10.0) -> Floats:
    y, x = np.mgrid[:size, :size] - size / 2
    light = 3000 * np.exp(-(x**2 + y**2) / 8)
    return np.asarray(light + RANDOM.normal(background, noise, (size, size)))


def hard_images() -> dict[str, Floats]:
    spiked, lost, endless = star(), star(), star()
    spiked[3, 4] = 1e9
    lost[:, :11] = np.nan
    endless[2, 2], endless[3, 3] = np.inf, -np.inf
    return {
        "star, float32": star().astype(np.float32),
        "star, float64": star(),
        "negative": -star(),
        "tiny": star() * 1e-30,
        "huge": star() * 1e30,
        "on a high background": star(background=1e6, noise=1.0).astype(np.float32),
        "one hot pixel": spiked,
        "NaN block": lost,
        "infinities": endless,
        "constant": np.full((30, 30), 7.0),
        "two values": np.indices((30, 30)).sum(axis=0) % 2.0,
        "ramp": np.arange(900.0).reshape(30, 30),
        "not square": star()[:17],
        "one pixel": np.array([[3.0]]),
        "odd size": star(31).astype(np.float32),
    }


def real_stamps(shared: Path) -> Iterator[Floats]:
    for path in sorted((shared / "data" / "ztf").glob("*.avro")):
        with path.open("rb") as file:
            packet = next(fastavro.reader(file))
        for name in ("cutoutTemplate", "cutoutScience", "cutoutDifference"):
            stamp = read_stamp(packet[name]["stampData"])[0]
            yield cut(stamp, Box(0, 0, *stamp.shape))


def drawn(draw: DrawSettings, image: Floats) -> npt.NDArray[np.uint8]:
    """Draw one image as the only panel and give its pixels."""
    pictures = next(open_renderer(draw).draw([(SOURCE, (Cutout(image, image, image, None),))]))
    assert isinstance(pictures, tuple)
    return decoded(pictures[0])[10 : 10 + draw.panel_pix, 10 : 10 + draw.panel_pix]


def decoded(picture: Picture) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))


def shown(image: Floats, norm: aviz.ImageNormalize, colormap: str, zoom: int) -> npt.NDArray[np.int_]:
    """Let imshow draw an image at a whole-number zoom."""
    height, width = image.shape[0] * zoom, image.shape[1] * zoom
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.imshow(image, cmap=colormap, norm=norm, interpolation="none", origin="lower", aspect="auto")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].astype(int)


def assert_same(draw: DrawSettings, image: Floats, norm: aviz.ImageNormalize) -> None:
    zoom = draw.panel_pix // max(image.shape)
    ours = drawn(draw, image).astype(int)
    top, left = (draw.panel_pix - image.shape[0] * zoom) // 2, (draw.panel_pix - image.shape[1] * zoom) // 2
    ours = ours[top : top + image.shape[0] * zoom, left : left + image.shape[1] * zoom]
    theirs = shown(image.astype(float), norm, draw.colormap, zoom)  # numpy 1 would compute in 32 bits
    assert ours.shape == theirs.shape
    known = np.repeat(np.repeat(np.isfinite(image)[::-1], zoom, 0), zoom, 1)
    assert np.abs(ours - theirs)[known].max(initial=0) <= 1


def minmax_asinh(image: Floats) -> aviz.ImageNormalize:
    return aviz.ImageNormalize(image, interval=aviz.MinMaxInterval(), stretch=aviz.AsinhStretch(a=0.1))


def zscale_linear(image: Floats) -> aviz.ImageNormalize:
    return aviz.ImageNormalize(image, interval=aviz.ZScaleInterval(), stretch=aviz.LinearStretch())


TEMPLATE = DrawSettings(panels=("template",), template=TemplatePanel(title=""), panel_pix=93, **BARE)
DIFFERENCE = DrawSettings(panels=("difference",), difference=DifferencePanel(title=""), panel_pix=93, **BARE)


@pytest.mark.parametrize("name", hard_images())
def test_asinh_between_minimum_and_maximum_as_imshow(name: str) -> None:
    image = hard_images()[name]
    assert_same(TEMPLATE, image, minmax_asinh(image))


@pytest.mark.parametrize("name", sorted(set(hard_images()) - {"constant"}))
def test_zscale_as_imshow(name: str) -> None:
    image = hard_images()[name]
    assert_same(DIFFERENCE, image, zscale_linear(image))


def test_real_stamps_as_imshow(shared: Path) -> None:
    for stamp in real_stamps(shared):
        assert_same(TEMPLATE.model_copy(update={"panel_pix": 127}), stamp, minmax_asinh(stamp))
        assert_same(
            DIFFERENCE.model_copy(update={"panel_pix": 127}), stamp, zscale_linear(stamp.astype(float))
        )


@pytest.mark.parametrize("colormap", ["gray", "viridis", "magma", "jet", "hsv", "Set1", "bone_r"])
def test_any_colour_map_as_imshow(colormap: str) -> None:
    image = star()
    draw = TEMPLATE.model_copy(update={"colormap": colormap})
    assert_same(draw, image, minmax_asinh(image))


@pytest.mark.parametrize(
    ("interval", "interval_options", "stretch", "stretch_options"),
    [
        ("percentile", {"percentile": 95.0}, "sqrt", {}),
        ("asymmetric-percentile", {"lower_percentile": 1.0, "upper_percentile": 90.0}, "log", {"a": 500.0}),
        ("AsymmetricPercentileInterval", {"lower_percentile": 5, "upper_percentile": 99}, "SinhStretch", {}),
        ("manual", {"vmin": 50.0, "vmax": 400.0}, "power", {"a": 2.0}),
        ("zscale", {"contrast": 0.5, "n_samples": 300}, "squared", {}),
        ("minmax", {}, "contrast_bias", {"contrast": 2.0, "bias": 0.4}),
        ("zscale", {"krej": 3.0, "max_iterations": 2}, "powerdist", {}),
    ],
)
def test_any_interval_and_stretch_of_astropy_by_name(
    interval: str, interval_options: dict[str, float], stretch: str, stretch_options: dict[str, float]
) -> None:
    image = star()
    panel = TemplatePanel(
        title="",
        interval=interval,
        interval_options=interval_options,
        stretch=stretch,
        stretch_options=stretch_options,
    )
    draw = TEMPLATE.model_copy(update={"template": panel})
    classes = {name.lower(): found for name, found in vars(aviz).items()}

    def astropys(name: str, suffix: str) -> type:
        plain = name.lower().replace("-", "").replace("_", "").removesuffix(suffix)
        return classes[plain + suffix]

    norm = aviz.ImageNormalize(
        image,
        interval=astropys(interval, "interval")(**interval_options),
        stretch=astropys(stretch, "stretch")(**stretch_options),
    )
    assert_same(draw, image, norm)


@pytest.mark.parametrize(("size", "crop"), [(31, 15), (30, 15), (31, 14), (30, 14), (28, 13), (15, 15)])
def test_limits_of_the_central_crop(size: int, crop: int) -> None:
    image = star(size)
    first = size // 2 - crop // 2
    last = first + crop - 1
    image[last, last] = 5e4  # the last pixel that counts, and beside it two that do not
    for beside in (first - 1, last + 1):
        if 0 <= beside < size:
            image[beside, first] = 1e6
    panel = TemplatePanel(title="", central_crop_pix=crop)
    middle = image[first : first + crop, first : first + crop]
    norm = aviz.ImageNormalize(middle, interval=aviz.MinMaxInterval(), stretch=aviz.AsinhStretch(a=0.1))
    assert_same(TEMPLATE.model_copy(update={"template": panel}), image, norm)


def test_a_constant_central_crop_takes_the_first_level_everywhere() -> None:
    image = np.full((9, 9), 5.0)
    image[0, 0], image[8, 8], image[0, 8] = 900.0, -900.0, np.nan
    levels = open_levels("template", TemplatePanel(central_crop_pix=3), 256).of(image[None])[0]
    assert levels[0, 8] == 256
    levels[0, 8] = 0
    assert (levels == 0).all()


def test_all_sizes_follow_one_rule() -> None:
    image = star(62)
    small = image[16:46, 16:46]
    draw = TEMPLATE.model_copy(update={"sizes": (30, 62), "panel_pix": 62})
    cutouts = tuple(Cutout(each, each, each, None) for each in (small, image))
    pictures = next(open_renderer(draw).draw([(SOURCE, cutouts)]))
    assert isinstance(pictures, tuple)
    pixels = decoded(pictures[0]).astype(int)
    first = pixels[11 : 11 + 60, 11 : 11 + 60]
    second = pixels[10 + 62 + 23 :][:62, 10 : 10 + 62]
    assert np.abs(first - shown(small, minmax_asinh(small), "bone", 2)).max() <= 1
    assert np.abs(second - shown(image, minmax_asinh(image), "bone", 1)).max() <= 1


@pytest.mark.parametrize("colormap", ["bone", "gray", "viridis", "jet", "hsv", "inferno"])
def test_pixels_without_data_have_a_colour_that_no_data_takes(colormap: str) -> None:
    image = np.linspace(0, 1, 30 * 30).reshape(30, 30)
    hollow = image.copy()
    hollow[10:20, 10:20] = np.nan
    draw = DIFFERENCE.model_copy(
        update={"colormap": colormap, "difference": DifferencePanel(title="", interval="minmax")}
    )
    data = drawn(draw, image).reshape(-1, 3)
    lost = drawn(draw, hollow)[46, 46].astype(int)
    inside = data[np.any(data != 255, axis=1)].astype(int)
    assert np.abs(inside - lost).max(axis=1).min() >= 30


def test_zscale_limits_are_astropys() -> None:
    worst = 0.0
    for _ in range(300):
        count = int(RANDOM.choice([5, 7, 30, 100, 450, 900, 999, 1000, 1001, 3600, 3969]))
        pixels = RANDOM.normal(RANDOM.choice([0, 1e3, -1e5]), RANDOM.choice([0.1, 1, 100]), count)
        if RANDOM.random() < 0.4:
            pixels[RANDOM.integers(0, count, max(1, count // 20))] += RANDOM.choice([1e2, 1e4])
        if RANDOM.random() < 0.5:
            pixels = pixels.astype(np.float32)
        expected = np.array(aviz.ZScaleInterval().get_limits(pixels), float)
        found = np.array(ZScale().limits(pixels[None]), float)[:, 0]
        worst = max(worst, float(np.abs(found - expected).max() / np.abs(expected).max()))
    assert worst <= 1e-6


def test_zscale_of_many_images_is_that_of_each() -> None:
    stack = RANDOM.normal(0, 1, (70, 900)) * RANDOM.uniform(1, 100, (70, 1))
    low, high = ZScale().limits(stack)
    for i, image in enumerate(stack):
        assert (low[i], high[i]) == tuple(limit[0] for limit in ZScale().limits(image[None]))


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"template": TemplatePanel(interval="zskale")}, "did you mean zscale"),
        ({"template": TemplatePanel(stretch="asinch")}, "did you mean asinh"),
        ({"template": TemplatePanel(interval="zscale", interval_options={"contrst": 1})}, "contrst"),
        ({"template": TemplatePanel(stretch="asinh", stretch_options={"a": -1.0})}, "draw.template.stretch"),
        ({"colormap": "bones"}, "no colour map"),
        ({"background": "whitte"}, "draw.background = 'whitte'"),
        ({"nan_color": "black"}, "would look like data"),
        ({"font": "No Such Font"}, "draw.font"),
    ],
)
def test_a_name_that_does_not_exist_is_refused_with_advice(update: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_renderer(TEMPLATE.model_copy(update=update))
