"""Defaults, then the file, then the command line: one frozen `Settings`, and where each value came from."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from zoocut.config.plugged import PLUGGED, PluggedSettings
from zoocut.config.settings import RunSettings, Settings
from zoocut.error_kinds import UnreadableConfig, WrongSetting
from zoocut.errors import did_you_mean

__all__ = [
    "Loaded",
    "at",
    "checked",
    "differences",
    "dotted",
    "explained",
    "load",
    "load_run_settings",
    "load_tree",
    "tag_of",
]

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and their provenance.

    Parameters
    ----------
    settings : Settings
        Validated.
    folder : Path
        What relative paths in the settings are relative to: the configuration file's folder.
    origin : mapping of str to str
        For each dotted key where its value came from: `default`, the file's name or `command line`.
    file: Path or None
        The configuration file; None for settings that a program holds.
    """

    settings: Settings
    folder: Path
    origin: Mapping[str, str]
    file: Path | None = None

    def without_limit(self) -> Loaded:
        """Return the same settings without `select.limit`."""
        select = self.settings.select.model_copy(update={"limit": None})
        return replace(self, settings=self.settings.model_copy(update={"select": select}))


def load(path: Path | str, options: Mapping[str, Any] | None = None) -> Loaded:
    """Read a configuration file.

    Parameters
    ----------
    path : Path or str
        TOML.
    options : mapping, optional
        Values of the command line under dotted keys such as `catalog.path`; None means not given.

    Raises
    ------
    ConfigError
        When the file is missing or not TOML, or a key or value is wrong: names file, key and what is allowed.
    """
    path = Path(path)
    loaded = _validated(_read(path), options or {}, str(path), path.absolute().parent)
    return replace(loaded, file=path.absolute())


def load_tree(
    tree: Mapping[str, Any], options: Mapping[str, Any] | None = None, folder: Path | None = None
) -> Loaded:
    """Take settings that a program holds.

    Parameters
    ----------
    tree : mapping
        What a configuration file would hold: sections of keys.
    options : mapping, optional
        Further values under dotted keys, over those of `tree`; None means not given.
    folder : Path, optional
        What relative paths are relative to: the working directory when not given.

    Raises
    ------
    ConfigError
        When a key or value is wrong.
    """
    return _validated(tree, options or {}, "settings", folder or Path.cwd())


def load_run_settings(path: Path) -> RunSettings:
    """Read a configuration file that need not say where sources and images are, as for a run of another tool.

    Raises
    ------
    ConfigError
        As `load`.
    """
    return checked(RunSettings, _read(path), str(path))


def checked(model: type[Model], tree: Mapping[str, Any], name: str) -> Model:
    """Validate settings.

    Parameters
    ----------
    model : type
        What they have to be.
    tree : mapping
        The settings.
    name : str
        Where they are from, for messages.

    Raises
    ------
    ConfigError
        When a key or value is wrong: names the key and what is allowed.
    """
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise WrongSetting(
            "; ".join(f"{name}: {_sentence(problem, model, '')}" for problem in problems)
        ) from None


def _validated(written: Mapping[str, Any], options: Mapping[str, Any], name: str, folder: Path) -> Loaded:
    given = {key: value for key, value in options.items() if value is not None}
    settings = checked(Settings, _merge(written, given), name)
    for section in (settings.catalog, settings.images):
        if isinstance(section, PluggedSettings):
            section.require_offered(name)
    file_keys = dict.fromkeys(dotted(written), Path(name).name)
    option_keys = dict.fromkeys(given, "command line")
    origin = dict.fromkeys(dotted(settings.model_dump()), "default") | file_keys | option_keys
    return Loaded(settings, folder, origin)


def dotted(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the key of every leaf of nested tables, parts joined by dots."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def at(tree: Any, key: str) -> Any:
    """Return what stands under a dotted key in nested tables; None where nothing does."""
    if isinstance(tree, Mapping) and key in tree:
        return tree[key]
    head, _, rest = key.partition(".")
    return at(tree.get(head), rest) if rest and isinstance(tree, Mapping) else None


def differences(before: BaseModel, now: BaseModel, *sections: str) -> list[str]:
    """Name the settings that differ, with both values.

    Parameters
    ----------
    before, now : BaseModel
        Settings.
    sections : str
        The sections that are compared.
    """
    old, new = (one.model_dump(mode="json", include=set(sections)) for one in (before, now))
    if old == new:
        return []
    keys = sorted({*dotted(old), *dotted(new)})
    pairs = ((key, at(old, key), at(new, key)) for key in keys)
    return [f"{key} was {was!r}, now {is_now!r}" for key, was, is_now in pairs if was != is_now]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UnreadableConfig(f"{path} does not exist: give the path of a configuration file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableConfig(f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UnreadableConfig(f"{path} is not valid TOML: {error}; mend that line") from None


def _merge(tree: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = {key: dict(value) if isinstance(value, Mapping) else value for key, value in tree.items()}
    for key, value in given.items():
        section, _, name = key.partition(".")
        below = merged.get(section, {})
        if not name:
            merged[section] = value
        elif isinstance(below, dict):
            merged[section] = _merge(below, {name: value})
    return merged


def explained(error: ValidationError, model: type[BaseModel], prefix: str = "") -> str:
    """Say what is wrong with the keys of a section.

    Parameters
    ----------
    error : ValidationError
        What pydantic found.
    model : type
        The section.
    prefix : str
        What to put before each key, such as `draw.`.
    """
    return "; ".join(_sentence(problem, model, prefix) for problem in error.errors(include_url=False))


def _sentence(problem: Any, model: type[BaseModel], prefix: str) -> str:
    models, keys = _walk(problem["loc"], model)
    key = prefix + ".".join(keys)
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key}{_nearest(keys[-1], models)}"
    if problem["type"] == "missing":
        return f"{key} is missing: {_description(keys[-1], models)}"
    if problem["type"].startswith("union_tag"):
        kinds = problem.get("ctx", {}).get("expected_tags", "the documented kinds")
        return f"{key}.kind must be one of {kinds}"
    if problem["type"] == "secret":
        return f"{key} is not allowed: {problem['msg']}"
    if problem["type"] == "value_error":
        return f"{key} is not allowed: {problem['ctx']['error']}"
    if problem["type"] == "tuple_type":
        return f"{key} = {problem['input']!r} is not allowed: give a list, in brackets"
    return f"{key} = {problem['input']!r} is not allowed: {problem['msg'][0].lower()}{problem['msg'][1:]}"


def _walk(location: tuple[int | str, ...], root: type[BaseModel]) -> tuple[list[type[BaseModel]], list[str]]:
    """Follow an error's location, dropping the tags of unions, to the section that holds its key."""
    models: list[type[BaseModel]] = [root]
    keys: list[str] = []
    for part in location:
        tagged = [model for model in models if tag_of(model) == part]
        if tagged:
            models = tagged
            continue
        keys.append(str(part))
        if part != location[-1]:
            fields = [model.model_fields[str(part)] for model in models if str(part) in model.model_fields]
            models = [found for field in fields for found in _sections(field.annotation)] or models
    return models, keys


def tag_of(model: type[BaseModel]) -> str | None:
    """Return the `kind` that a section is of; None where it has none."""
    kind = model.model_fields.get("kind")
    if kind is None:
        return None
    return next(iter(get_args(kind.annotation)), PLUGGED)


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)


def _nearest(key: str, models: list[type[BaseModel]]) -> str:
    known = sorted({name for model in models for name in model.model_fields})
    return f": {did_you_mean(key, known, 'the keys here are')}"


def _description(key: str, models: list[type[BaseModel]]) -> str:
    fields = [model.model_fields[key] for model in models if key in model.model_fields]
    return fields[0].description or "give it" if fields else "give it"
