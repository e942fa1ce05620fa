"""What the documents show in Python runs as it stands; what they say of files and functions is there."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def programs(page: str) -> list[str]:
    """Give a page's blocks of Python, for the project that the sandbox has."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("owner/name", "owner/rehearsal")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_python_in_the_documents_runs(
    account: str, field: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    shutil.copytree(field, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    blocks = programs(page)
    assert blocks
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block.replace("jobs=2", "jobs=1"), page, "exec"), names)
    (done,) = Path("night-run").glob("ledger.sqlite3")
    assert done.stat().st_size


def test_routes_name_files_and_functions_that_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    steps = re.findall(r"^- `([\w/]+\.py):(\w+)`", text, flags=re.MULTILINE)
    assert len(steps) > 30
    for file, name in steps:
        tree = ast.parse((ROOT / "zoocut" / file).read_text(encoding="utf-8"))
        assert name in {getattr(node, "name", "") for node in tree.body}, f"{file}:{name}"


def test_every_layer_is_told_about() -> None:
    """Each package of the program stands in the picture of its layers."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    packages = {path.parent.name for path in (ROOT / "zoocut").glob("*/__init__.py")}
    assert packages <= set(re.findall(r"(\w+)/", text))


def test_every_folder_inside_a_folder_is_told_about() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    inner = {
        path.parent.relative_to(ROOT / "zoocut").as_posix()
        for path in (ROOT / "zoocut").glob("*/*/__init__.py")
    }
    assert inner == set(re.findall(r"^\| `(\w+/\w+)/` \|", text, flags=re.MULTILINE))


def test_pages_that_the_readme_names_are_there() -> None:
    named = re.findall(r"`(docs/[\w./-]+|CHANGELOG\.md)`", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(named) > 15
    assert [page for page in named if not (ROOT / page).is_file()] == []


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 80
