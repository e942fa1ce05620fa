"""What an index and a developer are told of the package is so."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from zoocut import __version__

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "docs" / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    assert citation["keywords"] == PROJECT["keywords"]
    assert {"cff-version", "message", "title", "type"} <= set(citation)


def test_the_version_is_written_in_one_place() -> None:
    assert "version" not in PROJECT
    assert "version" in PROJECT["dynamic"]


def test_every_interpreter_that_is_named_is_allowed() -> None:
    named = re.findall(r"Python :: 3\.(\d+)", " ".join(PROJECT["classifiers"]))
    (least,) = re.findall(r"^>=3\.(\d+)$", PROJECT["requires-python"])
    assert min(map(int, named)) == int(least)


def test_every_requirement_has_a_lower_bound() -> None:
    extras = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
    bare = [one for one in [*PROJECT["dependencies"], *extras] if not re.search(r"[><=]=|^zoocut\[", one)]
    assert bare == []


def test_every_tool_of_a_hook_is_one_of_the_extra() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    used = {hook["entry"].split()[0] for repo in hooks["repos"] for hook in repo["hooks"]}
    offered = {
        re.split(r"[><=;\[ ]", one)[0]
        for extra in ("dev", "test")
        for one in PROJECT["optional-dependencies"][extra]
    }
    assert used <= offered
    assert {"ruff", "mypy", "typos"} <= used


def test_no_query_numbers_its_parameters() -> None:
    """Python 3.12 warns of `?1` with a sequence, later ones refuse it."""
    files = (ROOT / "zoocut").rglob("*.py")
    assert [path.name for path in files if re.search(r"[ (,=]\?\d", path.read_text(encoding="utf-8"))] == []


CONDA = {"astropy": "astropy-base", "isal": "python-isal", "matplotlib": "matplotlib-base"}
"""Packages that conda-forge calls otherwise."""


def test_the_conda_recipe_asks_for_what_the_package_does() -> None:
    recipe = yaml.safe_load((ROOT / "docs" / "packaging" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == __version__
    parts = [re.match(r"([a-z0-9-]+)([^; ]*)", one) for one in PROJECT["dependencies"]]
    wanted = {f"{CONDA.get(part[1], part[1])} {part[2]}" for part in parts if part}
    python, *asked = recipe["requirements"]["run"]
    assert set(asked) == wanted
    assert python == "python >=${{ python_min }}"
    assert f">={recipe['context']['python_min']}" == PROJECT["requires-python"]
    (script,) = PROJECT["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [" = ".join(script)]


def test_the_container_runs_a_command_of_the_program(zoocut: Any) -> None:
    text = (ROOT / "docs" / "packaging" / "Containerfile").read_text(encoding="utf-8")
    words = yaml.safe_load(re.findall(r"^CMD (.*)$", text, re.MULTILINE)[0])
    assert words[0] == "sandbox"
    assert all(word in zoocut("sandbox", "--help").stdout for word in words if word.startswith("--"))
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for name in line.split()
    }
    assert {"pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], "zoocut", "configs"} <= copied


def test_every_extra_is_tried() -> None:
    tree = ast.parse((ROOT / "tests" / "extras.py").read_text(encoding="utf-8"))
    (table,) = (
        one.value
        for one in tree.body
        if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == "TRIALS"
    )
    assert {ast.literal_eval(key) for key in table.keys} == set(PROJECT["optional-dependencies"])  # type: ignore[union-attr]


def sessions() -> set[str]:
    tree = ast.parse((ROOT / "tests" / "noxfile.py").read_text(encoding="utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any("session" in ast.dump(one) for one in node.decorator_list)
    }


def test_every_session_that_contributors_are_told_of_is_one() -> None:
    text = (ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = {name.partition("-")[0] for name in re.findall(r"-s (\w[\w-]*)", text)}
    assert told == sessions()


def test_every_file_that_contributors_are_told_of_is_there() -> None:
    text = (ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:zoocut|docs|tests)/[\w/.]+)`", text)
    assert len(named) > 5
    assert [path for path in named if not (ROOT / path).exists()] == []
