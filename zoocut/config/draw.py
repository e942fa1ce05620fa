"""`[draw]`: what the pictures look like. A run keeps these for ever."""

from typing import Annotated

from pydantic import Field

from zoocut.config.section import Section

__all__ = ["DrawSettings"]

Size = Annotated[int, Field(ge=1, le=4096)]


class DrawSettings(Section):
    """How a cutout is cut and drawn."""

    sizes: Annotated[
        tuple[Size, ...],
        Field(description="widths of the cutouts in pixels, one row of panels each; empty: the whole stamp"),
    ] = (30,)
    chunk_size: Annotated[
        int | None, Field(description="most files in one folder, a power of ten; none: all in images/")
    ] = 10000
