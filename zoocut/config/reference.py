"""What each setting means, out of the models that check it, for `zoocut config explain` and the reference."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from zoocut.config.load import tag_of
from zoocut.config.plugged import PluggedSettings
from zoocut.config.section import NONE, taken_away
from zoocut.error_kinds import WrongSetting
from zoocut.errors import did_you_mean

__all__ = ["Setting", "chosen", "settings_of"]

UNITS = {
    "_pix": "pixels",
    "_s": "seconds",
    "_h": "hours",
    "_arcsec": "arcseconds",
    "_bytes": "bytes",
}
"""What the ends of keys stand for; all other units are told in the descriptions."""
TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "null": "left out",
    "object": "a table of keys",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a configuration.

    Parameters
    ----------
    key : str
        With its sections, joined by dots; a part in capitals stands for a name of the user's.
    kind : str
        The `kind` of its section that has the key; empty where every kind has it, or there are none.
    meaning : str
        What it does.
    allowed : str
        What it may be, in words.
    default : str
        As TOML writes it; `none` where it may be left out, `required` where it may not.
    """

    key: str
    kind: str
    meaning: str
    allowed: str
    default: str

    def __str__(self) -> str:
        of_kind = f"  (kind {self.kind})" if self.kind else ""
        return f"{self.key} = {self.default}{of_kind}\n  {self.meaning}\n  {self.allowed}"

    def to_dict(self) -> dict[str, str]:
        """Return the fields by name."""
        return asdict(self)


def settings_of(model: type[BaseModel], prefix: str = "", kind: str = "") -> Iterator[Setting]:
    """Describe every key below a section.

    Parameters
    ----------
    model : type
        What checks the section.
    prefix : str
        What to put before its keys, such as `draw.`.
    kind : str
        The `kind` of the section, where it has one.

    Yields
    ------
    Setting
        In the order of the model.
    """
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        below = list(_sections(field.annotation))
        if name == "kind":
            continue
        if not below:
            allowed = _allowed(schema["properties"][name], schema.get("$defs", {})) + _unit(name)
            if name in taken_away(model):
                allowed = allowed.replace(TYPES["null"], _as_toml(NONE))
            yield Setting(prefix + name, kind, _meaning(model, name), allowed, _default(field))
        if len(below) > 1:
            yield _choice_of_kind(f"{prefix}{name}.kind", field, below)
        for section in below:
            named = "COLUMN." if get_origin(field.annotation) is dict else ""
            yield from settings_of(section, f"{prefix}{name}.{named}", tag_of(section) or kind)


def _choice_of_kind(key: str, field: FieldInfo, sections: Iterable[type[BaseModel]]) -> Setting:
    kinds = " or ".join(_as_toml(tag_of(section)) for section in sections)
    default = "required" if field.is_required() else _as_toml(field.get_default().kind)
    return Setting(key, "", field.description or "", kinds, default)


def chosen(settings: Iterable[Setting], key: str) -> list[Setting]:
    """Return the settings that a key or a section names.

    Raises
    ------
    ConfigError
        When there is none: names the nearest.
    """
    known = list(settings)
    found = [one for one in known if one.key == key or one.key.startswith(f"{key}.")]
    if not found:
        names = sorted({one.key for one in known})
        raise WrongSetting(f"there is no setting {key}: {did_you_mean(key, names, 'there are')}")
    return found


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not issubclass(annotation, PluggedSettings):  # its keys are those of another package
            yield annotation
        return
    for inner in get_args(annotation):
        yield from _sections(inner)


def _meaning(model: type[BaseModel], name: str) -> str:
    """Return a field's description, or that which the section it is made from gives: defaults alone are replaced."""
    fields = (base.model_fields.get(name) for base in model.__mro__ if hasattr(base, "model_fields"))
    return next((field.description for field in fields if field and field.description), "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "none" if value is None else _as_toml(value)


def _as_toml(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_as_toml(one)}" for key, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return json.dumps(value)


def _unit(name: str) -> str:
    return next((f", in {unit}" for end, unit in UNITS.items() if name.endswith(end)), "")


def _allowed(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Say what a JSON schema lets pass."""
    if "$ref" in schema:
        return _allowed(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_allowed(one, definitions) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(map(_as_toml, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return f"a list: each {_allowed(schema['items'], definitions)}"
    return TYPES.get(schema.get("type", ""), "any value") + _limits(schema)


def _limits(schema: dict[str, Any]) -> str:
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    return "".join(f", {text.format(f'{schema[key]:g}')}" for key, text in words.items() if key in schema)
