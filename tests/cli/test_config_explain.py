"""Every setting has a word, and `zoocut config explain` prints it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zoocut.api.settings_reference import every_setting
from zoocut.config.load import load_tree
from zoocut.media.registry import OWN, SECTIONS

BASE: dict[str, Any] = {
    "catalog": {"kind": "table", "path": "x.csv"},
    "images": {"kind": "frames", "template": "t", "science": "s", "difference": "d"},
}


def test_every_setting_has_a_word() -> None:
    settings = every_setting()
    assert len(settings) > 250
    assert not [one.key for one in settings if not one.meaning.strip()]
    assert not [one.key for one in settings if "any value" in one.allowed]


def test_every_setting_of_a_configuration_is_explained() -> None:
    """What a loaded configuration holds is a key that is explained, or lies under one."""
    from zoocut.config.load import dotted

    known = {one.key for one in every_setting()}
    held = set(dotted(load_tree(BASE).settings.model_dump(mode="json")))
    tables = {"draw.template.stretch_options.a", "draw.science.stretch_options.a", "metadata.diaSourceId"}
    assert held - known - tables - {"media", "select.cuts", "select.one_per_object", "select.sample"} == set()


def test_media_with_settings_are_those_that_have_a_section() -> None:
    assert set(OWN) - set(SECTIONS) == {"annotated", "triplet", "frames"}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("draw.panel_pix", ["draw.panel_pix = 194", "a whole number, at least 8, at most 4096, in pixels"]),
        ("images.kind", ['"stamps" or "frames" or "butler"', "images.kind = required"]),
        ("history.kind", ['history.kind = "packet"']),
        ("night.rank", ["night.rank = none", "text or left out"]),
        ("draw.science.stretch_options", ["{ a = 0.1 }"]),
        ("media.context.timeout_s", ["above 0, at most 600, in seconds"]),
        ("select.cuts.COLUMN.one_of", ["the values allowed"]),
        ("draw.sizes", ["draw.sizes = [30]", "a list: each a whole number, at least 1, at most 4096"]),
    ],
)
def test_a_key_is_explained(zoocut: Any, key: str, words: list[str]) -> None:
    done = zoocut("config", "explain", key)
    assert done.returncode == 0
    for word in words:
        assert word in done.stdout


def test_a_section_is_explained_key_by_key(zoocut: Any) -> None:
    answer = json.loads(zoocut("config", "explain", "upload", "--json").stdout)
    assert {one["key"] for one in answer["settings"]} >= {"upload.project", "upload.settle_s"}
    assert all(one["key"].startswith("upload.") for one in answer["settings"])


def test_an_unknown_key_names_the_nearest(zoocut: Any) -> None:
    done = zoocut("config", "explain", "draw.colourmap")
    assert done.returncode == 2
    assert "draw.colormap" in done.stderr
