"""`[select]`: which of the catalog's sources are drawn."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from zoocut.config.section import Section

__all__ = ["Cut", "OnePerObject", "SampleSettings", "SelectSettings"]


class Cut(Section):
    """What a column must hold; a missing value meets `set = false` and nothing else."""

    min: Annotated[int | float | str | None, Field(description="least value, inclusive")] = None
    max: Annotated[int | float | str | None, Field(description="greatest value, inclusive")] = None
    one_of: Annotated[tuple[int | float | str, ...] | None, Field(description="the values allowed")] = None
    set: Annotated[
        bool | None, Field(description="true: the flag is set; false: it is not set, or missing")
    ] = None
    not_null: Annotated[Literal[True] | None, Field(description="true: there must be a value")] = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self == type(self).model_construct():
            raise ValueError("it asks for nothing: give min, max, one_of, set or not_null")
        return self


class SampleSettings(Section):
    """A random part of the sources: equal seeds choose equal ones, and a larger sample holds the smaller."""

    size: Annotated[int, Field(ge=1, description="how many sources")]
    seed: Annotated[int, Field(description="another number chooses another sample")] = 0
    by: Annotated[
        tuple[str, ...],
        Field(description="columns, such as visit and band: every combination of values gets an equal part"),
    ] = ()
    quantiles_of: Annotated[
        str | None, Field(description="a column whose range is divided too, such as snr")
    ] = None
    quantiles: Annotated[int, Field(ge=2, le=1000, description="into how many parts with equal counts")] = 4


class OnePerObject(Section):
    """One source an object; a source without an object stands for itself."""

    object: Annotated[str, Field(description="the column of object ids")] = "diaObjectId"
    keep: Annotated[
        Literal["best", "first", "last"], Field(description="which of an object's sources is taken")
    ] = "best"
    snr: Annotated[str, Field(description="the column that `best` is the greatest of")] = "snr"
    time: Annotated[str, Field(description="the column that `first` and `last` go by")] = "midpointMjdTai"


class SelectSettings(Section):
    """All that is asked here must hold; what is left out is not rejected, only not chosen."""

    cuts: Annotated[dict[str, Cut], Field(description="column = what it must hold")] = {}
    exclude: Annotated[
        tuple[str, ...],
        Field(description="sources to leave out: CSVs with diaSourceId or external_id, run folders"),
    ] = ()
    encoding: Annotated[
        str | None, Field(description="the encoding of lists to leave out that are neither UTF-8 nor UTF-16")
    ] = None
    one_per_object: OnePerObject | None = None
    sample: SampleSettings | None = None
    limit: Annotated[int | None, Field(ge=1, description="most sources to take, in the catalog's order")] = (
        None
    )
