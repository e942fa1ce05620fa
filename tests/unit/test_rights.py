"""Pixels of an LSST instrument leave only with grounds, however a run tells of the instrument."""

from __future__ import annotations

from typing import Any

import pytest
from zoocut.uploading.rights import require_basis

from zoocut.config.settings import RunSettings
from zoocut.errors import ConfigError

APDB = {"catalog": {"kind": "apdb", "url": "sqlite:///apdb.db"}}
FRAMES = {"images": {"kind": "frames", "template": "t", "science": "s", "difference": "d"}}
BUTLER = {"images": {"kind": "butler", "repository": "/repo", "collections": ["c"]}}
ALERTS = {"catalog": {"kind": "alerts", "path": "*.avro"}, "images": {"kind": "stamps"}}


def settings(tree: dict[str, Any], basis: str | None = None) -> RunSettings:
    return RunSettings.model_validate({**tree, "rights": {} if basis is None else {"basis": basis}})


@pytest.mark.parametrize(
    ("tree", "instruments"),
    [
        (APDB, set()),
        (BUTLER, set()),
        (FRAMES, {"LSSTCam"}),
        (ALERTS, {"lsstComCam", "DECam"}),
        ({}, {"LSST"}),
    ],
)
def test_lsst_pixels_need_grounds(tree: dict[str, Any], instruments: set[str]) -> None:
    with pytest.raises(ConfigError, match="--rights TEXT"):
        require_basis(settings(tree), instruments, None)
    assert require_basis(settings(tree), instruments, "public data release") == "public data release"
    assert require_basis(settings(tree, "noted in the run"), instruments, None) == "noted in the run"
    assert require_basis(settings(tree, "noted in the run"), instruments, "said now") == "said now"


@pytest.mark.parametrize(("tree", "instruments"), [(FRAMES, {"DECam"}), (ALERTS, set()), ({}, set())])
def test_others_need_none(tree: dict[str, Any], instruments: set[str]) -> None:
    assert require_basis(settings(tree), instruments, None) is None
