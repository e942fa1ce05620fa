"""Pages that the docs show, as a browser shows them now."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"


def differing(
    addresses: Mapping[str, str], folder: Path, farthest: float, chromium_path: str | None
) -> list[str]:
    """Tell which pictures of the docs show other pages than those at the addresses, by and large, and how to mend that.

    Dates and what robots answer differ from run to run, fonts from machine to machine: brightness, of 255, is averaged
    over squares of 20 pixels, and these may be `farthest` apart on average.
    """
    if chromium_path is None:
        pytest.skip("needs a chromium on the PATH")
    from playwright.sync_api import sync_playwright

    others = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1000, "height": 620})
        for name, address in addresses.items():
            page.goto(address, wait_until="networkidle")
            seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            seen.quantize(128).save(folder / name, optimize=True)
            kept = PICTURES / name
            apart = np.abs(_coarse(seen) - _coarse(Image.open(kept))).mean() if kept.is_file() else 255.0
            if apart >= farthest:
                others.append(f"cp {folder / name} {kept}")
        browser.close()
    return others


def _coarse(picture: Image.Image) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(picture.convert("RGB").reduce(20), float)
