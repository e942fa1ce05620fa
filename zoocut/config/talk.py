"""`[talk]`: what is shown on a subject's Talk page, where volunteers come after they have classified it."""

from typing import Annotated

from pydantic import Field

from zoocut.config.section import Section

__all__ = ["TalkSettings"]


class TalkSettings(Section):
    """Media that are attached to subjects."""

    attach: Annotated[
        tuple[str, ...],
        Field(
            description="media by name, such as lightcurve_png or annotated: pictures that would steer answers"
        ),
    ] = ()
