"""Which media there are, and opening those that a run shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from pydantic import BaseModel

from zoocut.config.settings import Settings
from zoocut.error_kinds import PluginFailed, WrongSetting
from zoocut.errors import did_you_mean
from zoocut.media.medium import Cut, MediaContext, Medium, Shown
from zoocut.model import Rejection
from zoocut.run.record import NEWEST_ENCODING

__all__ = ["Media", "media_sections", "open_media"]

GROUP = "zoocut.media"

OWN: Mapping[str, str] = {
    "annotated": "zoocut.media.triplet:open_annotated",
    "triplet": "zoocut.media.triplet:open_triplet",
    "frames": "zoocut.media.triplet:open_frames",
    "lightcurve": "zoocut.media.lightcurve:open_lightcurve",
    "context": "zoocut.media.context:open_context",
    "finder": "zoocut.media.finder:open_finder",
    "flipbook": "zoocut.media.flipbook:open_flipbook",
    "lightcurve_png": "zoocut.media.lightcurve_png:open_lightcurve_png",
}
"""Name to the function that opens a medium, imported when it is asked for."""

SECTIONS: Mapping[str, str] = {
    "lightcurve": "zoocut.media.lightcurve:LightcurveSettings",
    "context": "zoocut.media.context:ContextSettings",
    "finder": "zoocut.media.finder:FinderSettings",
    "flipbook": "zoocut.media.flipbook:FlipbookSettings",
    "lightcurve_png": "zoocut.media.lightcurve_png:LightcurvePngSettings",
}
"""Name to the model of its section of the settings, for those that have one."""

OpenMedium = Callable[[MediaContext], Medium]


class Media:
    """The media of a run, as one: the files of all of them in a stated order.

    Parameters
    ----------
    media : sequence of Medium
        In the order of locations.
    for_talk : sequence of Medium
        What is no location, but attached to subjects' Talk pages.

    Attributes
    ----------
    endings, talk_endings : tuple of str
        What the names of files end in; those for Talk come last in what `draw` gives.
    """

    def __init__(self, media: Sequence[Medium], for_talk: Sequence[Medium] = ()) -> None:
        self._media = (*media, *for_talk)
        self.endings = tuple(ending for medium in media for ending in medium.endings)
        self.talk_endings = tuple(ending for medium in for_talk for ending in medium.endings)

    def draw(self, batch: Sequence[Cut]) -> Iterator[Shown | Rejection]:
        """Make all files of some sources; the first medium that refuses one decides.

        Yields
        ------
        Shown or Rejection
            For each source in order.
        """
        for shown in zip(*(medium.draw(batch) for medium in self._media), strict=True):
            refused = next((one for one in shown if isinstance(one, Rejection)), None)
            yield refused or _together([one for one in shown if isinstance(one, Shown)])


def _together(shown: Sequence[Shown]) -> Shown:
    if len(shown) == 1:
        return shown[0]
    files = tuple(file for one in shown for file in one.files)
    return Shown(files, tuple(note for one in shown for note in one.notes))


def open_media(settings: Settings, folder: Path, encoding: int = NEWEST_ENCODING) -> Media:
    """Open the media that `[draw] media` and `[talk] attach` name.

    Parameters
    ----------
    settings : Settings
        All settings.
    folder : Path
        What relative paths in them are relative to.
    encoding : int
        What the run's pictures are written by.

    Raises
    ------
    ConfigError
        When a medium does not exist, cannot be loaded, has wrong settings, or two make files of one name.
    InputError
        When what a medium reads is not there.
    """
    own_alone = OWN.keys() >= {*settings.draw.media, *settings.talk.attach, *settings.media}
    theirs = {} if own_alone else _media_of_packages()
    for key, names in (
        ("draw.media", settings.draw.media),
        ("talk.attach", settings.talk.attach),
        ("media", settings.media),
    ):
        for name in names:
            _require_known(key, name, theirs)

    def opened(names: Sequence[str]) -> list[Medium]:
        return [_opener(name, theirs)(MediaContext(name, settings, folder, encoding)) for name in names]

    media = Media(opened(settings.draw.media), opened(settings.talk.attach))
    for key, endings in (("draw.media", media.endings), ("talk.attach", media.talk_endings)):
        twice = [ending for ending, count in Counter(endings).items() if count > 1]
        if twice:
            raise WrongSetting(
                f"{key} names two media that both make files ending in {twice[0]}: leave one out"
            )
    return media


def _media_of_packages() -> dict[str, EntryPoint]:
    """Find the media of other packages, which takes as long as to draw fifty sources: every installed one is read."""
    return {point.name: point for point in entry_points(group=GROUP)}


def media_sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the media of zoocut's own that have settings, and what checks these."""
    for name, target in SECTIONS.items():
        module, _, model = target.partition(":")
        yield name, getattr(import_module(module), model)


def _require_known(key: str, name: str, theirs: Mapping[str, EntryPoint]) -> None:
    known = [*OWN, *theirs]
    if name not in known:
        advice = did_you_mean(name, sorted(known), "there are")
        raise PluginFailed(f"{key}: there is no medium {name}: {advice}")


def _opener(name: str, theirs: Mapping[str, EntryPoint]) -> OpenMedium:
    if name in OWN:
        module, _, function = OWN[name].partition(":")
        opener: OpenMedium = getattr(import_module(module), function)
        return opener
    try:
        loaded: OpenMedium = theirs[name].load()
    except Exception as error:  # whatever a package that is not ours raises
        raise PluginFailed(
            f"the medium {name} of {theirs[name].value} cannot be loaded ({error!r}): mend or remove its package"
        ) from error
    return loaded
