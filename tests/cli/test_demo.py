"""`zoocut demo`, from a simulated field to what robots say of it, and the pages that Start shows of it."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from zoocut.sandbox import running

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def said_and_made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("demo")
    for words in (("demo", "-o", "trial"), ("preview", "trial/run")):
        command = [sys.executable, "-m", "zoocut", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if words[0] == "demo":
            said = done.stdout
    return said, folder / "trial"


def test_from_field_to_results(said_and_made: tuple[str, Path]) -> None:
    said, trial = said_and_made
    assert "60 rows and subjects, every image the same bytes" in said
    page = (trial / "results.html").read_text(encoding="utf-8")
    assert "Is there a real change in the difference image?" in page
    table = pq.read_table(trial / "run" / "results.parquet")
    assert table.num_rows == 60
    assert min(table["T0.n"].to_pylist()) >= 6
    labels = table["T0.consensus_label"].to_pylist()
    agree = [label == answer for label, answer in zip(labels, table["answer"].to_pylist(), strict=True)]
    assert sum(agree) > 50


@contextmanager
def pages(trial: Path) -> Iterator[dict[str, str]]:
    """Give the address of each page that Start shows."""
    with running(trial / "sandbox") as server:
        yield {
            "preview.png": (trial / "run" / "preview.html").as_uri(),
            "results.png": (trial / "results.html").as_uri(),
            "sandbox.png": f"{server.endpoint}/sandbox/sets/1",
        }


def coarse(picture: Image.Image) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Average squares of 20 pixels."""
    return np.asarray(picture.convert("RGB").reduce(20), float)


@pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on the PATH")
def test_the_pages_look_as_start_shows_them(said_and_made: tuple[str, Path], tmp_path: Path) -> None:
    """By and large: robots answer by chance, and fonts differ from machine to machine."""
    from playwright.sync_api import sync_playwright

    with pages(said_and_made[1]) as addresses, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1000, "height": 620})
        for name, address in addresses.items():
            page.goto(address, wait_until="networkidle")
            seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            seen.quantize(128).save(tmp_path / name, optimize=True)
            kept = PICTURES / name
            apart = np.abs(coarse(seen) - coarse(Image.open(kept))).mean() if kept.is_file() else 255.0
            assert apart < 30, f"the page looks otherwise: cp {tmp_path / name} {kept}"
        browser.close()
