"""What every medium is: a kind of files that a subject shows, made from a source and its cutouts.

A medium is one class in one file. It takes its settings from its own section, `[media.NAME]`, and is opened
before anything is drawn, so that whatever is wrong with them is told first. Packages that are not zoocut's add
one by an entry point of the group `zoocut.media`, whose name is the medium's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import ValidationError

from zoocut.config.load import explained
from zoocut.config.section import Section
from zoocut.config.settings import Settings
from zoocut.error_kinds import WrongSetting
from zoocut.model import Cutout, DiaSource, Rejection
from zoocut.run.record import NEWEST_ENCODING

__all__ = ["Cut", "MediaContext", "Medium", "Shown"]

Cut = tuple[DiaSource, tuple[Cutout, ...]]
"""A source and its cutouts, one a size."""

AnySection = TypeVar("AnySection", bound=Section)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a medium made of a source.

    Parameters
    ----------
    files : tuple of bytes or None
        One for each of the medium's endings; None where a source has no such file.
    notes : tuple of str
        What the user should know, in words that are the same for many sources: they are counted.
    """

    files: tuple[bytes | None, ...]
    notes: tuple[str, ...] = ()


class Medium(Protocol):
    """One kind of files that a subject shows."""

    @property
    def endings(self) -> tuple[str, ...]:
        """What the names of its files end in behind the source's id, in order of location, such as `.png`."""
        ...

    def draw(self, batch: Sequence[Cut]) -> Iterator[Shown | Rejection]:
        """Make the files of some sources.

        Parameters
        ----------
        batch : sequence of (DiaSource, tuple of Cutout)
            Sources in the catalog's order.

        Yields
        ------
        Shown or Rejection
            For each source in order: its files, or why the source is not to become a subject.
        """
        ...


@dataclass(frozen=True, slots=True)
class MediaContext:
    """What a medium is opened with.

    Parameters
    ----------
    name : str
        The medium's name.
    settings : Settings
        All settings.
    folder : Path
        What relative paths in them are relative to.
    encoding : int
        What the run's pictures are written by.
    """

    name: str
    settings: Settings
    folder: Path
    encoding: int = NEWEST_ENCODING

    def section(self, kind: type[AnySection]) -> AnySection:
        """Read the medium's own section.

        Parameters
        ----------
        kind : type
            A frozen pydantic model that refuses keys it does not know.

        Raises
        ------
        ConfigError
            When a key or value is wrong.
        """
        try:
            return kind.model_validate(self.settings.media.get(self.name, {}))
        except ValidationError as error:
            raise WrongSetting(explained(error, kind, f"media.{self.name}.")) from None
