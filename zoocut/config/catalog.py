"""`[catalog]`: where the sources are listed."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from zoocut.config.plugged import PLUGGED, PluggedCatalog, kind_of
from zoocut.config.section import Section

__all__ = [
    "AlertsSettings",
    "ApdbSettings",
    "ButlerTableSettings",
    "CatalogSettings",
    "Columns",
    "TableSettings",
]

Columns = Annotated[
    dict[str, str],
    Field(
        default_factory=dict,
        description="columns under the names that zoocut knows (visit, detector, band, snr ...) = the name "
        "they have here",
    ),
]

IdKindSetting = Annotated[
    Literal["integer", "text"],
    Field(
        description="integer: ids are whole numbers of digits alone; text: they are names (cand-0001, 007), which "
        "become external_ids and names of files"
    ),
]


Place = Annotated[str, Field(min_length=1)]
Places = dict[str, Place | tuple[Place, ...]]


class AlertsSettings(Section):
    """Alert packets: Avro, as LSST streams them, parquet with one row an alert, or tar archives of these."""

    kind: Literal["alerts"]
    path: Annotated[str, Field(description="the packets: a file, a folder, or a pattern with * and **")]
    dia_source_id: Annotated[
        str,
        Field(
            description="the packet's field that identifies the detection, at its top or in its measurements; dots lead"
            " into other records"
        ),
    ] = "candid"
    id_kind: IdKindSetting = "integer"
    measurements: Annotated[
        str, Field(description="the packet's record whose fields become the source's columns")
    ] = "candidate"
    ra: Annotated[str, Field(description="the field of ICRS right ascensions in degrees")] = "ra"
    dec: Annotated[str, Field(description="the field of ICRS declinations in degrees")] = "dec"
    columns: Annotated[
        Places,
        Field(
            default_factory=dict,
            description="columns under the names that zoocut knows (visit, detector, band, snr ...) = the field they"
            ' come from: dots lead into records, "1.0857 / FIELD" divides by it, and of a list the first that the'
            " packet has counts; a field that no packet has is refused",
        ),
    ]
    optional_columns: Annotated[
        Places,
        Field(default_factory=dict, description="the same for fields that packets may lack: empty there"),
    ]
    values: Annotated[
        dict[str, dict[str, str]],
        Field(
            default_factory=dict,
            description='for a column, what to write in the place of its values, as band = { 1 = "g" }',
        ),
    ]


class TableSettings(Section):
    """A table of sources: delimited text, ECSV, VOTable, FITS or parquet."""

    kind: Literal["table"]
    path: Annotated[
        str,
        Field(
            description="the table; its ending tells the format: .csv, .tsv, .dat, .txt, .ecsv, .vot, .votable, "
            ".xml, .fits or .parquet, also with .gz behind it; or a folder of parquet files"
        ),
    ]
    encoding: Annotated[
        str | None, Field(description="the encoding of text that is neither UTF-8 nor UTF-16, such as cp1252")
    ] = None
    dia_source_id: Annotated[str, Field(description="the column of ids")] = "diaSourceId"
    id_kind: IdKindSetting = "integer"
    ra: Annotated[str, Field(description="the column of ICRS right ascensions in degrees")] = "ra"
    dec: Annotated[str, Field(description="the column of ICRS declinations in degrees")] = "dec"
    x: Annotated[
        str | None,
        Field(
            description="the column of the source's x on the frame, in pixels; with y, it takes the place of ra and dec"
        ),
    ] = None
    y: Annotated[str | None, Field(description="the column of the source's y on the frame, in pixels")] = None
    first_pixel: Annotated[
        Literal[0, 1],
        Field(description="what x and y call the centre of the first pixel: 0 as numpy, 1 as FITS"),
    ] = 0
    columns: Columns

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.x is None) != (self.y is None):
            raise ValueError("x and y go together: name both columns or none")
        return self


def _without_password(url: str) -> str:
    authority = url.partition("://")[2].partition("/")[0]
    if ":" in authority.rpartition("@")[0]:
        raise PydanticCustomError(
            "secret",
            "it holds a password, which would be copied into every run: put it into ~/.pgpass or PGPASSWORD "
            "and leave it out here",
        )
    return url


class ApdbSettings(Section):
    """An alert production database (APDB): a SQLite file, or PostgreSQL."""

    kind: Literal["apdb"]
    path: Annotated[str | None, Field(description="the SQLite file")] = None
    url: Annotated[
        str | None,
        AfterValidator(_without_password),
        Field(description="the PostgreSQL server, as postgresql://user@host/database; without a password"),
    ] = None
    namespace: Annotated[str | None, Field(description="the PostgreSQL schema that holds the tables")] = None
    instrument: Annotated[
        str | None, Field(description="the instrument's name; none: from the database's metadata table")
    ] = None
    reliability_min: Annotated[float | None, Field(description="least reliability, inclusive")] = None
    reliability_max: Annotated[float | None, Field(description="greatest reliability, inclusive")] = None
    where: Annotated[
        str | None,
        Field(description="any further SQL condition on DiaSource, such as snr > 10 and band = 'r'"),
    ] = None
    rows_at_once: Annotated[int, Field(ge=1, description="rows that one query fetches")] = 2000
    id_kind: Annotated[Literal["integer"], Field(description="an APDB's ids are whole numbers")] = "integer"
    columns: Columns

    @model_validator(mode="after")
    def _one_source_of_rows(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("an APDB is a path (SQLite) or a url (PostgreSQL): give one of them")
        return self


class ButlerTableSettings(Section):
    """DiaSource tables in a Butler repository."""

    kind: Literal["butler"]
    repository: Annotated[str, Field(description="the repository's folder, URI or alias")]
    collections: Annotated[
        tuple[str, ...], Field(min_length=1, description="collections to search, in this order")
    ]
    dataset_type: Annotated[
        str, Field(description="the tables: goodSeeingDiff_diaSrcTable, dia_source_detector ...")
    ]
    instrument: Annotated[str | None, Field(description="only tables of this instrument")] = None
    where: Annotated[
        str, Field(description="a Butler expression that chooses tables, such as visit = 2024120600049")
    ] = ""
    dia_source_id: Annotated[str, Field(description="the column of ids")] = "diaSourceId"
    id_kind: IdKindSetting = "integer"
    ra: Annotated[str, Field(description="the column of ICRS right ascensions in degrees")] = "ra"
    dec: Annotated[str, Field(description="the column of ICRS declinations in degrees")] = "dec"
    columns: Columns


CatalogSettings = Annotated[
    Annotated[AlertsSettings, Tag("alerts")]
    | Annotated[TableSettings, Tag("table")]
    | Annotated[ApdbSettings, Tag("apdb")]
    | Annotated[ButlerTableSettings, Tag("butler")]
    | Annotated[PluggedCatalog, Tag(PLUGGED)],
    Discriminator(kind_of(PluggedCatalog.own_kinds)),
]
