"""What a reader waits for at the page of a large run, in headless Chromium.

Run: python tests/bench/bench_preview.py [CUTOUTS]
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from zoocut.config.draw import DrawSettings
from zoocut.config.settings import RunSettings
from zoocut.model import Value
from zoocut.preview import make_preview
from zoocut.preview.pictures import LinkedPictures
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.run.sources import DrawnSource, DrawnWriter, put_together

FIRST = 250_911_420_113_408_000
TRIES = 5


def make_run(folder: Path, count: int) -> Run:
    """Make cutouts of noise, as large on disk as real ones, with forty catalog columns each."""
    run = Run.create(folder, RunSettings(draw=DrawSettings()))
    rng = np.random.default_rng(1)
    rows = []
    with DrawnWriter(run.sources) as drawn:
        for n in range(count):
            image = f"images/{n // 1000}/{FIRST + n}.png"
            (run.path / image).parent.mkdir(parents=True, exist_ok=True)
            content = io.BytesIO()
            Image.fromarray(rng.integers(0, 64, (224, 606), np.uint8)).save(content, "PNG", compress_level=1)
            (run.path / image).write_bytes(content.getvalue())
            columns: dict[str, Value] = {"diaSourceId": FIRST + n} | {
                f"column{k}": float(rng.normal()) for k in range(40)
            }
            drawn.add(DrawnSource(columns, (image,), ("0" * 64,)), n)
            rows.append(ManifestRow(str(FIRST + n), (image,), {"!diaSourceId": str(FIRST + n), "#n": str(n)}))
    put_together(run.sources)
    write_manifest(run.manifest, rows, ["!diaSourceId", "#n"])
    return run


def opened(page: Page, path: Path) -> dict[str, float]:
    page.goto(path.as_uri())
    page.locator("#cards img").first.evaluate("image => image.decode()")
    paint = "performance.getEntriesByType('paint').find((e) => e.name === 'first-contentful-paint').startTime"
    return {
        "first paint": page.evaluate(paint),
        "first picture": page.evaluate("performance.now()"),
    }


def timed(page: Page, script: str) -> float:
    """Run a script and wait for the next frame; return the milliseconds."""
    return float(
        page.evaluate(
            f"() => new Promise((done) => {{ const t = performance.now(); {script};"
            " requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - t))); })"
        )
    )


SEARCH = "const s = document.querySelector('#search'); s.value = {!r}; s.dispatchEvent(new Event('input'))"
SORT = "const s = document.querySelector('#sort'); s.value = '5'; s.dispatchEvent(new Event('change'))"


def measure(page: Page, path: Path, count: int) -> dict[str, float]:
    figures = opened(page, path)
    figures["first search"] = timed(page, SEARCH.format(str(FIRST + count // 2)))
    figures["search again"] = timed(page, SEARCH.format("9"))
    figures["sort"] = timed(page, SEARCH.format("") + "; {" + SORT + "}")
    return figures


def main(count: int = 10_000) -> None:
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        run = make_run(Path(name) / "run", count)
        path = run.path / "preview.html"
        began = time.perf_counter()
        make_preview(run, path, LinkedPictures(run, path))
        took_s = time.perf_counter() - began
        print(f"{count} cutouts: page made in {took_s:.1f} s, {path.stat().st_size / 1e6:.1f} MB")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        tries = [measure(browser.new_page(), path, count) for _ in range(TRIES)]
        for what in tries[0]:
            print(f"{what}: {sorted(one[what] for one in tries)[TRIES // 2]:.0f} ms (median of {TRIES})")
        browser.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
