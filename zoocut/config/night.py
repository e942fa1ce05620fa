"""`[night]`: what `zoocut night` takes, how much of it, and what becomes of it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from zoocut.config.section import Section

__all__ = ["NightSettings"]

DURATION = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*d(?:ays?)?")


def _days(value: Any) -> Any:
    found = DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if isinstance(value, str) and found is None:
        raise ValueError("write a number of days, such as '30 d'")
    return float(found["number"]) if found else value


Days = Annotated[float, BeforeValidator(_days), Field(gt=0, le=365_250)]
"""A length of time, a thousand years at most: a number of days, or text such as `30 d`."""


class NightSettings(Section):
    """What is new since the last time, into a run a night."""

    root: Annotated[str, Field(description="the folder of the nights, one run folder each")] = "nights"
    create: Annotated[bool, Field(description="whether subject sets may be made without being asked")] = False
    workflow: Annotated[
        str | None,
        Field(description="the workflow that serves the sets: its name or id; none is linked without"),
    ] = None
    send: Annotated[
        Literal["images", "addresses", "import"],
        Field(
            description="how images get there: as they are, by the addresses that they are served at, or by the "
            "server's import of those; a night's folder is served at manifest.url_root/NIGHT"
        ),
    ] = "images"
    publish: Annotated[
        str | None,
        Field(
            description="where what is served at manifest.url_root lies, for `send` other than images: each night is "
            "put into a folder of its name there; None where something else brings it there"
        ),
    ] = None
    results: Annotated[
        Days | None,
        Field(
            ge=1,
            description="how often the workflow's classifications are counted into results.parquet beside the nights: "
            "days, such as '7 d'; never without",
        ),
    ] = None
    object: Annotated[
        Literal["once", "when_changed", "every"],
        Field(
            description="how often volunteers see an object: once, again when the column `changed` has another value, "
            "or every source of it"
        ),
    ] = "once"
    object_column: Annotated[str, Field(description="the column of object ids")] = "diaObjectId"
    changed: Annotated[
        str | None, Field(description="the column whose new value shows an object again, for when_changed")
    ] = None
    limit: Annotated[int | None, Field(ge=1, description="most sources of a night")] = None
    rank: Annotated[
        str | None,
        Field(description="which sources come first: a column, `-column` for the greatest, or `random`"),
    ] = None
    max_age: Annotated[Days, Field(description="older nights are passed over: days, such as '7 d'")] = 7.0
    stop_above: Annotated[
        int | None,
        Field(
            ge=1,
            description="a night with more new sources than this stops until a person has looked: it may be a failed "
            "subtraction",
        ),
    ] = None
    time_column: Annotated[
        str | None,
        Field(
            description="the column of times that tell the night, where the catalog has no visit, nid or jd"
        ),
    ] = None
    time_format: Annotated[
        Literal["mjd", "jd", "iso", "yyyymmdd"], Field(description="how `time_column` is written")
    ] = "mjd"
    time_offset_h: Annotated[
        float,
        Field(ge=-24, le=24, description="hours added to it, so that a night has one date: -12 for Chile"),
    ] = 0.0
    since_column: Annotated[
        str | None,
        Field(description="a column that grows with time, by which the catalog is asked for new rows only"),
    ] = None
    overlap: Annotated[
        int | float,
        Field(
            ge=0,
            allow_inf_nan=False,
            description="how far below the greatest known value of `since_column` the catalog is asked again, "
            "so that what comes late is found",
        ),
    ] = 3.0
    keep: Annotated[
        Days | None, Field(description="pictures of verified nights are removed after so long; none without")
    ] = None
    unlink_after: Annotated[
        Days | None,
        Field(description="complete sets are taken out of the workflow after so long; none without"),
    ] = None
    unlink_incomplete: Annotated[
        bool,
        Field(
            description="whether sets that are not complete are taken out as well, once they were served for "
            "`unlink_after`: their unfinished subjects are withdrawn"
        ),
    ] = False
    notify: Annotated[
        str | None, Field(description="a command that is given a JSON report when something needs a person")
    ] = None

    @model_validator(mode="after")
    def _says_what_changes(self) -> Self:
        if self.object == "when_changed" and self.changed is None:
            raise ValueError("object = 'when_changed' needs changed = 'COLUMN'")
        return self

    @model_validator(mode="after")
    def _says_what_for(self) -> Self:
        if self.publish is not None and self.send == "images":
            raise ValueError(
                "publish needs send = 'addresses' or 'import': the images themselves are sent else"
            )
        if self.unlink_incomplete and self.unlink_after is None:
            raise ValueError("unlink_incomplete needs unlink_after: how long volunteers have for a set")
        if self.results is not None and self.workflow is None:
            raise ValueError("results needs workflow: whose classifications are to be counted")
        return self
