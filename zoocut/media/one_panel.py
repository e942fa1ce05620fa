"""Pictures of a single panel of cutouts, in the manner of `[draw]`, for media beside the triplet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoocut.config.draw import DrawSettings, PanelName
from zoocut.media.medium import Cut
from zoocut.model import DiaSource, Images, Rejection
from zoocut.render import Renderer, open_renderer
from zoocut.run.record import FIRST_ENCODING

__all__ = ["cut_one", "open_panel", "pictures"]


def open_panel(draw: DrawSettings, panel: PanelName, title: str, **changes: object) -> Renderer:
    """Make ready to draw one panel.

    Parameters
    ----------
    draw : DrawSettings
        The manner.
    panel : str
        Which of the three.
    title : str
        The words above it; empty: none.
    **changes : object
        Other settings of the panel, such as its interval.
    """
    settings = draw.panel(panel).model_copy(update={"title": title, **changes})
    update = {"panels": (panel,), "layout": "row", "use_footprint": False, "sizes": (), panel: settings}
    # later encodings need many pictures of one shape
    return open_renderer(draw.model_copy(update=update | {"add_metadata": False}), FIRST_ENCODING)


def pictures(renderer: Renderer, cuts: Sequence[Cut]) -> Iterator[bytes | Rejection]:
    """Draw one picture a source."""
    for drawn in renderer.draw(cuts):
        yield drawn if isinstance(drawn, Rejection) else drawn[0].png


def cut_one(images: Images, source: DiaSource) -> Cut | Rejection:
    """Cut a single source out of its exposure.

    Raises
    ------
    InputError
        When its exposure cannot be told or read.
    """
    (found,) = images.cut(images.exposure_of(source), [source])
    return found if isinstance(found, Rejection) else (source, found)
