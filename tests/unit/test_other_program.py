"""What scripts and configurations written for LSST's own task expect of its Python interface."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.visualization import AsinhStretch, ImageNormalize, MinMaxInterval
from matplotlib import colormaps
from PIL import Image

from zoocut import plot_image_subtraction_cutouts as plotImageSubtractionCutouts  # noqa: N812
from zoocut.config.draw import DrawSettings
from zoocut.errors import ConfigError, InputError

Config = plotImageSubtractionCutouts.PlotImageSubtractionCutoutsConfig
Task = plotImageSubtractionCutouts.PlotImageSubtractionCutoutsTask
CutoutPath = plotImageSubtractionCutouts.CutoutPath


def images(shape: tuple[int, int] = (100, 100)) -> Any:
    return np.random.default_rng(1).normal(0, 1, (3, *shape)).astype(np.float32)


def pixels_of(png: io.BytesIO) -> npt.NDArray[np.int64]:
    return np.asarray(Image.open(png).convert("RGB")).astype(int)


def test_the_class_of_the_configuration() -> None:
    assert Task.ConfigClass is Config
    task = Task(output_path="unused", config=Task.ConfigClass(sizes=[21]))
    assert task.config.sizes == [21]


@pytest.mark.parametrize("size", [30, 31])
def test_the_preset_draws_the_difference_as_the_task_does(size: int) -> None:
    """Between the extremes of the central 15 x 15 pixels, by asinh, as its source has it; all within 1/255."""
    science, template, difference = images()
    difference[50, 40] += 40
    task = Task(output_path="unused", config=Config(add_metadata=False, preset="analysis_ap", sizes=[size]))
    picture = pixels_of(task.generate_image(science, template, difference, (40.3, 50.2)))
    first = int(np.ceil(50.2 - size / 2)), int(np.ceil(40.3 - size / 2))
    data = difference[first[0] : first[0] + size, first[1] : first[1] + size]
    middle = data[size // 2 - 7 : size // 2 + 8, size // 2 - 7 : size // 2 + 8]
    norm = ImageNormalize(middle, interval=MinMaxInterval(), stretch=AsinhStretch(a=0.1))
    right = colormaps["bone"](norm(data), bytes=True)[::-1, :, :3].astype(int)
    zoom = 194 // size
    margin = (194 - zoom * size) // 2
    panel = picture[29 + margin :, 10 + 2 * 208 + margin :][: zoom * size, : zoom * size]
    assert np.abs(panel[::zoom, ::zoom] - right).max() <= 1
    plain = Task(output_path="unused", config=Config(add_metadata=False, sizes=[size]))
    other = pixels_of(plain.generate_image(science, template, difference, (40.3, 50.2)))
    assert (other[:, :426] == picture[:, :426]).all()
    assert (other != picture).any()


def test_a_panels_own_section_goes_before_the_preset() -> None:
    preset = DrawSettings.model_validate({"preset": "analysis_ap"})
    assert (preset.difference.interval, preset.difference.central_crop_pix) == ("minmax", 15)
    assert preset.difference.title == "Difference"
    own = {"preset": "analysis_ap", "difference": {"stretch": "sqrt", "title": "Change"}}
    mixed = DrawSettings.model_validate(own).difference
    assert (mixed.stretch, mixed.stretch_options, mixed.central_crop_pix) == ("sqrt", {}, 15)
    assert DrawSettings.model_validate(preset.model_dump(mode="json")) == preset
    assert DrawSettings().difference.interval == "zscale"


def test_the_positional_order_is_the_tasks(tmp_path: Path) -> None:
    """science, template, difference, center, scale, dia_source_id, save_as_numpy, source, footprint."""
    task = Task(output_path=tmp_path, config=Config(sizes=[10, 20]))
    source = {"diaSourceId": 120034, "snr": 5.0}
    task.generate_image(*images(), (40.3, 50.2), 0.2, 120034, True, source, None)
    folder = tmp_path / "numpy" / "120000"
    names = [f"120034_{short}_{size}.npy" for short in ("diff", "sci", "temp") for size in (10, 20)]
    assert sorted(path.name for path in folder.iterdir()) == names
    raw = np.load(folder / "120034_sci_10.npy")
    assert raw.shape == (1, 10, 10)
    np.testing.assert_array_equal(raw[0], images()[0][46:56, 36:46])
    assert Path(task.numpy_path(120034, "120034_sci_10.npy")) == folder / "120034_sci_10.npy"


def test_nothing_is_saved_unless_asked(tmp_path: Path) -> None:
    Task(output_path=tmp_path).generate_image(*images(), (40.3, 50.2), 0.2, 7)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("center", [(-0.7, 50.0), (99.6, 50.0), (50.0, 120.0)])
def test_a_centre_off_the_image_is_refused(center: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"its centre, x .* is off the difference image"):
        Task(output_path="unused").generate_image(*images(), center)


def test_pictures_of_one_configuration_share_their_renderer() -> None:
    from zoocut.render import kept_renderer

    task = Task(output_path="unused")
    look = task._draw_settings()
    assert kept_renderer(look) is kept_renderer(Task(output_path="elsewhere")._draw_settings())
    task.config.sizes = [31]
    assert kept_renderer(task._draw_settings()) is not kept_renderer(look)


@pytest.mark.parametrize("limits", [(-np.inf, 1.0), (-1e-320, 0.1 + 0.2), (-0.0, 1.0)])
def test_limits_of_a_kept_renderer_are_those_of_the_settings(limits: tuple[float, float]) -> None:
    from zoocut.render import kept_renderer

    def look(*limits: float) -> DrawSettings:
        options = dict(zip(("vmin", "vmax"), limits, strict=True))
        return DrawSettings.model_validate({"science": {"interval": "manual", "interval_options": options}})

    kept = kept_renderer(look(*limits))
    assert kept_renderer(look(*limits)) is kept
    assert kept_renderer(look(limits[0], np.nextafter(limits[1], 2))) is not kept


def test_paths_are_the_tasks(tmp_path: Path) -> None:
    path = CutoutPath(tmp_path, 10000)
    assert path(120034) == str(tmp_path / "images" / "120000" / "120034.png")
    assert path(120034, "120034.png") == path(120034)
    assert CutoutPath(tmp_path)(5, "5.png") == str(tmp_path / "images" / "5.png")
    assert CutoutPath(str(tmp_path), 10, subdirectory="numpy").directory(19) == str(tmp_path / "numpy" / "10")
    assert not path.exists(120034, "120034.png")
    path.mkdir(120034)
    Path(path(120034)).write_bytes(b"")
    assert path.exists(120034)
    with pytest.raises(ConfigError, match="not a power of ten"):
        CutoutPath(tmp_path, 3000)


TASKS_FILE = """import lsst.analysis.ap.plotImageSubtractionCutouts
assert type(config) is lsst.analysis.ap.plotImageSubtractionCutouts.PlotImageSubtractionCutoutsConfig, 'other'
# List of widths of cutout to extract for image from science, template, and difference exposures.
config.sizes=[32, 64]

# Use source footprint to to define cutout region.
config.use_footprint=False
config.url_root='https://images.example.org/night'
config.chunk_size=None
"""


def test_a_configuration_file_of_the_task(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text(TASKS_FILE)
    config = Config()
    config.load(tmp_path / "config.py")
    assert (config.sizes, config.chunk_size, config.add_metadata) == ([32, 64], None, True)
    assert config.url_root == "https://images.example.org/night"
    config.save(tmp_path / "saved.py")
    again = Config()
    again.load(str(tmp_path / "saved.py"))
    assert again == config


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("config.size = [30]", "no field size: did you mean sizes"),
        ("config.sizes = [30] * 2", "line 1 computes its value"),
        ("print('x')", "line 1 is no field and its value"),
        ("import os\nsizes = [30]", "line 2 sets what is no field of config"),
        ("config.sizes = [", "cannot be read as a configuration"),
    ],
)
def test_a_file_that_is_more_than_fields_and_values_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "config.py").write_text(text)
    with pytest.raises(ConfigError, match=says):
        Config().load(tmp_path / "config.py")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read as a configuration"):
        Config().load(tmp_path / "none.py")


def test_a_frozen_configuration() -> None:
    config = Config()
    config.freeze()
    with pytest.raises(ConfigError, match=r"config\.sizes cannot be set: the configuration is frozen"):
        config.sizes = [31]
    assert config.sizes == [30]


def test_a_field_that_does_not_exist_is_not_set() -> None:
    with pytest.raises(ConfigError, match="no field add_metadta: did you mean add_metadata"):
        Config().add_metadta = True  # type: ignore[attr-defined]
