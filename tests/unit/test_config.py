"""Settings: what a file may say, and what the user hears when it says something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoocut.api.settings_reference import every_setting
from zoocut.config.load import at, load
from zoocut.errors import ConfigError
from zoocut.run.folder import Run

GOOD = """
[catalog]
kind = "table"
path = "sources.csv"

[images]
kind = "frames"
template = "t.fits"
science = "s.fits"
difference = "d.fits"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "zoocut.toml"
    path.write_text(text)
    return path


def test_value_origins(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + "[draw]\nsizes = [20, 40]\n")
    loaded = load(path, {"catalog.path": "/elsewhere.csv", "draw.chunk_size": None})
    assert loaded.settings.draw.sizes == (20, 40)
    assert loaded.settings.catalog.path == "/elsewhere.csv"
    assert loaded.settings.metadata == {"diaSourceId": "diaSourceId"}
    assert loaded.folder == tmp_path
    assert loaded.origin["catalog.path"] == "command line"
    assert loaded.origin["draw.sizes"] == "zoocut.toml"
    assert loaded.origin["draw.chunk_size"] == "default"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD + "[draw]\nsize = [30]\n", "unknown key draw.size: did you mean sizes?"),
        (GOOD + "[drawing]\nsizes = [30]\n", "unknown key drawing: did you mean draw?"),
        (GOOD.replace("path", "file"), "unknown key catalog.file"),
        (GOOD.replace('path = "sources.csv"', ""), "catalog.path is missing: the table"),
        (GOOD.replace('"table"', '"votable"'), "catalog.kind must be one of 'alerts', 'table'"),
        (GOOD + "[draw]\nsizes = [0]\n", "draw.sizes.0 = 0 is not allowed: input should be greater"),
        (GOOD + "[draw\n", "is not valid TOML"),
        ("", "catalog is missing: where the sources are listed"),
    ],
)
def test_wrong_settings(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml does not exist"):
        load(tmp_path / "nothing.toml")


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_shipped_configurations_load() -> None:
    configs = sorted(Path(__file__).parents[2].glob("configs/*.toml"))
    assert len(configs) >= 2
    for path in configs:
        settings = load(path).settings
        assert "!diaSourceId" in settings.metadata
        assert settings.draw.add_metadata is False


@pytest.mark.parametrize(
    ("section", "text", "key"),
    [
        ("draw", 'scale_bar_arcsec = "none"', "draw.scale_bar_arcsec"),
        ("draw", 'chunk_size = "none"', "draw.chunk_size"),
        (
            "history",
            'kind = "fields"\ndetections = "none"\ncolumns.flux = "f"\ncolumns.unit = "nJy"',
            "history.detections",
        ),
        (
            "history",
            'kind = "table"\npath = "t"\ncolumns.flux = "f"\ncolumns.unit = "nJy"\ncolumns.time = "none"',
            "history.columns.time",
        ),
    ],
)
def test_what_has_a_default_can_be_without_a_value_and_a_run_keeps_that(
    tmp_path: Path, section: str, text: str, key: str
) -> None:
    settings = load(written(tmp_path, f"{GOOD}[{section}]\n{text}\n")).settings
    assert at(settings.model_dump(), key) is None
    Run.create(tmp_path / "run", settings)
    kept = Run.open(tmp_path / "run").settings
    assert getattr(kept, section) == getattr(settings, section)
    (told,) = (one for one in every_setting() if one.key == key and one.kind in ("", kept.history.kind))
    assert told.allowed.partition(", in")[0].endswith('or "none"')
