"""`[upload]`: where subjects go and how patiently."""

from typing import Annotated

from pydantic import Field

from zoocut.config.section import Section

__all__ = ["UploadSettings"]


class UploadSettings(Section):
    """How a run is uploaded."""

    project: Annotated[str | None, Field(description="the project as owner/name, or its id")] = None
    subject_set: Annotated[str | None, Field(description="the display name of the subject set")] = None
    settle_s: Annotated[
        float, Field(ge=0, description="seconds until the absence of a doubtful subject counts")
    ] = 180.0
