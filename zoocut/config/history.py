"""`[history]`: where the earlier measurements of a source's object are, and which of them count."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from zoocut.config.section import Section

__all__ = [
    "ApdbHistorySettings",
    "ButlerHistorySettings",
    "FieldsHistorySettings",
    "HistorySettings",
    "MeasurementColumns",
    "PacketHistorySettings",
    "TableHistorySettings",
]

Quantity = Literal["difference", "total"]


class _History(Section):
    quantity: Annotated[
        Quantity,
        Field(
            description="difference: the change against the template, signed; total: the source's whole flux"
        ),
    ] = "difference"
    flags: Annotated[
        tuple[str, ...],
        Field(description="further flags, beside that of the flux itself, whose measurements are left out"),
    ] = ()


class PacketHistorySettings(_History):
    """The history that LSST's and ZTF's alert packets carry."""

    kind: Literal["packet"] = "packet"
    id_fields: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="fields that hold the packet's id; the first that is there counts"),
    ] = ("diaSourceId", "candid")
    procstatus: Annotated[
        tuple[str, ...],
        Field(description="ZTF's processing states whose forced photometry is used; 0 is without warnings"),
    ] = ("0",)
    programid: Annotated[
        tuple[int, ...],
        Field(
            description="ZTF's programmes whose measurements are used: 1 is public; others need [rights] basis"
        ),
    ] = (1,)


class MeasurementColumns(Section):
    """What a survey calls the columns of a measurement, and their units."""

    time: Annotated[str | None, Field(description="the column of times; none: from a Butler's visits")] = (
        "midpointMjdTai"
    )
    time_format: Annotated[Literal["mjd", "jd"], Field(description="modified or plain Julian dates")] = "mjd"
    time_scale: Annotated[Literal["TAI", "UTC", "TT", "TDB"], Field(description="the times' scale")] = "TAI"
    exposure_s: Annotated[
        Annotated[float, Field(ge=0, le=86400)] | str | None,
        Field(
            description="where times are the start of an exposure: its length in seconds, or the column with it"
        ),
    ] = None
    band: Annotated[str, Field(description="the column of bands")] = "band"
    bands: Annotated[
        dict[str, str],
        Field(default_factory=dict, description='what that column holds = the band\'s name, as 1 = "g"'),
    ]
    visit: Annotated[str, Field(description="the column of visits or exposures")] = "visit"
    detector: Annotated[str, Field(description="the column of detectors")] = "detector"
    flux: Annotated[str | None, Field(description="the column of fluxes, signed")] = None
    flux_error: Annotated[str | None, Field(description="the column of their errors")] = None
    unit: Annotated[
        Literal["nJy", "uJy", "mJy", "Jy"] | None, Field(description="unit of flux and flux_error")
    ] = None
    zero_point: Annotated[
        Annotated[float, Field(gt=-40, lt=60)] | str | None,
        Field(description="in the place of a unit: the AB magnitude of a flux of one, or the column with it"),
    ] = None
    magnitude: Annotated[
        str | None, Field(description="the column of AB magnitudes, in the place of flux")
    ] = None
    magnitude_error: Annotated[str | None, Field(description="the column of their errors")] = None
    sign: Annotated[
        str | None,
        Field(description="the column that tells whether a magnitude's source got brighter: t, 1 or true"),
    ] = None
    limit: Annotated[
        str | None,
        Field(description="the column of 5 sigma AB magnitudes, for rows where nothing was detected"),
    ] = None
    missing: Annotated[
        tuple[float, ...], Field(description="numbers that stand for a flux that was not measured")
    ] = (-9999.0, -99999.0, -999999.0)
    withdrawn: Annotated[
        tuple[str, ...], Field(description="columns that hold a time where a measurement was withdrawn")
    ] = ("timeWithdrawnMjdTai", "time_withdrawn")

    @model_validator(mode="after")
    def _measures_something(self) -> Self:
        if (self.flux is None) == (self.magnitude is None):
            raise ValueError("name one of flux and magnitude")
        if self.flux is not None and (self.unit is None) == (self.zero_point is None):
            raise ValueError("fluxes of unknown unit cannot be drawn: give one of unit and zero_point")
        if self.magnitude is not None and self.sign is None:
            raise ValueError("magnitudes have no sign: name the column that tells it in sign")
        return self

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that every row must have: all that are named, but those that only some rows fill."""
        given = (self.zero_point, self.exposure_s)
        own = [name for name in ("visit", "detector") if name in self.model_fields_set]
        named = (
            self.time,
            self.band,
            self.flux,
            self.flux_error,
            self.magnitude,
            self.magnitude_error,
            self.sign,
        )
        names = (*named, *(name for name in given if isinstance(name, str)), *(getattr(self, n) for n in own))
        return tuple(name for name in names if name is not None)


class FieldsHistorySettings(_History):
    """The history in the packets of any survey that names its fields."""

    kind: Literal["fields"]
    id_fields: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="fields that hold the packet's id; the first that is there counts"),
    ] = ("candid",)
    trigger: Annotated[str, Field(description="the packet's record of the detection itself")] = "candidate"
    detections: Annotated[str | None, Field(description="the packet's list of earlier detections")] = (
        "prv_candidates"
    )
    forced: Annotated[str | None, Field(description="the packet's list of forced photometry")] = None
    columns: MeasurementColumns


class TableHistorySettings(_History):
    """A table of measurements with a column of object ids."""

    kind: Literal["table"]
    path: Annotated[str, Field(description="the table: .parquet, .csv, .ecsv, .vot or .fits")]
    object: Annotated[str, Field(description="the column of object ids, in the table")] = "diaObjectId"
    object_of_source: Annotated[
        str, Field(description="the column of object ids, in the catalog of sources")
    ] = "diaObjectId"
    measured: Annotated[
        Literal["forced", "detection"],
        Field(description="what the table's rows are: forced photometry or detections"),
    ] = "forced"
    columns: MeasurementColumns


class ApdbHistorySettings(_History):
    """DiaSource and DiaForcedSource of an alert production database."""

    kind: Literal["apdb"]
    path: Annotated[str | None, Field(description="the SQLite file; none: the catalog's own database")] = None
    url: Annotated[str | None, Field(description="the PostgreSQL server, without a password")] = None
    namespace: Annotated[str | None, Field(description="the PostgreSQL schema that holds the tables")] = None


class ButlerHistorySettings(_History):
    """Tables of forced photometry in a Butler repository."""

    kind: Literal["butler"]
    repository: Annotated[str, Field(description="the repository's folder, URI or alias")]
    collections: Annotated[
        tuple[str, ...], Field(min_length=1, description="collections to search, in this order")
    ]
    dataset_type: Annotated[str, Field(description="the tables: dia_object_forced_source ...")]
    instrument: Annotated[str | None, Field(description="the instrument whose visits tell the times")] = None
    where: Annotated[str, Field(description="a Butler expression that chooses tables")] = ""
    object: Annotated[str, Field(description="the column of object ids")] = "diaObjectId"
    object_of_source: Annotated[
        str, Field(description="the column of object ids, in the catalog of sources")
    ] = "diaObjectId"


def _packet_unless_said(section: Any) -> Any:
    return {"kind": "packet", **section} if isinstance(section, dict) else section


HistorySettings = Annotated[
    PacketHistorySettings
    | FieldsHistorySettings
    | TableHistorySettings
    | ApdbHistorySettings
    | ButlerHistorySettings,
    Field(discriminator="kind"),
    BeforeValidator(_packet_unless_said),
]
