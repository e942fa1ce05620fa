"""Every command in the pages about inputs, uploading and sets exists and takes the options that are shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from zoocut.cli.main import app

DOCS = Path(__file__).resolve().parents[2] / "docs"


def typed_in(page: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^    \$ (zoocut .+)$", text, flags=re.MULTILINE)


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """Find the command that is typed and what follows it."""
    command: Any = typer.main.get_command(app)
    while getattr(command, "commands", None):
        assert words[0] in command.commands, f"there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize(
    "line",
    [
        *typed_in("sets.md"),
        *typed_in("uploading.md"),
        *typed_in("inputs.md"),
        *typed_in("results.md"),
        *typed_in("media.md"),
        *typed_in("publishing.md"),
    ],
)
def test_command_can_be_typed(line: str) -> None:
    command, rest = command_of(shlex.split(line)[1:])
    parser = command.make_parser(command.context_class(command, info_name="zoocut"))
    _, left, _ = parser.parse_args(args=rest)
    assert left == []


def test_a_wrong_option_would_be_found() -> None:
    command, rest = command_of(["sets", "list", "--jsn"])
    parser = command.make_parser(command.context_class(command, info_name="zoocut"))
    with pytest.raises(Exception, match="--jsn"):
        parser.parse_args(args=rest)


def test_every_command_of_sets_is_told_about() -> None:
    group: Any = typer.main.get_command(app)
    told = {shlex.split(line)[2] for line in typed_in("sets.md") if line.startswith("zoocut sets ")}
    assert told == set(group.commands["sets"].commands)


@pytest.mark.parametrize(
    "block", re.findall(r"```toml\n(.*?)```", (DOCS / "media.md").read_text(), re.DOTALL)
)
def test_settings_of_media_are_those_that_there_are(block: str, tmp_path: Path) -> None:
    """Every block of docs/media.md, in a configuration that has what it needs beside it."""
    import tomllib

    import pyarrow as pa
    import pyarrow.parquet as pq

    from zoocut.config.load import load_tree
    from zoocut.media.registry import open_media

    given = tomllib.loads(block)
    table = given.get("history", {}).get("kind") == "table"
    names = [given["history"]["object"], *given["history"]["columns"].values()] if table else []
    columns = {name: [1] for name in names if isinstance(name, str)}
    pq.write_table(pa.table(columns), tmp_path / "forced.parquet")
    tree = {
        "catalog": {"kind": "table" if table else "alerts", "path": "unused"},
        "images": {"kind": "frames", "template": "t", "science": "s", "difference": "d"},
        **given,
    }
    media = list(given.get("media", {})) or (["lightcurve"] if table else ["triplet"])
    tree.setdefault("draw", {"media": media})
    loaded = load_tree(tree, folder=tmp_path)
    assert open_media(loaded.settings, tmp_path).endings


def test_the_medium_of_the_docs_is_one() -> None:
    from zoocut.config.settings import Settings
    from zoocut.media.medium import MediaContext
    from zoocut.model import DiaSource

    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "media.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    sections = {"catalog": {"kind": "alerts", "path": "x"}, "images": {"kind": "stamps"}}
    settings = Settings.model_validate(sections | {"media": {"note": {"words": "hello"}}})
    note = names["Note"](MediaContext("note", settings, Path()))
    (shown,) = note.draw([(DiaSource(7, None, None, "list", "row 1", {}), ())])
    assert shown.files == (b"hello 7",)
