"""A survey's package plugs in a catalog and images by entry points, without a change here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PACKAGE = '''
"""What a survey would write: sources in a JSON file, pixels computed."""

import json
import os
import signal

import numpy as np
import pydantic

import zoocut


class Keys(pydantic.BaseModel, extra="forbid", frozen=True):
    path: str


class Detections:
    def __init__(self, settings, folder):
        self._path = folder / settings.section(Keys).path

    @property
    def expected(self):
        return None

    def sources(self):
        for number, ra in json.loads(self._path.read_text()).items():
            columns = {"diaSourceId": int(number), "ra": ra}
            yield zoocut.DiaSource(int(number), ra, 0.0, str(self._path), f"detection {number}", columns)


class Torn(Detections):
    def sources(self):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise ValueError("what a library makes of Ctrl-C") from None
        return super().sources()


class Gradients:
    def __init__(self, settings, draw, folder):
        self._size = draw.sizes[0]
        self._slope = settings.section(pydantic.create_model("Keys", slope=(float, ...))).slope

    def exposure_of(self, source):
        return "the only one"

    def cut(self, exposure, sources):
        y, x = np.indices((self._size, self._size))
        for source in sources:
            ramp = (x + y + source.ra_deg) * self._slope
            yield (zoocut.Cutout(ramp, ramp * 2, ramp, 0.2),)


def nothing(settings, folder):
    return "no catalog"
'''
TOML = """
[catalog]
kind = "detections"
path = "night.json"
[images]
kind = "gradients"
slope = 2.5
"""
ENTRY_POINTS = """
[zoocut.catalogs]
detections = own_survey:Detections
broken = own_survey:Missing
wrong = own_survey:nothing
torn = own_survey:Torn
[zoocut.images]
gradients = own_survey:Gradients
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """A folder with a night's detections, their configuration and, in `site`, the installed package."""
    info = tmp_path / "site" / "own_survey-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "own_survey.py").write_text(PACKAGE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-survey\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "night.json").write_text(json.dumps({str(2**60 + n): 10.0 + n for n in range(4)}))
    (tmp_path / "zoocut.toml").write_text(TOML)
    return tmp_path


def zoocut_with(folder: Path, *words: str, site: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the program where the package is installed, or is not."""
    here = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join([str(folder / "site"), here]) if site else here
    env = os.environ | {"PYTHONPATH": path, "COLUMNS": "200"}
    command = [sys.executable, "-m", "zoocut", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_sources_and_pixels_of_another_package_are_drawn(survey: Path, jobs: str) -> None:
    done = zoocut_with(survey, "generate", "zoocut.toml", "-o", "run", "-j", jobs, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["drawn"] == 4
    ids = [line.split(",")[0] for line in (survey / "run" / "manifest.csv").read_text().splitlines()[1:]]
    assert ids == [str(2**60 + n) for n in range(4)]


def test_a_run_needs_the_package_no_more(survey: Path) -> None:
    zoocut_with(survey, "generate", "zoocut.toml", "-o", "run")
    stands = zoocut_with(survey, "status", "run", "--json", site=False)
    assert stands.returncode == 0, stands.stderr
    assert json.loads(stands.stdout)["run"]["rows"] == 4
    refused = zoocut_with(survey, "upload", "run", site=False)
    assert "say where to" in refused.stderr


@pytest.mark.parametrize(
    ("options", "site", "sentence"),
    [
        (
            {},
            False,
            "catalog.kind must be one of 'alerts', 'table', 'apdb', 'butler', not 'detections': install",
        ),
        ({"catalog.kind": "detection"}, True, "did you mean detections?"),
        ({"images.kind": "framse"}, True, "did you mean frames?"),
        ({"catalog.paht": "x"}, True, "unknown key catalog.paht: did you mean path?"),
        ({"images.slope": "steep"}, True, "images.slope = 'steep' is not allowed"),
        ({"catalog.kind": "broken"}, True, "own_survey:Missing cannot be loaded"),
        ({"catalog.kind": "wrong"}, True, "what its package opens, str, is no zoocut.Catalog"),
    ],
)
def test_what_does_not_fit_is_told(survey: Path, options: dict[str, Any], site: bool, sentence: str) -> None:
    words = [f"--set={key}={value}" for key, value in options.items()]
    done = zoocut_with(survey, "generate", "zoocut.toml", "-o", "run", *words, site=site)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not (survey / "run" / "manifest.csv").exists()


def test_what_a_library_makes_of_ctrl_c_is_no_fault(survey: Path) -> None:
    text = (survey / "zoocut.toml").read_text().replace('"detections"', '"torn"')
    (survey / "zoocut.toml").write_text(text)
    done = zoocut_with(survey, "generate", "zoocut.toml", "-o", "run")
    assert (done.returncode, "fault" in done.stderr) == (130, False), done.stderr
