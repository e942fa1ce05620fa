"""Every function of `import zoocut`: twice, after every submodule was imported, without a question, and light."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import pkgutil
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoocut
from zoocut.errors import ConfigError
from zoocut.ledger import State
from zoocut.zooniverse.connect import connect_set_admin
from zoocut.zooniverse.credentials import Credentials

SOURCES = Path(zoocut.__file__).parent
DOORS = ("generate", "plan_upload", "upload", "status", "verify", "export", "sets", "draw")
OPTIONAL = ("lsst", "starlink", "psycopg", "dask")


def journey(field: Path, folder: Path, set_name: str) -> dict[str, Any]:
    """Call every function once, in the order of a night."""
    where: Any = {"project": "owner/rehearsal", "subject_set": set_name}
    run = zoocut.generate(field / "zoocut.toml", folder / "run")
    y, x = np.indices((30, 30))
    return {
        "generate": run,
        "plan_upload": zoocut.plan_upload(run, **where),
        "upload": zoocut.upload(run, **where),
        "status": zoocut.status(run, remote=True),
        "verify": zoocut.verify(run, check="all"),
        "export": zoocut.export(run),
        "sets": zoocut.sets("owner/rehearsal", runs=folder),
        "draw": zoocut.draw(x + y, x - y, x * y),
    }


def activate(endpoint: str, set_name: str) -> None:
    """Let an active workflow serve a set."""
    admin = connect_set_admin(endpoint, Credentials("owner", "sandbox-password"))
    project = admin.panoptes.project("owner/rehearsal")
    (found,) = admin.panoptes.subject_sets(project, set_name)
    links = {"project": project.project_id, "subject_sets": [found.set_id]}
    content = {"display_name": "W", "primary_language": "en", "active": True, "links": links}
    admin.panoptes.api.unrepeatable("POST", "/workflows", {"workflows": content})


def import_everything() -> None:
    for module in pkgutil.walk_packages(zoocut.__path__, "zoocut."):
        if module.name != "zoocut.__main__":
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                if not (error.name or "").startswith(OPTIONAL):
                    raise


def test_every_function_twice_and_after_every_import(account: str, field: Path, tmp_path: Path) -> None:
    first = journey(field, tmp_path, "Twice")
    assert (first["plan_upload"].targets[0].to_upload, first["upload"].complete) == (12, True)
    second = journey(field, tmp_path, "Twice")
    assert (second["generate"].drawn, second["generate"].kept) == (0, 12)
    assert second["plan_upload"].targets[0].to_upload == 0
    import_everything()
    third = journey(field, tmp_path, "Twice")
    for results in (second, third):
        assert results["status"].complete
        assert results["status"].targets[0].remote["subjects"] == 12
        assert results["verify"].differences == 0
        assert results["export"].subjects == 12
        assert "Twice" in [line.name for line in results["sets"]]
        assert results["draw"].png == first["draw"].png
    assert third["export"].to_pandas().equals(first["export"].to_pandas())


def test_results_are_frozen_and_tell_themselves(account: str, field: Path, tmp_path: Path) -> None:
    for name, result in journey(field, tmp_path / "<b>", "Frozen <b>").items():
        assert dataclasses.is_dataclass(result), name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, dataclasses.fields(result)[0].name, None)
        if name == "draw":
            assert result._repr_png_().startswith(b"\x89PNG")
            continue
        version = json.loads(json.dumps(result.to_dict()))["version"]
        assert version == (2 if name == "plan_upload" else 1), name
        assert "<b>" not in result._repr_html_()
        assert (
            len(result.to_pandas()) == {"generate": 12, "export": 12, "verify": 0}.get(name, 1)
            or name == "sets"
        )


def test_what_the_command_tells_is_what_the_function_gives(account: str, field: Path, tmp_path: Path) -> None:
    journey(field, tmp_path, "Same")
    run = str(tmp_path / "run")
    commands = {
        "generate": ["generate", str(field / "zoocut.toml"), "-o", run],
        "plan_upload": ["upload", run, "--dry-run"],
        "status": ["status", run, "--remote"],
        "verify": ["verify", run, "--check", "all"],
        "export": ["export", run],
        "sets": ["sets", "list", "-p", "owner/rehearsal", "--runs", str(tmp_path)],
    }
    again = journey(field, tmp_path, "Same")
    for name, words in commands.items():
        done = subprocess.run(
            [sys.executable, "-m", "zoocut", *words, "--json"], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout) == json.loads(json.dumps(again[name].to_dict())), name


def test_what_would_be_asked_is_an_argument(
    account: str, field: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> str:
        raise AssertionError("a question was asked")

    monkeypatch.setattr("builtins.input", never)
    run = zoocut.generate(field / "zoocut.toml", tmp_path / "run")
    first: Any = {"project": "owner/rehearsal", "subject_set": "Active"}
    zoocut.upload(run, **first, sample=2)
    activate(account, "Active")
    with pytest.raises(ConfigError, match=r"volunteers will see the new subjects at once; .*confirm=True"):
        zoocut.upload(run, **first)
    asked: list[str] = []
    with pytest.raises(zoocut.errors.ZoocutError, match="as you say"):
        zoocut.upload(run, **first, confirm=lambda question: bool(asked.append(question)))
    assert "active workflow" in asked[0]
    assert "active workflow" in asked[0]
    assert zoocut.status(run).targets[0].states[State.LINKED] == 2
    assert zoocut.upload(run, **first, confirm=True).complete


def test_no_function_of_ours_asks_or_prints() -> None:
    """`input()` and `print()` stand in cli/ alone."""
    for path in SOURCES.rglob("*.py"):
        called = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & {"input", "print"} or "cli" in path.relative_to(SOURCES).parts, path


def test_no_module_bears_the_name_of_a_function() -> None:
    names = {module.name for module in pkgutil.iter_modules(zoocut.__path__)}
    assert not names & set(DOORS)


@pytest.mark.parametrize("name", DOORS)
def test_functions_are_documented(name: str) -> None:
    door: Callable[..., Any] = getattr(zoocut, name)
    assert isinstance(door, types.FunctionType)
    documented = door.__doc__ or ""
    told = {word.strip() for line in documented.splitlines() for word in line.split(" : ")[0].split(",")}
    arguments = door.__code__.co_varnames[: door.__code__.co_argcount + door.__code__.co_kwonlyargcount]
    assert set(arguments) <= told


def test_importing_is_light_and_offers_its_names() -> None:
    program = (
        "import json, sys, zoocut\n"
        "names = dir(zoocut)\n"
        "print(json.dumps([names, sorted(name for name in sys.modules if name.startswith('zoocut'))]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    names, modules = json.loads(done.stdout)
    assert modules == ["zoocut", "zoocut.version"]
    assert {*DOORS, "Catalog", "Images", "Settings", "errors", "load_config"} <= set(names)


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'genrate'"):
        zoocut.genrate  # type: ignore[attr-defined]  # noqa: B018
