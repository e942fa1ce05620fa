"""The page of a run in a real browser, opened from disk."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from zoocut.config.draw import DrawSettings
from zoocut.config.settings import RunSettings
from zoocut.model import Value
from zoocut.preview import make_preview
from zoocut.preview.pictures import EmbeddedPictures, LinkedPictures
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.run.sources import DrawnSource, DrawnWriter, put_together
from zoocut.run.talk import TalkRow, write_talk

FIRST = 250_911_420_113_408_000
HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><b>&amp;\u202etxt\u0007"
COUNT = 10_000


def png(width: int = 606, height: int = 224) -> bytes:
    content = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(content, "PNG")
    return content.getvalue()


def make_run(folder: Path, count: int, note: str = "plain") -> Run:
    run = Run.create(folder, RunSettings(draw=DrawSettings()))
    picture = png()
    rows = []
    with DrawnWriter(run.sources) as drawn:
        for n in range(count):
            number = FIRST + (n * 7919) % count
            image = f"images/{n // 1000}/{number}.png"
            (run.path / image).parent.mkdir(parents=True, exist_ok=True)
            (run.path / image).write_bytes(picture)
            columns: dict[str, Value] = {
                "diaSourceId": number,
                "snr": (n % 500) / 4,
                "band": "gri"[n % 3],
                "nothing": None,
            }
            columns["note"] = note if n == 0 else f"row {n}"
            drawn.add(DrawnSource(columns, (image,), ("0" * 64,)), n)
            metadata = {
                "!diaSourceId": str(number),
                "#secret": f"s{n}",
                "band": "gri"[n % 3],
                "note": columns["note"],
            }
            rows.append(ManifestRow(str(number), (image,), {k: str(v) for k, v in metadata.items()}))
    put_together(run.sources)
    write_manifest(run.manifest, rows, ["!diaSourceId", "#secret", "band", "note"])
    with run.rejected.open("w", newline="") as file:
        csv.writer(file).writerows(
            [
                ("diaSourceId", "row", "reason"),
                ("7", "a.csv row 3", "at the edge"),
                ("", HOSTILE, "at the edge"),
            ]
        )
    return run


def opened(page: Page, run: Run, name: str = "preview.html") -> Page:
    path = run.path / name
    make_preview(run, path, LinkedPictures(run, path))
    page.goto(path.resolve().as_uri())
    return page


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = make_run(tmp_path_factory.mktemp("large") / "night-run", COUNT)
    make_preview(run, run.path / "preview.html", LinkedPictures(run, run.path / "preview.html"))
    return run


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("small") / "run #1 % ü", 30, HOSTILE)


def ids(page: Page) -> list[str]:
    return page.locator(".card-id").all_text_contents()


def test_ten_thousand_cutouts_paint_a_screenful_first(page: Page, large: Run) -> None:
    page.goto((large.path / "preview.html").resolve().as_uri())
    expect(page.locator("#count")).to_have_text("10000 of 10000 cutouts")
    expect(page.locator("#cards img").first).to_have_js_property("naturalWidth", 606)
    drawn = page.locator("#cards img").count()
    loaded = page.evaluate("[...document.querySelectorAll('#cards img')].filter((i) => i.complete).length")
    assert 0 < loaded <= drawn < 500
    page.locator("#more").scroll_into_view_if_needed()
    expect(page.locator("#cards img").nth(drawn)).to_be_attached()


def test_search_among_ten_thousand(page: Page, large: Run) -> None:
    page.goto((large.path / "preview.html").resolve().as_uri())
    page.keyboard.press("/")
    page.keyboard.type(str(FIRST + 4321))
    expect(page.locator("#count")).to_have_text("1 of 10000 cutouts")
    assert ids(page) == [str(FIRST + 4321)]
    page.locator("#search").fill("band=g snr>124.5")
    expect(page.locator("#count")).to_have_text("7 of 10000 cutouts")
    page.locator("#search").fill("no such word")
    expect(page.locator("#count")).to_have_text("0 of 10000 cutouts")


def test_sorting_keeps_ids_exact_and_missing_values_last(page: Page, large: Run) -> None:
    page.goto((large.path / "preview.html").resolve().as_uri())
    page.locator("#sort").select_option(label="external_id")
    assert ids(page)[:3] == [str(FIRST + n) for n in range(3)]
    page.locator("#direction").click()
    assert ids(page)[:3] == [str(FIRST + COUNT - 1 - n) for n in range(3)]
    page.locator("#sort").select_option(label="snr")
    assert page.locator(".card-note").first.text_content() == "snr: 124.75"
    page.locator("#sort").select_option(label="nothing")
    assert page.locator(".card-note").first.text_content() == "nothing: none"


def test_detail_tells_what_volunteers_see(page: Page, small: Run) -> None:
    opened(page, small)
    page.locator("#cards button").nth(1).click()
    shown, hidden = page.locator("#seen"), page.locator("#unseen")
    expect(shown.locator("dt")).to_have_text(["band", "note"])
    expect(hidden.locator("dt")).to_have_text(
        ["!diaSourceId: only on Talk, after classifying", "#secret: nobody (hidden)"]
    )
    expect(page.locator("#catalog")).to_contain_text("snr")
    alt = page.locator("#pictures img").get_attribute("alt")
    assert alt == f"Cutout of {FIRST + 7919 % 30}: template, science, difference"


def test_keyboard_alone_is_enough(page: Page, small: Run) -> None:
    opened(page, small)
    page.locator("#cards button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    second, third = ids(page)[1:3]
    expect(page.locator("#detail-title")).to_have_text(second)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#detail-title")).to_have_text(third)
    page.keyboard.press("p")
    expect(page.locator("#frame")).to_have_class("phone")
    assert page.locator("#frame").bounding_box()["width"] == 360  # type: ignore[index]
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).not_to_be_visible()
    expect(page.locator("#cards button").nth(2)).to_be_focused()
    page.keyboard.press("ArrowDown")
    below = page.evaluate("[...document.querySelectorAll('#cards button')].indexOf(document.activeElement)")
    assert below > 2


def test_rejected_rows_with_reasons(page: Page, small: Run) -> None:
    opened(page, small)
    page.get_by_role("button", name="Rejected (2)").click()
    expect(page.locator("#reasons li")).to_have_text(["2 × at the edge"])
    expect(page.locator("#rejected tbody tr")).to_have_count(2)
    page.locator("#search").fill("a.csv")
    expect(page.locator("#rejected tbody td")).to_have_text(["7", "a.csv row 3", "at the edge"])


@pytest.mark.parametrize("width", [1280, 390])
def test_one_view_is_seen_at_a_time(page: Page, small: Run, width: int) -> None:
    """What is hidden is not seen, whatever the style sheet says of it otherwise."""
    page.set_viewport_size({"width": width, "height": 800})
    opened(page, small)
    for name, seen, unseen in (
        ("Rejected (2)", ["#rejected"], ["#cards", "#sort-label", "#direction"]),
        ("Cutouts", ["#cards", "#sort-label", "#direction"], ["#rejected"]),
    ):
        page.get_by_role("button", name=name).click()
        for selector in seen:
            expect(page.locator(selector)).to_be_visible()
        for selector in unseen:
            expect(page.locator(selector)).not_to_be_visible()
        assert (
            page.evaluate(
                "[...document.querySelectorAll('[hidden]')].filter((one) => one.checkVisibility()).length"
            )
            == 0
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("pictures", [LinkedPictures, EmbeddedPictures])
def test_what_is_no_picture_is_named(page: Page, tmp_path: Path, pictures: Any) -> None:
    run = Run.create(tmp_path / "run", RunSettings(draw=DrawSettings()))
    run.images.mkdir()
    for name in ("clip.mp4", "words.txt"):
        (run.images / name).write_bytes(b"content")
    locations = ["images/clip.mp4", "images/words.txt", "images/gone.png", "https://example.org/a.png"]
    rows = [ManifestRow(str(n), (location,)) for n, location in enumerate(locations)]
    write_manifest(run.manifest, rows, [])
    path = run.path / "preview.html"
    make_preview(run, path, pictures(run, path) if pictures is LinkedPictures else pictures(run))
    page.goto(path.resolve().as_uri())
    expect(page.locator("#cards .no-picture")).to_have_text(
        [
            "images/clip.mp4 is no picture: open it by itself",
            "images/words.txt is no picture: open it by itself",
            "images/gone.png is missing in the run folder",
            "not in the run folder, but at https://example.org/a.png",
        ]
    )


def test_text_of_the_catalog_is_shown_as_text(page: Page, small: Run) -> None:
    opened(page, small)
    page.locator("#cards button").first.click()
    expect(page.locator("#seen dd").last).to_have_text(
        HOSTILE.replace("\u202e", "\\u202e").replace("\u0007", "\\u0007")
    )
    assert page.title() == "run #1 % ü: cutouts"
    expect(page.locator("#pictures img")).to_have_js_property("naturalWidth", 606)


@pytest.mark.parametrize(("width", "columns"), [(360, 1), (1280, 3)])
def test_nothing_runs_over_the_edge(page: Page, small: Run, width: int, columns: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    opened(page, small)
    page.locator("#who summary").click()
    tops = page.eval_on_selector_all("#cards > li", "all => all.map((one) => one.offsetTop)")
    assert tops.count(tops[0]) == columns
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#cards button").first.click()
    assert page.evaluate("document.querySelector('#detail').scrollWidth") <= width


def test_embedded_page_can_be_moved_away_from_its_run(page: Page, small: Run, tmp_path: Path) -> None:
    path = tmp_path / "alone.html"
    made = make_preview(small, path, EmbeddedPictures(small))
    assert (made.cutouts, made.rejected) == (30, 2)
    page.goto(path.as_uri())
    expect(page.locator("#cards img").first).to_have_js_property("naturalWidth", 606)


def test_missing_picture_is_told(chromium: Browser, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    path = run.path / "preview.html"
    next(run.images.rglob("*.png")).unlink()
    make_preview(run, path, LinkedPictures(run, path))
    next(run.images.rglob("*.png")).unlink()
    page = chromium.new_page()
    page.goto(path.as_uri())
    expect(page.locator(".no-picture")).to_have_count(2)
    page.close()


def light_curve() -> dict[str, Any]:
    points = [{"x": -20, "y": -300}, {"x": -3, "y": 200, "y_error": 50}]
    ring = {"label": "this detection", "color": "#000000", "glyph": "circle", "pointSize": 220}
    band = {"label": "r", "color": "#b52626", "glyph": "diamond", "pointSize": 50}
    series = [
        {"seriesData": points[1:], "seriesOptions": ring},
        {"seriesData": points, "seriesOptions": band},
    ]
    return {"data": series, "chartOptions": {"xAxisLabel": "Days", "yAxisLabel": f"Change {HOSTILE}"}}


@pytest.fixture
def curved(tmp_path: Path) -> Path:
    """A page of three rows: a plot and three frames, a plot that is none, and three frames alone."""
    run = Run.create(tmp_path / "curves")
    run.images.mkdir()
    for number, content in ((1, json.dumps(light_curve())), (2, '{"data": []}')):
        (run.images / f"{number}.json").write_text(content)
    rows = []
    for number in (1, 2, 3):
        frames = []
        for kind, shade in (("a", 0), ("b", 90), ("c", 200)):
            Image.new("L", (40, 30), shade).save(run.images / f"{number}{kind}.png")
            frames.append(f"images/{number}{kind}.png")
        plot = [f"images/{number}.json"] if number < 3 else []
        rows.append(ManifestRow(str(number), (*plot, *frames), {}))
    write_manifest(run.manifest, rows, [], locations=4)
    make_preview(run, tmp_path / "page.html", LinkedPictures(run, tmp_path / "page.html"))
    return tmp_path / "page.html"


@pytest.mark.parametrize("width", [1280, 390])
def test_a_plot_stands_beside_frames_that_flip(page: Page, curved: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 850})
    page.goto(curved.as_uri())
    expect(page.locator("#cards img")).to_have_count(3)
    page.locator("#cards button").first.click()
    plot, frames = page.locator("#pictures svg.plot"), page.locator("#pictures img")
    expect(plot).to_have_attribute("aria-label", "Plot of 1")
    expect(plot.locator("g[clip-path] path")).to_have_count(3)
    assert "</script><img" in (plot.text_content() or ""), "words of a plot are words"
    box = plot.bounding_box()
    assert box is not None
    assert box["width"] <= width
    expect(frames.nth(0)).to_be_visible()
    expect(frames.nth(1)).to_be_hidden()
    page.get_by_role("button", name="Frame after").click()
    expect(frames.nth(1)).to_be_visible()
    expect(frames.nth(0)).to_be_hidden()
    page.get_by_role("button", name="Frame before").click()
    page.get_by_role("button", name="Frame before").click()
    expect(frames.nth(2)).to_be_visible()
    expect(page.get_by_text("3 of 3", exact=True)).to_be_visible()
    page.get_by_role("button", name="Play the frames").click()
    expect(frames.nth(0)).to_be_visible()


def test_brighter_is_up_and_errors_have_their_length(page: Page, curved: Path) -> None:
    page.goto(curved.as_uri())
    page.locator("#cards button").first.click()
    places = page.eval_on_selector_all(
        "#pictures svg.plot g[clip-path] path", "paths => paths.map(p => p.getAttribute('transform'))"
    )
    (_, first, second) = [tuple(map(float, one[10:-1].split(","))) for one in places]
    assert places[0] == places[2], "the ring is around the detection"
    assert first[0] < second[0]
    assert first[1] > second[1], "a fainter point is lower"
    bar = page.locator("#pictures svg.plot g[clip-path] line").first
    length = abs(float(bar.get_attribute("y1") or 0) - float(bar.get_attribute("y2") or 0))
    assert length == pytest.approx((first[1] - second[1]) / 5)


def test_a_plot_that_is_none_is_told(page: Page, curved: Path) -> None:
    page.goto(curved.as_uri())
    page.locator("#cards button").nth(1).click()
    expect(page.locator("#pictures")).to_contain_text("its plot is none that Zooniverse shows")
    expect(page.locator("#pictures img").first).to_be_visible()


def test_files_for_talk_are_shown_under_their_subject(page: Page, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    (run.path / "talk").mkdir()
    (run.path / "talk" / "a.png").write_bytes(png(300, 200))
    plot = {"data": {"scatterPlot": {"data": [{"seriesData": [{"x": -1, "y": 2}, {"x": 0, "y": 3}]}]}}}
    (run.path / "talk" / "b.json").write_text(json.dumps(plot))
    rows = [TalkRow(str(FIRST), f"talk/{name}", "0" * 64) for name in ("a.png", "b.json", "gone.png")]
    write_talk(run.talk, rows)
    opened(page, run)
    cards = page.get_by_role("list", name="Cutouts").get_by_role("button")
    cards.filter(has_text=str(FIRST)).first.click()
    shown = page.locator("#talk figure")
    expect(shown).to_have_count(3)
    expect(page.get_by_alt_text(f"For the Talk page of {FIRST}")).to_be_visible()
    expect(shown.nth(2)).to_contain_text("talk/gone.png is missing in the run folder")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("On its Talk page")).to_be_hidden()


def test_a_long_run_is_read_in_parts(page: Page, chromium: Browser, tmp_path: Path) -> None:
    """The page holds the first rows; the others are in files beside it, and one search goes through all."""
    run = make_run(tmp_path / "run #2 % ü", 25, HOSTILE)
    with run.rejected.open("a", newline="") as file:
        csv.writer(file).writerows([(str(n), "row", "too far") for n in range(3)])
    path = run.path / "preview.html"
    made = make_preview(run, path, LinkedPictures(run, path), rows_a_part=10)
    assert made.data is not None
    assert (made.cutouts, made.rejected, sorted(one.name for one in made.data.iterdir())) == (
        25,
        5,
        ["rows-00001.js", "rows-00002.js"],
    )
    order = [row.external_id for row in run.rows()]
    page.goto(path.resolve().as_uri())
    expect(page.locator("#count")).to_have_text("10 of 10 cutouts in rows 1 to 10 of 25")
    assert ids(page) == order[:10]
    page.get_by_role("button", name="Later rows").click()
    expect(page.locator("#count")).to_have_text("10 of 10 cutouts in rows 11 to 20 of 25")
    assert ids(page) == order[10:20]
    page.locator("#part").select_option("21 to 25")
    expect(page.locator("#count")).to_have_text("5 of 5 cutouts in rows 21 to 25 of 25")
    expect(page.get_by_role("button", name="Later rows")).to_be_disabled()
    page.locator("#search").fill("band=g")
    page.get_by_role("button", name="Search all rows").click()
    expect(page.locator("#count")).to_have_text("9 of 9 cutouts found in all 25 rows")
    assert ids(page) == order[::3]
    page.locator(".card-id").nth(8).click()
    expect(page.locator("#catalog")).to_contain_text("row 24")
    page.keyboard.press("Escape")
    expect(
        page.locator("#cards button").nth(8)
    ).to_be_focused()  # given back once it is closed, away from any typing
    page.locator("#search").fill("")
    expect(page.locator("#count")).to_have_text("10 of 10 cutouts in rows 1 to 10 of 25")
    page.locator("#show-rejected").click()
    expect(page.locator("#reasons li").first).to_have_text("3 × too far")
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    make_preview(run, path, LinkedPictures(run, path), rows_a_part=15)
    assert [one.name for one in made.data.iterdir()] == ["rows-00001.js"]
    (made.data / "rows-00001.js").unlink()
    alone = chromium.new_page()
    alone.goto(path.resolve().as_uri())
    alone.get_by_role("button", name="Later rows").click()
    expect(alone.locator("#count")).to_contain_text("rows-00001.js is missing: keep it beside this page")
    alone.close()


def test_rows_of_a_manifest_in_another_order_keep_their_columns(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 12)
    rows = list(run.rows())
    write_manifest(run.manifest, [*rows[5:], *rows[:4]], ["!diaSourceId"])
    path = run.path / "preview.html"
    make_preview(run, path, LinkedPictures(run, path))
    text = path.read_text().partition('id="data">')[2].partition("</script>")[0]
    data = json.loads(text)
    at = data["catalog"].index("note")
    assert [row[3][at] for row in data["rows"]] == [f"row {n}" for n in [*range(5, 12)]] + [
        "plain", *(f"row {n}" for n in range(1, 4))
    ]  # fmt: skip
