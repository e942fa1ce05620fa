"""The page of results in a real browser, opened from disk."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from panoptes_exports import Row, write_export

from zoocut.results import Rules, Unit, reduce_export
from zoocut.results.page import make_page
from zoocut.results.plots import make_plots
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest

FIRST = 250_911_420_113_408_001
HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><b>&amp;\u202etxt"
VOTES = [("Real",) * 8 + ("Bogus",) * 2, ("Real",) * 5 + ("Bogus",) * 5, ("Bogus",) * 3, ()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sources: agreed, disputed, bogus, without answers; and pages of them by source and by object."""
    folder = tmp_path_factory.mktemp("results")
    run = Run.create(folder / "run")
    content = io.BytesIO()
    Image.linear_gradient("L").resize((606, 224)).save(content, "PNG")
    rows = []
    for n in range(len(VOTES)):
        (run.path / f"{n}.png").write_bytes(content.getvalue())
        metadata = {
            "snr": str((9.5, 100, 11, 7)[n]),
            "band": "gr"[n % 2],
            "note": HOSTILE if n == 0 else "plain",
        }
        rows.append(ManifestRow(str(FIRST + 2 * n), (f"{n}.png",), {**metadata, "diaObjectId": str(n // 2)}))
    write_manifest(run.manifest, rows, ["snr", "band", "note", "diaObjectId"])
    made: list[Row] = []
    for n, votes in enumerate(VOTES):
        for k, answer in enumerate(votes):
            second: Any = {"task": "T1", "task_label": "What else?", "value": [HOSTILE]}
            first = {"task": "T0", "task_label": "Is it real?", "value": answer}
            annotations = [first, second] if n == 1 and k == 0 else [first]
            made.append(Row(9001 + n, user=f"u{k}", source=str(FIRST + 2 * n), annotations=annotations))
    made.append(Row(9001, source="42"))
    export = write_export(folder / "c.csv", made)
    for unit in (Unit.SOURCE, Unit.OBJECT):
        tables: list[pa.Table] = []
        summary = reduce_export([run], export, folder / "r.csv", Rules(unit=unit), {}, keep=tables.append)
        table = pa.concat_tables(tables)
        plots = make_plots(table, summary)
        make_page(folder / f"{unit}.html", table, summary, [run], plots, export.name, 0.6827)
    return folder


def opened(page: Page, folder: Path, name: str = "source") -> None:
    page.goto((folder / f"{name}.html").resolve().as_uri())
    page.wait_for_function("document.querySelectorAll('#cards li').length > 0")


def ids(page: Page) -> list[int]:
    return [(int(text) - FIRST) // 2 for text in page.locator(".card-id").all_text_contents()]


def test_most_disputed_first_with_their_votes(page: Page, folder: Path) -> None:
    opened(page, folder)
    assert ids(page) == [1, 0, 2]
    expect(page.locator(".summary")).to_contain_text("23 of 24 classifications of workflow 77")
    expect(page.locator("#cards li").nth(1).locator(".answers")).to_contain_text("Real: 8 of 10 (80 %)")
    assert page.locator("#cards img").first.evaluate("image => image.naturalWidth") == 606


def test_filters_and_sorting(page: Page, folder: Path) -> None:
    opened(page, folder)
    page.locator("#consensus").select_option(label="as many for several")
    assert ids(page) == [1]
    page.locator("#consensus").select_option(label="Bogus")
    assert ids(page) == [2]
    page.locator("#consensus").select_option(label="anything")
    page.locator("#least").fill("0")
    expect(page.locator("#count")).to_have_text("4 of 4 sources")
    page.locator("#least").fill("4")
    assert ids(page) == [1, 0]
    page.locator("#least").fill("0")
    page.locator("#sort").select_option(label="snr")
    assert ids(page) == [1, 2, 0, 3]
    page.locator("#direction").click()
    assert ids(page) == [3, 0, 2, 1]
    page.locator("#search").fill("snr>10 band=g")
    assert ids(page) == [2]
    page.locator("#search").fill(str(FIRST + 6))
    assert ids(page) == [3]


def test_another_task(page: Page, folder: Path) -> None:
    opened(page, folder)
    expect(page.locator("#task")).to_be_visible()
    page.locator("#task").select_option(label="T1")
    expect(page.locator("#question")).to_have_text("T1 What else?")
    assert ids(page) == [1]
    expect(page.locator(".answers")).to_contain_text("1 of 1 (100 %)")


def test_detail_with_intervals_by_keyboard(page: Page, folder: Path) -> None:
    opened(page, folder)
    page.locator("#cards button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_have_text(str(FIRST + 2))
    page.keyboard.press("ArrowRight")
    expect(page.locator("#detail-title")).to_have_text(str(FIRST))
    expect(page.locator("#answers caption").first).to_have_text("T0 Is it real? (10 answered)")
    expect(page.locator("#answers tr").nth(2)).to_have_text("Real80.80 (0.65–0.90)")
    expect(page.locator("#facts")).to_contain_text("9001")
    page.keyboard.press("Escape")
    expect(page.locator("#cards button").nth(1)).to_be_focused()


def test_text_of_volunteers_and_catalogs_is_shown_as_text(page: Page, folder: Path) -> None:
    opened(page, folder)
    page.locator("#cards button").nth(1).click()
    expect(page.locator("#catalog")).to_contain_text("</script><img src=x")
    expect(page.locator("#catalog")).to_contain_text("\\u202etxt")
    assert page.title() == "run: what volunteers say"


def test_what_was_left_out_and_plots(page: Page, folder: Path) -> None:
    opened(page, folder)
    page.locator("summary", has_text="What is left out").click()
    expect(page.locator("details td").nth(1)).to_have_text("about a subject that no run knows")
    page.locator("summary", has_text="Plots").click()
    plots = page.locator(".plots img")
    assert [plots.nth(n).get_attribute("alt") for n in range(2)] == [
        "Fraction of volunteers who gave each answer to T0, against signal-to-noise",
        "Classifications a day, from 2026-08-01 to 2026-08-01",
    ]
    assert plots.first.evaluate("image => image.complete && image.naturalWidth > 300")


def test_objects_have_no_pictures(page: Page, folder: Path) -> None:
    opened(page, folder, "object")
    expect(page.locator("#count")).to_have_text("2 of 2 objects")
    assert page.locator("#cards img").count() == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(page: Page, folder: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    opened(page, folder)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.locator("#cards button").first.click()
    assert page.evaluate("(d => d.scrollWidth - d.clientWidth)(document.getElementById('detail'))") == 0
