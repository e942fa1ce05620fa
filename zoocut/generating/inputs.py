"""What a run is generated from: the chosen sources, and a way to open their images in any process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from zoocut.catalogs import open_catalog
from zoocut.config.load import Loaded
from zoocut.generating.plan import SOURCES_AT_ONCE
from zoocut.images import open_images
from zoocut.model import Catalog, Images
from zoocut.packets import KeptPackets
from zoocut.select import Selection

__all__ = ["Inputs", "open_inputs"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Sources and images.

    Parameters
    ----------
    catalog : Catalog
        The sources to draw.
    open_images : callable
        Opens their images; it is sent to other processes, which call it for themselves.
    notes : sequence of str
        What was recognised, converted or left out of the catalog's file.
    ahead : float
        How many sources may be read before they are drawn, at no more cost.
    """

    catalog: Catalog
    open_images: Callable[[], Images]
    notes: Sequence[str] = ()
    ahead: float = inf


def open_inputs(config: Loaded) -> Inputs:
    """Open what the settings name.

    Raises
    ------
    InputError
        When the catalog or a list of exclusions cannot be read.
    """
    settings = config.settings
    notes: list[str] = []
    basis = settings.rights.basis
    kept = KeptPackets()
    catalog = open_catalog(settings.catalog, config.folder, settings.select.cuts, basis, notes.append, kept)
    return Inputs(
        Selection(catalog, settings.select, config.folder, settings.catalog.id_kind),
        partial(open_images, settings.images, settings.draw, config.folder, kept),
        notes,
        # packets are kept decoded, two batches of them: those of a batch that is looked at, and of the one before
        SOURCES_AT_ONCE if settings.catalog.kind == "alerts" else inf,
    )
