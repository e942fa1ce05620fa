"""`[rights]`: on what grounds the pixels may be shown to the public."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from zoocut.config.section import Section

__all__ = ["RightsSettings"]


class RightsSettings(Section):
    """Why the pixels may leave."""

    basis: Annotated[
        str | None,
        Field(min_length=1, description="for LSST instruments: the data policy or approval, in your words"),
    ] = None
