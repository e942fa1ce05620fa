"""The sandbox's pages for people in a real browser."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from zoocut.sandbox import Running, running
from zoocut.sandbox.options import Options
from zoocut.sandbox.state.instance import Instance

HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\"'&amp;{{7*7}}"
)
LONG = "a_name_without_any_place_to_break_" * 5
METADATA = {
    "band": "r",
    "%snr": "12.5",
    "!diaSourceId": "170032915988250001",
    "#zoocut": "r1",
    "//remark": "quiet",
    f"note {HOSTILE}": HOSTILE,
    "nested": {"a": [1, None]},
}
CLIENT = "f79cf5ea821bb161d8cbb52d061ab9a2321d7cb169007003af66b43f7b79ce2a"
COUNT = 10_000


def png(width: int = 606, height: int = 224) -> bytes:
    content = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(content, "PNG")
    return content.getvalue()


@dataclass
class Uploader:
    """Somebody who uploads through the API."""

    endpoint: str
    token: str

    @classmethod
    def at(cls, endpoint: str) -> Uploader:
        form = {"grant_type": "password", "client_id": CLIENT, "login": "owner"}
        answer = requests.post(
            f"{endpoint}/oauth/token", data={**form, "password": "sandbox-password"}, timeout=240
        )
        return cls(endpoint, answer.json()["access_token"])

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        headers = {
            "Accept": "application/vnd.api+json; version=1",
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.token}",
        }
        return requests.post(
            f"{self.endpoint}/api{path}", data=json.dumps(body), headers=headers, timeout=240
        )

    def made(self, kind: str, **content: Any) -> dict[str, Any]:
        answer = self.post(f"/{kind}", {kind: content})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()[kind][0]
        return made

    def new_subject(self, external_id: str, *images: bytes | None, **content: Any) -> str:
        mimes = [mime_of(image) for image in images]
        made = self.made(
            "subjects", external_id=external_id, locations=mimes, **{"links": {"project": "1"}, **content}
        )
        for place, image, mime in zip(made["locations"], images, mimes, strict=True):
            if image is not None:
                headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": mime}
                answer = requests.put(place[mime], data=image, headers=headers, timeout=240)
                assert answer.status_code == 201
        return str(made["id"])


def mime_of(content: bytes | None) -> str:
    return "image/png" if content is None or content.startswith(b"\x89PNG") else "application/json"


@dataclass(frozen=True)
class Shown:
    """A sandbox with something to see."""

    endpoint: str
    set_id: str
    whole: str
    bare: str


@pytest.fixture(scope="module")
def shown() -> Iterator[Shown]:
    with running() as server:
        someone = Uploader.at(server.endpoint)
        links = {"project": "1"}
        set_id = someone.made("subject_sets", display_name=f"Night {HOSTILE}", links=links)["id"]
        someone.made("subject_sets", display_name=LONG, links=links)
        in_set = {"links": {"project": "1", "subject_sets": [set_id]}}
        whole = someone.new_subject(f"one {HOSTILE}", png(), png(), metadata=METADATA, **in_set)
        bare = someone.new_subject(LONG, None, **in_set)
        someone.new_subject("alone", png())
        yield Shown(server.endpoint, set_id, whole, bare)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A sandbox with a set of many subjects whose media are not there, and two projects."""
    data = tmp_path_factory.mktemp("crowded")
    instance = Instance(Options(data=data))
    common = {"created_at": 1, "updated_at": 1}
    with instance.store.write():
        instance.add_project(1, "owner", "Second", private=True)
        set_id = instance.store.insert("subject_sets", project_id=1, display_name="Many", **common)
        for n in range(COUNT):
            one = instance.store.insert(
                "subjects", project_id=1, upload_user_id=1, external_id=f"e{n}", metadata='{"a":"1"}',
                locations=json.dumps([{"mime": "image/png", "path": f"subject_location/{n}.png"}]), **common,
            )  # fmt: skip
            instance.store.insert("set_member_subjects", subject_set_id=set_id, subject_id=one, **common)
    instance.close()
    with running(data) as server:
        yield server


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Page]:
    """A page with network; a word on its console, a failure or a request to another host fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda r: None if is_local(r.url) else said.append(r.url))
    yield page
    context.close()
    assert said == []


def is_local(url: str) -> bool:
    return url.startswith("data:") or urlsplit(url).hostname == "127.0.0.1"


def test_from_project_to_set_to_subject_by_keyboard(visit: Page, shown: Shown) -> None:
    visit.goto(shown.endpoint)
    expect(visit).to_have_title("Rehearsal · zoocut sandbox")
    expect(visit.locator(".card h2")).to_have_text([f"Night {HOSTILE}", LONG])
    expect(visit.locator(".card").first).to_contain_text("2 subjects")
    expect(visit.locator(".card").first).to_contain_text("the API still tells 0")
    expect(visit.locator(".card").last).to_contain_text("0 subjects")
    visit.keyboard.press("Tab")
    expect(visit.get_by_role("link", name="Skip to the content")).to_be_focused()
    visit.locator(".card a").first.focus()
    visit.keyboard.press("Enter")
    expect(visit.get_by_role("heading", level=1)).to_have_text(f"Night {HOSTILE}")
    visit.locator(".card a").first.focus()
    visit.keyboard.press("Enter")
    expect(visit.get_by_role("heading", level=1)).to_have_text(f"one {HOSTILE}")
    visit.locator("#sets-title + ul a").focus()
    visit.keyboard.press("Enter")
    expect(visit).to_have_url(f"{shown.endpoint}/sandbox/sets/{shown.set_id}")


def test_set_shows_images_and_marks_missing_ones(visit: Page, shown: Shown) -> None:
    visit.goto(f"{shown.endpoint}/sandbox/sets/{shown.set_id}")
    picture = visit.locator(".card img")
    expect(picture).to_have_count(1)
    expect(picture).to_have_js_property("naturalWidth", 606)
    expect(picture).to_have_attribute("alt", f"Image of subject {shown.whole}, one {HOSTILE}")
    expect(picture).to_have_attribute("loading", "lazy")
    expect(visit.locator(".card").last).to_contain_text("no image yet")
    expect(visit.locator(".card .name")).to_have_text([f"one {HOSTILE}", LONG])


def test_subject_tells_who_sees_which_key(visit: Page, shown: Shown) -> None:
    visit.goto(f"{shown.endpoint}/sandbox/subjects/{shown.whole}")
    seen = {
        row.locator("dt").inner_text(): row.locator("dd").inner_text()
        for row in visit.locator("#metadata-title + dl > div").all()
    }
    assert seen == {
        "band": "r",
        "%snr index field": "12.5",
        "!diaSourceId only on Talk": "170032915988250001",
        "#zoocut hidden": "r1",
        "//remark hidden": "quiet",
        f"note {HOSTILE}": HOSTILE,
        "nested": '{"a": [1, null]}',
    }
    assert visit.locator(".unseen").count() == 3
    images = visit.locator("figure img")
    expect(images).to_have_count(2)
    expect(images.last).to_have_js_property("naturalWidth", 606)
    expect(images.last).to_have_attribute("alt", f"Image 2 of 2 of one {HOSTILE}")
    expect(visit.locator("#sets-title + ul li")).to_have_text([f"Night {HOSTILE} · set {shown.set_id}"])


def test_text_of_uploaders_is_shown_as_text(visit: Page, shown: Shown) -> None:
    titles = {
        "/": "Rehearsal",
        f"/sandbox/sets/{shown.set_id}": f"Night {HOSTILE}",
        f"/sandbox/subjects/{shown.whole}": f"one {HOSTILE}",
    }
    for path, title in titles.items():
        visit.goto(shown.endpoint + path)
        expect(visit).to_have_title(f"{title} · zoocut sandbox")
        assert visit.locator("script:not([src]), img[src='x']").count() == 0


def test_subjects_in_no_set_are_found(visit: Page, shown: Shown) -> None:
    visit.goto(shown.endpoint)
    visit.get_by_role("link", name="3 subjects, in sets or not").click()
    visit.get_by_role("link", name="alone").click()
    expect(visit.locator("#sets-title + ul")).to_have_text("In no set.")


def test_media_elsewhere_are_named_not_fetched(visit: Page, shown: Shown) -> None:
    address = "https://example.org/a.png"
    someone = Uploader.at(shown.endpoint)
    content = {"locations": [{"image/png": address}], "links": {"project": "1"}}
    subject = someone.made("subjects", metadata={}, **content)["id"]
    visit.goto(f"{shown.endpoint}/sandbox/subjects/{subject}")
    expect(visit.locator("figure")).to_have_text(f"image/png, kept at {address}")
    expect(visit.get_by_role("heading", level=1)).to_have_text(f"Subject {subject}")


@pytest.mark.parametrize("kind", ["sets", "subjects", "projects"])
def test_what_is_not_there_is_said(chromium: Browser, shown: Shown, kind: str) -> None:
    page = chromium.new_page()
    for number in ("999999", "9" * 40):
        answer = page.goto(f"{shown.endpoint}/sandbox/{kind}/{number}")
        assert answer is not None
        assert answer.status == 404
        expect(page.get_by_role("heading", level=1)).to_have_text("Not here")
    page.close()


@pytest.mark.parametrize("path", ["/", "/sandbox/log", "/sandbox/sets/1", "/sandbox/media/x.png"])
def test_pages_answer_loopback_hosts_only(shown: Shown, path: str) -> None:
    answer = requests.get(shown.endpoint + path, headers={"Host": "www.zooniverse.org"}, timeout=240)
    assert (answer.status_code, "loopback" in answer.text) == (421, True)


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_runs_over_the_edge(visit: Page, shown: Shown, width: int) -> None:
    visit.set_viewport_size({"width": width, "height": 700})
    paths = ("/", f"/sandbox/sets/{shown.set_id}", f"/sandbox/subjects/{shown.whole}", "/sandbox/log")
    for path in (*paths, f"/sandbox/subjects/{shown.bare}"):
        visit.goto(shown.endpoint + path)
        assert visit.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(visit: Page, shown: Shown, scheme: Any) -> None:
    script = Path(__file__).with_name("contrast.js").read_text("utf-8")
    visit.emulate_media(color_scheme=scheme)
    for path in ("/", f"/sandbox/sets/{shown.set_id}", f"/sandbox/subjects/{shown.whole}", "/sandbox/log"):
        visit.goto(shown.endpoint + path)
        contrasts = visit.evaluate(script)
        assert len(contrasts) > 10
        assert [found for found in contrasts if found[0] < 4.5] == []


def test_ten_thousand_subjects_are_paged(visit: Page, crowded: Running) -> None:
    visit.goto(f"{crowded.endpoint}/sandbox/sets/1")
    expect(visit.locator(".count")).to_contain_text("10,000 subjects")
    expect(visit.locator(".card .name").first).to_have_text("e0")
    expect(visit.locator(".card")).to_have_count(48)
    pages = visit.get_by_role("navigation", name="Pages of subjects", exact=True)
    pages.get_by_role("link", name="Next").click()
    expect(visit.locator(".card .name").first).to_have_text("e48")
    pages.get_by_role("link", name="Last").click()
    expect(visit.locator(".card .name").last).to_have_text(f"e{COUNT - 1}")
    assert pages.get_by_role("link", name="Next").count() == 0
    pages.get_by_role("link", name="Previous").click()
    expect(visit.locator(".card .name").last).to_have_text(f"e{COUNT - 49}")
    pages.get_by_role("link", name="First").click()
    expect(visit.locator(".card .name").first).to_have_text("e0")
    visit.get_by_label("From subject").fill("5001")
    visit.keyboard.press("Enter")
    expect(visit.locator(".card .name").first).to_have_text("e5000")


@pytest.mark.parametrize("path", ["/sandbox/sets/1?from=7000", "/sandbox/projects/1/subjects?from=7000", "/"])
def test_pages_are_quick_among_ten_thousand(crowded: Running, path: str) -> None:
    """The best of some tries is far below what a person notices, on a busy machine too."""
    tries = []
    for _ in range(5):
        begun = time.perf_counter()
        assert requests.get(crowded.endpoint + path, timeout=240).status_code == 200
        tries.append(time.perf_counter() - begun)
    assert min(tries) < 0.1


def test_several_projects_are_listed(visit: Page, crowded: Running) -> None:
    visit.goto(crowded.endpoint)
    expect(visit.locator(".card h2")).to_have_text(["Rehearsal", "Second"])
    expect(visit.locator(".card").first).to_contain_text("1 subject set, 10,000 subjects")
    expect(visit.locator(".card").last.locator(".mark")).to_have_text("private")
    visit.get_by_role("link", name="Second").click()
    expect(visit.locator(".empty")).to_have_text("No subject sets yet.")


def test_log_marks_what_was_injected(visit: Page, tmp_path: Path) -> None:
    with running(tmp_path, ["--fault", "commit-then-500:nth=2"]) as server:
        someone = Uploader.at(server.endpoint)
        body = {"subjects": {"locations": ["image/png"], "links": {"project": "1"}}}
        assert [someone.post("/subjects", body).status_code for _ in range(3)] == [201, 500, 201]
        requests.get(f"{server.endpoint}/nowhere/{HOSTILE}", timeout=240)
        visit.goto(server.endpoint)
        visit.get_by_role("link", name="Request log").click()
        rows = visit.locator(".log tbody tr")
        expect(rows).to_have_count(5)
        expect(rows.first).to_contain_text(f"GET /nowhere/{HOSTILE}")
        expect(rows.nth(2)).to_contain_text("POST /api/subjects injected: commit-then-500")
        expect(rows.nth(2).locator(".refused")).to_have_text("500")
        expect(visit.locator(".injected")).to_have_count(1)
        expect(visit.locator("main")).to_contain_text("met 1 of 3 calls")
        visit.get_by_role("link", name="With faults").click()
        expect(rows).to_have_count(1)


def test_looking_does_not_count_as_a_call(visit: Page, tmp_path: Path) -> None:
    """Faults for every GET are left for clients, however often a person looks."""
    with running(tmp_path) as server:
        someone = Uploader.at(server.endpoint)
        subject = someone.new_subject("one", png())
        rule = {"name": "bad-gateway", "route": "GET *"}
        assert requests.post(f"{server.endpoint}/sandbox/faults", json=rule, timeout=240).ok
        visit.goto(f"{server.endpoint}/sandbox/subjects/{subject}")
        expect(visit.locator("figure img")).to_have_js_property("naturalWidth", 606)
        visit.goto(server.endpoint)
        visit.goto(f"{server.endpoint}/sandbox/log")
        expect(visit.locator("main")).to_contain_text("met 0 of 0 calls")


def test_a_plot_stands_beside_frames_that_flip(visit: Page, shown: Shown) -> None:
    someone = Uploader.at(shown.endpoint)
    point = {"x": 1, "y": 2, "y_error": 0.5}
    options = {"label": HOSTILE, "color": "#b52626", "glyph": "square", "pointSize": 50}
    plot = json.dumps({"data": [{"seriesData": [point], "seriesOptions": options}]}).encode()
    for content, is_plot in ((plot, True), (b'{"data": []}', False), (b"no JSON", False)):
        number = someone.new_subject("plotted", content, png(), png())
        visit.goto(f"{someone.endpoint}/sandbox/subjects/{number}")
        images = visit.locator("#subject-media img")
        expect(images.nth(0)).to_be_visible()
        expect(images.nth(1)).to_be_hidden()
        visit.get_by_role("button", name="Frame after").click()
        expect(images.nth(1)).to_be_visible()
        if is_plot:
            expect(visit.locator("svg.plot")).to_have_count(1)
            assert HOSTILE in (visit.locator("svg.plot").text_content() or "")
        else:
            expect(visit.locator("#subject-media")).to_contain_text(
                "its JSON is no plot that Zooniverse shows"
            )
