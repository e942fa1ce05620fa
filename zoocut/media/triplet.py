"""Template, science and difference as pictures: in one as `[draw]` lays them out, or each as a picture of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoocut.config.draw import DrawSettings
from zoocut.config.section import Section
from zoocut.media.medium import Cut, MediaContext, Shown
from zoocut.model import DiaSource, Rejection
from zoocut.render import kept_renderer, missing_letters, words_of

__all__ = ["open_annotated", "open_frames", "open_triplet"]


class NoSettings(Section):
    """The section of a medium that has no settings beside `[draw]`."""


class Panels:
    """Draws the panels of a source.

    Parameters
    ----------
    draw : DrawSettings
        What the pictures look like.
    encoding : int
        What they are written by.
    word : str
        What their names have before the panel's.
    """

    def __init__(self, draw: DrawSettings, encoding: int, word: str = "") -> None:
        self._renderer = kept_renderer(draw, encoding)
        self._word = word
        self._font = draw.font if draw.add_metadata else None

    @property
    def endings(self) -> tuple[str, ...]:
        """One a picture: `.png`, or `-template.png` and so on."""
        return tuple(f"{self._word}{suffix}.png" for suffix in self._renderer.suffixes)

    def draw(self, batch: Sequence[Cut]) -> Iterator[Shown | Rejection]:
        """Draw the pictures of some sources."""
        for (source, _), drawn in zip(batch, self._renderer.draw(batch), strict=True):
            if isinstance(drawn, Rejection):
                yield drawn
            else:
                yield Shown(tuple([picture.png for picture in drawn]), self._notes(source))

    def _notes(self, source: DiaSource) -> tuple[str, ...]:
        """Tell letters of the values above the panels that the font lacks."""
        missing = "" if self._font is None else missing_letters(self._font, words_of(source))
        return (
            (f"its values have letters that the font {self._font!r} cannot draw: {missing}",)
            if missing
            else ()
        )


def open_triplet(context: MediaContext) -> Panels:
    """Open the panels in the layout of `[draw]`."""
    context.section(NoSettings)
    return Panels(context.settings.draw, context.encoding)


def open_frames(context: MediaContext) -> Panels:
    """Open the panels as pictures of their own, which Zooniverse shows as frames one after the other."""
    context.section(NoSettings)
    return Panels(context.settings.draw.model_copy(update={"layout": "separate"}), context.encoding)


def open_annotated(context: MediaContext) -> Panels:
    """Open the panels with a source's values and flags above them: for Talk, since they steer answers."""
    context.section(NoSettings)
    draw = context.settings.draw.model_copy(update={"add_metadata": True, "layout": "row"})
    return Panels(draw, context.encoding, "-annotated")
