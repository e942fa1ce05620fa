"""Sources that are in a set of another tool: listed by `zoocut sets members`, left out by `zoocut generate`."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from zoocut.sandbox import Running

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
OTHER_TOOL = """
import json, sys
from panoptes_client import Panoptes, Project, Subject, SubjectSet
Panoptes.connect(endpoint=sys.argv[1], username="owner", password="sandbox-password")
project = Project.find(slug="owner/rehearsal")
made = SubjectSet()
made.links.project = project
made.display_name = "Made by another tool"
made.save()
for metadata in json.loads(sys.argv[2]):
    subject = Subject()
    subject.links.project = project
    subject.metadata.update(metadata)
    subject.add_location({"image/png": "https://images.example.org/1.png"})
    subject.save()
    made.add(subject)
"""


def test_sources_of_a_set_of_another_tool(
    zoocut: Zoocut, sandbox: Running, shared: Path, tmp_path: Path
) -> None:
    ids = sorted(path.stem for path in (shared / "data" / "ztf").glob("*.avro"))
    metadata = [
        {key: name} for key, name in zip(["diaSourceId", "#diaSourceId", "!diaSourceId"], ids, strict=False)
    ]
    command = [
        sys.executable,
        "-c",
        OTHER_TOOL,
        sandbox.endpoint,
        json.dumps([*metadata, {"telescope": "ZTF"}]),
    ]
    subprocess.run(command, env=os.environ | {"HOME": str(tmp_path)}, check=True, timeout=240)
    account = {"PANOPTES_USERNAME": "owner", "PANOPTES_PASSWORD": "sandbox-password"}
    words = ("--project", "owner/rehearsal", "--endpoint", sandbox.endpoint, "--csv")
    listed = zoocut("sets", "members", "Made by another tool", *words, **account)
    assert listed.returncode == 0, listed.stderr
    assert "1 of 4 subjects tell no diaSourceId" in listed.stderr
    (tmp_path / "seen.csv").write_text(listed.stdout)
    zoocut("init", "--source", "ztf-alerts")
    packets = ("--input", shared / "data" / "ztf" / "*.avro", "-o", "run")
    done = zoocut("generate", "zoocut.toml", *packets, "--set=select.exclude=['seen.csv']")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "run" / "manifest.csv").open(newline="") as file:
        drawn = [row["external_id"] for row in csv.DictReader(file)]
    assert sorted(drawn) == ids[3:]
