"""What all sections of the settings have in common."""

from functools import cache
from types import NoneType
from typing import Any, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

__all__ = ["NONE", "Section", "taken_away"]

NONE = "none"
"""What a file says for no value at all, where leaving the key out means a default: TOML has no word of its own."""


class Section(BaseModel):
    """A frozen section that refuses keys it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=False, str_strip_whitespace=False
    )

    @model_validator(mode="before")
    @classmethod
    def _none_by_its_word(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        keys = taken_away(cls)
        return {key: None if value == NONE and key in keys else value for key, value in given.items()}

    @model_serializer(mode="wrap")
    def _none_as_its_word(
        self, handler: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        """Write the word where what is None is left out, as in `run.toml`: it would come back as the default."""
        written: dict[str, Any] = handler(self)
        if info.exclude_none:
            written |= {key: NONE for key in taken_away(type(self)) if getattr(self, key) is None}
        return written


@cache
def taken_away(section: type[BaseModel]) -> frozenset[str]:
    """Name the settings of a section that have a default and may be without a value."""
    return frozenset(
        name
        for name, field in section.model_fields.items()
        if NoneType in get_args(field.annotation)
        and not field.is_required()
        and field.get_default(call_default_factory=True) is not None
    )
