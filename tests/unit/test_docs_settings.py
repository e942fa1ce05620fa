"""What the pages about inputs and drawing say a configuration may hold, it may hold."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from zoocut.config.load import load_tree
from zoocut.render import open_renderer

DOCS = Path(__file__).resolve().parents[2] / "docs"
BASES: dict[str, Any] = {
    "alerts": {"catalog": {"kind": "alerts", "path": "x"}, "images": {"kind": "stamps"}},
    "table": {
        "catalog": {"kind": "table", "path": "x.csv"},
        "images": {"kind": "frames", "template": "t", "science": "s", "difference": "d"},
    },
}


def blocks(page: str) -> list[str]:
    return re.findall(
        r"^```toml\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.mark.parametrize(
    "text",
    [
        text
        for page in ("inputs.md", "drawing.md", "other-program.md")
        for text in blocks(page)
        if "[manifest]" not in text
    ],
    ids=lambda text: text.splitlines()[0],
)
def test_settings_that_are_shown_are_taken(text: str) -> None:
    shown = tomllib.loads(text)
    kind = "alerts" if "columns" in shown.get("catalog", {}) else "table"
    tree = {section: {**values, **shown.get(section, {})} for section, values in BASES[kind].items()}
    settings = load_tree({**shown, **tree}).settings
    assert as_shown(shown, settings.model_dump(mode="json")) == shown
    assert open_renderer(settings.draw)


def as_shown(shown: Any, held: Any) -> Any:
    """Give what is held where something is shown."""
    if not isinstance(shown, dict):
        return held
    return {name: as_shown(one, held[name]) for name, one in shown.items()}


def test_the_pages_show_settings() -> None:
    assert len(blocks("inputs.md")) >= 3
    assert len(blocks("drawing.md")) == 2
    assert (DOCS / "washed-out.png").read_bytes().startswith(b"\x89PNG")
