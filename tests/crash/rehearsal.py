"""Make runs of small images, and upload them with the real command."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
from pathlib import Path

from PIL import Image

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest


def make_run(path: Path, rows: int, seed: int, size: int = 400, images: int = 1) -> Run:
    run = Run.create(path)
    run.images.mkdir(exist_ok=True)
    bytes_of = random.Random(seed).randbytes
    manifest = []
    for number in range(rows):
        names = [f"images/{number}-{at}.png" for at in range(images)]
        for name in names:
            side = math.isqrt(size)
            Image.frombytes("L", (side, side), bytes_of(side * side)).save(path / name)
        name = str(170_000_000_000_000_000 + number)
        manifest.append(ManifestRow(name, tuple(names), {"!diaSourceId": name, "band": "gr"[number % 2]}))
    write_manifest(run.manifest, manifest, ["!diaSourceId", "band"], images)
    return run


def environment(endpoint: str, login: str = "owner") -> dict[str, str]:
    return os.environ | {
        "PANOPTES_ENDPOINT": endpoint,
        "PANOPTES_USERNAME": login,
        "PANOPTES_PASSWORD": "sandbox-password",
    }


def start_upload(run: Path, set_name: str, endpoint: str, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "zoocut", "upload", str(run), "--project", "owner/rehearsal"]
    return subprocess.Popen(
        [*command, "--set", set_name, "--settle", "0.5", *options],
        env=environment(endpoint),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
