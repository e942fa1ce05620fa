"""The configuration and the unit files of docs/nightly.md are what they say."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from zoocut import errors
from zoocut.config.manifest import ManifestSettings
from zoocut.config.night import NightSettings
from zoocut.config.upload import UploadSettings

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "nightly.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOCS, re.DOTALL)


def test_the_configuration_is_one() -> None:
    toml, elsewhere = blocks("toml")
    settings, served = tomllib.loads(toml), tomllib.loads(elsewhere)
    assert NightSettings(**settings["night"] | served["night"]).send == "import"
    assert ManifestSettings(**served["manifest"]).url_root is not None
    night = NightSettings(**settings["night"])
    assert (night.max_age, night.keep, night.limit) == (7.0, 30.0, 500)
    assert (night.unlink_after, night.unlink_incomplete) == (30.0, False)
    asked = tomllib.loads(toml.replace("# unlink_incomplete", "unlink_incomplete"))
    assert NightSettings(**asked["night"]).unlink_incomplete
    assert UploadSettings(**settings["upload"]).subject_set == "Night {night}"


def test_exit_codes_are_those_of_the_errors() -> None:
    codes = {
        name: getattr(errors, name).exit_code for name in ("NightBusy", "NeedsDecision", "NothingRecent")
    }
    assert codes == {"NightBusy": 9, "NeedsDecision": 10, "NothingRecent": 11}
    for code in codes.values():
        assert f"| {code} |" in DOCS


def test_unit_files_parse(tmp_path: Path) -> None:
    paths = []
    for text in blocks("ini"):
        name = re.match(r"# /etc/systemd/system/(\S+)", text)
        assert name is not None
        path = tmp_path / name[1]
        path.write_text(text.replace("/opt/venv/bin/zoocut", "/bin/true").replace("/data/survey", "/"))
        parsed = configparser.ConfigParser(strict=False)
        parsed.read_string(text)
        assert "Unit" in parsed
        paths.append(path)
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine")
    done = subprocess.run(["systemd-analyze", "verify", *map(str, paths)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
