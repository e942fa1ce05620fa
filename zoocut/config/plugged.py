"""Sections whose kind another installed package offers: it registers an entry point, and checks its own keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoocut.config.section import Section
from zoocut.error_kinds import PluginFailed, WrongSetting
from zoocut.errors import did_you_mean
from zoocut.values import IdKind

__all__ = ["PLUGGED", "PluggedCatalog", "PluggedImages", "PluggedSettings", "kind_of"]

PLUGGED = "of another package"
"""The tag of sections whose kind is none of zoocut's own."""

Own = TypeVar("Own", bound=BaseModel)


class PluggedSettings(Section):
    """A section of another package."""

    model_config = ConfigDict(extra="allow")
    group: ClassVar[str]
    section_name: ClassVar[str]
    own_kinds: ClassVar[tuple[str, ...]]

    kind: str

    def require_offered(self, name: str) -> None:
        """Refuse a kind that nobody offers; a run that was made with it needs its package no more.

        Parameters
        ----------
        name : str
            Where the section is from, for messages.

        Raises
        ------
        ConfigError
            When no installed package offers it.
        """
        known = [*self.own_kinds, *self._offered()]
        if self.kind not in known:
            advice = did_you_mean(self.kind, known, "install the package that offers it, or use")
            kinds = ", ".join(map(repr, known))
            raise WrongSetting(
                f"{name}: {self.section_name}.kind must be one of {kinds}, not {self.kind!r}: {advice}"
            )

    def section(self, model: type[Own]) -> Own:
        """Read the section by the package's own model.

        Parameters
        ----------
        model : type
            A pydantic model of the section's keys, `kind` aside; best frozen, and one that forbids other keys.

        Raises
        ------
        ConfigError
            When a key or value is wrong.
        """
        from zoocut.config.load import explained

        try:
            return model.model_validate(self.model_extra or {})
        except ValidationError as error:
            raise WrongSetting(explained(error, model, f"{self.section_name}.")) from None

    def load(self) -> Callable[..., Any]:
        """Import what the package registered.

        Raises
        ------
        ConfigError
            When that fails.
        """
        point = self._offered()[self.kind]
        try:
            loaded: Callable[..., Any] = point.load()
        except Exception as error:  # whatever a package that is not ours raises
            raise PluginFailed(
                f"{self.section_name}.kind = {self.kind!r}: {point.value} cannot be loaded ({error!r}): mend or remove "
                "its package"
            ) from error
        return loaded

    @classmethod
    def _offered(cls) -> Mapping[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=cls.group)}


class PluggedCatalog(PluggedSettings):
    """A `[catalog]` of another package."""

    group = "zoocut.catalogs"
    section_name = "catalog"
    own_kinds = ("alerts", "table", "apdb", "butler")

    id_kind: Annotated[
        IdKind,
        Field(description="how ids of lists beside the catalog are read; the package says it of its own"),
    ] = "integer"


class PluggedImages(PluggedSettings):
    """An `[images]` of another package."""

    group = "zoocut.images"
    section_name = "images"
    own_kinds = ("stamps", "frames", "butler")


def kind_of(own: tuple[str, ...]) -> Callable[[Any], str | None]:
    """Make a function that tells which model of a union reads a section."""

    def tag(section: Any) -> str | None:
        kind = section.get("kind") if isinstance(section, Mapping) else getattr(section, "kind", None)
        return kind if kind is None or kind in own else PLUGGED

    return tag
