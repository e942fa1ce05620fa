"""Runs of small pictures, the real command uploading them, and what the sandbox holds afterwards."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import Running
from zoocut.zooniverse.connect import connect_set_admin
from zoocut.zooniverse.credentials import Credentials

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
Control = Callable[..., Any]
OWNER = Credentials("owner", "sandbox-password")
WHERE = ("--project", "owner/rehearsal", "--set")


def account(server: Running, login: str = "owner", password: str = "sandbox-password") -> dict[str, str]:
    return {
        "PANOPTES_ENDPOINT": server.endpoint,
        "PANOPTES_USERNAME": login,
        "PANOPTES_PASSWORD": password,
    }


def make_run(path: Path, count: int = 4, images: int = 1, **metadata: str) -> Path:
    run = Run.create(path)
    rows = []
    for number in range(count):
        names = [f"images/{number}-{at}.png" for at in range(images)]
        for name in names:
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_bytes(picture(f"{path.name} {name}"))
        rows.append(ManifestRow(str(1700 + number), tuple(names), {"band": "gr"[number % 2], **metadata}))
    write_manifest(run.manifest, rows, ["band", *metadata], images)
    return path


def picture(seed: str, kind: str = "PNG") -> bytes:
    """Draw a small picture that no other seed has."""
    content = io.BytesIO()
    Image.frombytes("L", (30, 30), random.Random(seed).randbytes(900)).save(content, kind)
    return content.getvalue()


def states(zoocut: Zoocut, run: Path) -> dict[str, int]:
    document = json.loads(zoocut("status", run, "--json").stdout)
    found: dict[str, int] = {}
    for target in document["targets"]:
        for state, count in target["states"].items():
            found[state] = found.get(state, 0) + count
    return {state: count for state, count in found.items() if count}


def subjects(server: Running, set_name: str) -> list[dict[str, Any]]:
    truth = requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()
    ids = {one["id"] for one in truth["sets"] if one["display_name"] == set_name}
    return [subject for subject in truth["subjects"] if ids & set(subject["sets"])]


def start(run: Path, server: Running, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "zoocut", "upload", str(run), "--project", "owner/rehearsal", *options],
        env=os.environ | account(server),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # whatever runs the tests ignores
    )


def await_states(zoocut: Zoocut, run: Path, state: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        if states(zoocut, run).get(state):
            return
    pytest.fail(f"no row was ever {state}: {process.communicate()}")


def serve(server: Running, set_name: str) -> None:
    """Have a workflow, active as new ones are, serve a set; make the set when there is none."""
    admin = connect_set_admin(server.endpoint, OWNER)
    project = admin.panoptes.project("owner/rehearsal")
    (subject_set,) = admin.panoptes.subject_sets(project, set_name) or [
        admin.panoptes.create_subject_set(project, set_name, {})
    ]
    content = {
        "display_name": f"Is {set_name} real?",
        "primary_language": "en",
        "links": {"project": project.project_id},
    }
    made = admin.panoptes.api.unrepeatable("POST", "/workflows", {"workflows": content}).document
    assert made is not None
    admin.serve(made["workflows"][0]["id"], subject_set.set_id)
