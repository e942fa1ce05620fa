"""Whatever the pixels are, a picture comes out, without a warning, and always the same one."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoocut.config.draw import DifferencePanel, DrawSettings, SciencePanel, TemplatePanel
from zoocut.model import Cutout, DiaSource, Picture
from zoocut.render import open_renderer

SOURCE = DiaSource(7, None, None, "test", "row 1", {"diaSourceId": 7})
PANELS = ("template", "science", "difference")
KINDS = (">f4", "<f8", ">f8", "f2", ">i2", "i4", "u1", ">u8", "?")
EXTREMES = (0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, -5e-324, 1e-38, 1.7e308, -1.7e308, 3.4028235e38, 1.0)
RENDERERS = {
    "default": open_renderer(DrawSettings(sizes=(), panel_pix=40)),
    "one size annotated": open_renderer(DrawSettings(sizes=(), panel_pix=70, add_metadata=True)),
    "separate": open_renderer(DrawSettings(sizes=(), panel_pix=41, layout="separate", colormap="jet")),
    "others": open_renderer(
        DrawSettings(
            sizes=(),
            panel_pix=40,
            template=TemplatePanel(interval="zscale", stretch="log", stretch_options={}, central_crop_pix=5),
            science=SciencePanel(
                interval="percentile",
                interval_options={"percentile": 90.0},
                stretch="sqrt",
                stretch_options={},
            ),
            difference=DifferencePanel(interval="minmax", stretch="powerdist"),
        )
    ),
}


def hard_image(random: np.random.Generator, shape: tuple[int, int]) -> npt.NDArray[np.generic]:
    """Make an image of any type with anything in it."""
    scale = 10.0 ** random.integers(-320, 309)
    with np.errstate(all="ignore"):
        pixels = random.choice([random.normal, random.exponential])(size=shape) * scale
        pixels += random.choice([0.0, scale, -1e6 * scale])
        if random.random() < 0.2:
            pixels[...] = random.choice([*EXTREMES, 7.0])
        for value in random.choice(EXTREMES, random.integers(0, 4)):
            pixels[random.random(shape) < random.choice([0.02, 0.5, 0.95])] = value
        image = np.asarray(pixels).astype(random.choice(KINDS))
    if random.random() < 0.1:
        return np.ma.masked_array(image, random.random(shape) < 0.3)
    return image


def hard_cutout(random: np.random.Generator) -> Cutout:
    height, width = random.integers(1, 41, 2).tolist()
    scales = (None, 0.2, 1e-9, 1e9, 0.0, float("nan"), float("inf"), -1.0)
    images = (hard_image(random, (height, width)) for _ in PANELS)
    return Cutout(*images, scales[random.integers(len(scales))])


def drawn(name: str, *several: Cutout) -> list[tuple[Picture, ...]]:
    pictures = list(RENDERERS[name].draw([(SOURCE, (each,)) for each in several]))
    assert all(isinstance(each, tuple) for each in pictures)
    return [each for each in pictures if isinstance(each, tuple)]


@pytest.mark.parametrize("name", RENDERERS)
@given(seed=st.integers(0, 2**63), count=st.integers(1, 12))
@settings(max_examples=250, deadline=None)
def test_any_pixels_make_a_picture_that_its_company_does_not_change(name: str, seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    several = [hard_cutout(random) for _ in range(count)]
    together = drawn(name, *several)
    for each, pictures in zip(several, together, strict=True):
        ((*alone,),) = drawn(name, each)
        assert [picture.png for picture in alone] == [picture.png for picture in pictures]
        for picture in pictures:
            image = Image.open(io.BytesIO(picture.png))
            image.load()
            assert image.size == RENDERERS[name].size_pix


@given(shape=st.tuples(st.integers(1, 40), st.integers(1, 40)), data=st.data())
@settings(max_examples=250, deadline=None)
def test_missing_pixels_and_no_others_have_their_colour(shape: tuple[int, int], data: st.DataObject) -> None:
    image = np.random.default_rng(data.draw(st.integers(0, 2**32))).normal(size=shape)
    lost = np.random.default_rng(data.draw(st.integers(0, 2**32))).random(shape) < 0.3
    image[lost] = np.nan
    ((picture,),) = drawn("default", Cutout(image, image, image, None))
    longest = max(shape)
    goal = 40 // longest * longest if longest <= 20 else 40
    height, width = (max(length * goal // longest, 1) for length in shape)
    top, left = 29 + (40 - height) // 2, 10 + (40 - width) // 2
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))
    panel = pixels[top : top + height, left : left + width]
    shown = np.all(panel == (160, 90, 90), axis=2)
    rows, columns = (
        np.arange(size) * length // size for size, length in zip((height, width), shape, strict=True)
    )
    np.testing.assert_array_equal(shown, lost[::-1][rows[:, None], columns])
