"""`[catalog]`: where the sources are listed."""

from typing import Annotated, Literal

from pydantic import Field

from zoocut.config.section import Section

__all__ = ["AlertsSettings", "CatalogSettings", "TableSettings"]


class AlertsSettings(Section):
    """Alert packets in Avro containers."""

    kind: Literal["alerts"]
    path: Annotated[str, Field(description="the packets: a file, or a pattern with * and **")]
    dia_source_id: Annotated[str, Field(description="the packet's field that identifies the detection")] = (
        "candid"
    )
    measurements: Annotated[
        str, Field(description="the packet's record whose fields become the source's columns")
    ] = "candidate"


class TableSettings(Section):
    """A table of sources: CSV, ECSV or parquet."""

    kind: Literal["table"]
    path: Annotated[str, Field(description="the table; its ending tells the format: .csv, .ecsv, .parquet")]
    dia_source_id: Annotated[str, Field(description="the column of ids")] = "diaSourceId"
    ra: Annotated[str, Field(description="the column of ICRS right ascensions in degrees")] = "ra"
    dec: Annotated[str, Field(description="the column of ICRS declinations in degrees")] = "dec"


CatalogSettings = Annotated[AlertsSettings | TableSettings, Field(discriminator="kind")]
