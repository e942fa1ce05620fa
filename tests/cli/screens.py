"""Pages that the docs show, as a browser shows them now."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on the PATH")


def require_pages(addresses: Mapping[str, str], folder: Path, farthest: float) -> None:
    """Refuse pictures of the docs that show other pages than those at the addresses, by and large.

    Dates and what robots answer differ from run to run, fonts from machine to machine: brightness, of 255, is averaged
    over squares of 20 pixels, and these may be `farthest` apart on average.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1000, "height": 620})
        for name, address in addresses.items():
            page.goto(address, wait_until="networkidle")
            seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            seen.quantize(128).save(folder / name, optimize=True)
            kept = PICTURES / name
            apart = np.abs(_coarse(seen) - _coarse(Image.open(kept))).mean() if kept.is_file() else 255.0
            assert apart < farthest, f"the page looks otherwise: cp {folder / name} {kept}"
        browser.close()


def _coarse(picture: Image.Image) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(picture.convert("RGB").reduce(20), float)
