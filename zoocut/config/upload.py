"""`[upload]`: where subjects go, and how long is waited."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from zoocut.config.section import Section

__all__ = ["UploadSettings", "project_reference"]

ADDRESS = re.compile(r"https?://[^/]+/(?:lab/(?P<number>[0-9]+)|projects/(?P<name>[^/?#]+/[^/?#]+))", re.I)


def project_reference(text: str) -> str:
    """Take a project's name or number out of its web address; anything else is returned as it is."""
    found = ADDRESS.match(text.strip())
    return found["number"] or found["name"] if found else text.strip()


Project = Annotated[
    str, BeforeValidator(lambda value: project_reference(value) if isinstance(value, str) else value)
]


class UploadSettings(Section):
    """How a run is uploaded."""

    project: Annotated[Project | None, Field(description="the project as owner/name, or its id")] = None
    subject_set: Annotated[str | None, Field(description="the subject set: its display name, or its id")] = (
        None
    )
    settle_s: Annotated[
        float,
        Field(
            ge=0,
            description="seconds after a lost answer before a subject that is not found counts as not made",
        ),
    ] = 180.0  # the server ends its own statements after 65 s, its front door a little later; twice that and some
    give_up_after_s: Annotated[
        float, Field(gt=0, description="seconds without any progress after which the upload ends")
    ] = 7200.0
    answer_s: Annotated[
        float, Field(gt=0, description="seconds to wait for an answer; the server takes up to 65")
    ] = 120.0
    most_requests: Annotated[
        int,
        Field(ge=1, le=64, description="requests under way at once, as far as the server answers as quickly"),
    ] = 64  # at 100 ms an answer 138 subjects a second, where 32 gave 101
    import_rows: Annotated[int, Field(ge=1, description="most rows of one import by the server")] = (
        100_000  # what the real site takes since July 2026; a lower limit is taken from the server's refusal
    )
    import_stall_s: Annotated[
        float, Field(gt=0, description="seconds without progress after which an import counts as dead")
    ] = 600.0
    check: Annotated[
        Literal["all", "sample", "none"],
        Field(description="which images are read back from their public addresses before they are linked"),
    ] = "sample"
