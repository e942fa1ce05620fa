"""A headless Chromium, or a skip that says why there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip


expect.set_options(
    timeout=60_000
)  # a page on a machine that does much else has waited more than the usual 5 s


# for a module: its event loop, while it runs, lets no other module open a browser of its own
@pytest.fixture(scope="module")
def chromium(chromium_path: str | None) -> Iterator[Browser]:
    if chromium_path is None:
        pytest.skip("needs a chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page at a desk's width, without network; anything on its console, or an error, fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    context.set_default_timeout(120_000)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
    page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else said.append(r.url))
    yield page
    context.close()
    assert said == []
