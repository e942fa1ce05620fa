"""What may be sent on which grounds: by the kind of content, by where it comes from, and by when it was observed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from zoocut.config.rights import covers_partners, read_basis
from zoocut.config.settings import RunSettings
from zoocut.errors import ConfigError
from zoocut.rights import require_rights, require_rights_of_settings
from zoocut.rights.kinds import Kind, kind_of, tells_source
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest

APDB = {"kind": "apdb", "path": "apdb.sqlite3"}
BUTLER = {"kind": "butler", "repository": "/repo/main", "collections": ["c"]}
TABLES = {**BUTLER, "dataset_type": "dia_source_detector"}
FRAMES = {"kind": "frames", "template": "t.fits", "science": "s.fits", "difference": "d.fits"}
ALERTS = {"kind": "alerts", "path": "alerts"}
STAMPS = {"kind": "stamps"}
TABLE = {"kind": "table", "path": "sources.csv"}
ID = {"!diaSourceId": "diaSourceId"}
OWN = "approved by the Data Policy Committee, 2026-10-01"


def settings(
    catalog: dict[str, Any], images: dict[str, Any], basis: str | None = None, **more: Any
) -> RunSettings:
    tree = {"catalog": catalog, "images": images, "draw": {}, "metadata": ID, **more}
    return RunSettings.model_validate(tree | ({"rights": {"basis": basis}} if basis else {}))


def run_with(folder: Path, given: RunSettings, *rows: ManifestRow) -> Run:
    run = Run.create(folder / "run", given)
    rows = rows or (ManifestRow("a-1", ("images/a-1-0.png",), {}),)
    keys = dict.fromkeys(key for row in rows for key in row.metadata)
    write_manifest(run.manifest, rows, keys)
    return run


def mjd_ago(hours: float) -> str:
    return repr(
        (datetime.now(UTC) - timedelta(hours=hours) - datetime(1858, 11, 17, tzinfo=UTC)) / timedelta(days=1)
    )


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("alert-packet", "alert-packet"),
        ("Derived Image", "derived-image"),
        ("public_release", "public-release"),
        (" anonymized ", "anonymized"),
        ("DP1", "DP1"),
        (f" {OWN}", OWN),
    ],
)
def test_named_bases_are_known_however_they_are_written(written: str, kept: str) -> None:
    assert read_basis(written) == kept


@pytest.mark.parametrize(
    "misspelt", ["anonymised", "alert packets", "derived-images", "derivedimage", "public-releas", " "]
)
def test_a_misspelt_name_is_no_words_of_ones_own(misspelt: str) -> None:
    with pytest.raises(ConfigError, match=r"did you mean|is empty"):
        read_basis(misspelt)
    with pytest.raises(ValueError, match=r"did you mean|is empty"):
        settings(APDB, BUTLER, misspelt)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        (
            Kind.ID,
            [
                "diaSourceId",
                "objectid",
                "candid",
                "visit",
                "!diaObjectId",
                "name",
                "ssObjectId",
                "designation",
            ],
        ),
        (
            Kind.POSITION,
            ["ra", "decl", "coord_ra", "x", "raErr", "RAJ2000", "candidate.dec", "glon", "pixelId", "#tract"],
        ),
        (
            Kind.LABEL,
            ["band", "fid", "detector", "#priority", "#training_subject", "#feedback_1_id", "day_obs"],
        ),
        (
            Kind.VALUE,
            ["snr", "S/N", "psfFlux", "rb", "radius", "rate", "midpointMjdTai", "what nobody knows"],
        ),
    ],
)
def test_kinds_of_columns(kind: Kind, columns: list[str]) -> None:
    assert {name: kind_of(name) for name in columns} == dict.fromkeys(columns, kind)


@pytest.mark.parametrize(
    "text",
    ["170059034123456789", "images/123456-0.png", "ZTF18abcxyz", "AT2024abc", "SDSS J123456+123456", "150.123 +2.345",
     "10:00:28.6 +02:12:21", "https://host/lc?oid=33111222333"],
)  # fmt: skip
def test_texts_that_tell_the_source(text: str) -> None:
    assert tells_source(text)


@pytest.mark.parametrize(
    "text", ["a-1", "images/0/17-0.png", "g", "LSSTCam", "18.634451", "42", "20 s", "anon-bcdfgh"]
)
def test_texts_that_do_not(text: str) -> None:
    assert not tells_source(text)


@pytest.mark.parametrize(
    ("catalog", "images", "more"),
    [
        (APDB, BUTLER, {}),
        (TABLES, BUTLER, {}),
        (TABLE, BUTLER, {}),
        (APDB, FRAMES, {}),
        (ALERTS, BUTLER, {}),
        ({**ALERTS}, STAMPS, {"draw": {"media": ["triplet", "lightcurve"]}, "history": APDB}),
    ],
)
def test_rubins_data_need_grounds(
    catalog: dict[str, Any], images: dict[str, Any], more: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="--rights TEXT"):
        require_rights(run_with(tmp_path, settings(catalog, images, **more)))
    assert require_rights(run_with(tmp_path / "own", settings(catalog, images, OWN, **more))).basis == OWN


@pytest.mark.parametrize("media", [["triplet"], ["triplet", "lightcurve"], ["lightcurve_png"]])
def test_alert_packets_are_public(media: list[str], tmp_path: Path) -> None:
    given = settings(ALERTS, STAMPS, draw={"media": media})
    rows = [
        ManifestRow(
            "a", ("images/a.png",), {"#instrument": "LSSTCam", "ra": "12.5", "midpointMjdTai": mjd_ago(1)}
        )
    ]
    assert require_rights(run_with(tmp_path, given, *rows)).basis is None
    given = settings(ALERTS, STAMPS, "alert-packet", draw={"media": media})
    assert require_rights(run_with(tmp_path / "named", given, *rows)).basis == "alert-packet"


@pytest.mark.parametrize(
    ("catalog", "images", "more", "told"),
    [
        (APDB, STAMPS, {}, r"\[catalog\] kind = 'apdb'"),
        (ALERTS, FRAMES, {}, r"\[images\] kind = 'frames'"),
        (
            ALERTS,
            STAMPS,
            {"draw": {"media": ["lightcurve_png"]}, "history": APDB},
            r"\[history\] kind = 'apdb'",
        ),
    ],
)
def test_alert_packet_covers_nothing_else(
    catalog: dict[str, Any], images: dict[str, Any], more: dict[str, Any], told: str, tmp_path: Path
) -> None:
    given = settings(catalog, images, "alert-packet", **more)
    for judge in (
        lambda: require_rights_of_settings(given),
        lambda: require_rights(run_with(tmp_path, given)),
    ):
        with pytest.raises(ConfigError, match=told):
            judge()


NOT_DERIVED = {
    "a number": ({"metadata": {"!S/N": "{snr:.1f}"}}, "column snr, a value of the catalog"),
    "a position": ({"metadata": {"!where": "at {ra:.5f} {dec:.5f}"}}, "column ra, a position"),
    "in a link": ({"metadata": {"!see": "https://host/?flux={psfFlux}"}}, "column psfFlux"),
    "under another name": (
        {"metadata": {"!kind": "band"}, "catalog": {**TABLES, "columns": {"band": "r_psfFlux"}}},
        r"band \(the catalog's r_psfFlux\)",
    ),
    "light curve": (
        {"draw": {"media": ["triplet", "lightcurve"]}, "history": APDB},
        "lightcurve among the media shows measurements",
    ),
    "plotted": ({"draw": {"media": ["lightcurve_png"]}, "history": APDB}, "lightcurve_png among the media"),
    "attached to Talk": ({"talk": {"attach": ["lightcurve"]}, "history": APDB}, "lightcurve among the media"),
    "annotated": ({"talk": {"attach": ["annotated"]}}, "the medium annotated writes ids and values"),
    "drawn above": ({"draw": {"add_metadata": True}}, "draw.add_metadata"),
}


@pytest.mark.parametrize("name", NOT_DERIVED)
def test_derived_images_go_without_numbers(name: str, tmp_path: Path) -> None:
    more, told = NOT_DERIVED[name]
    given: dict[str, Any] = {"catalog": TABLES, "images": BUTLER, "draw": {}, "metadata": ID} | more
    refused = RunSettings.model_validate(given | {"rights": {"basis": "derived-image"}})
    silent = RunSettings.model_validate(given)
    for judge in (
        lambda: require_rights_of_settings(refused),
        lambda: require_rights(run_with(tmp_path, refused)),
        lambda: require_rights(run_with(tmp_path / "b", silent), "derived image"),
    ):
        with pytest.raises(ConfigError, match=told):
            judge()
    for basis in ("public-release", OWN):
        allowed = RunSettings.model_validate(given | {"rights": {"basis": basis}})
        assert require_rights(run_with(tmp_path / basis[:3], allowed)).basis == basis


def test_derived_images_go_with_ids_and_labels(tmp_path: Path) -> None:
    given = settings(TABLES, BUTLER, "derived-image", metadata={**ID, "band": "band", "#night": "day_obs"})
    require_rights_of_settings(given)
    rights = require_rights(run_with(tmp_path, given))
    assert rights.basis == "derived-image"
    assert "80 hours" in rights.notes[0]


def test_numbers_of_packets_go_beside_derived_images(tmp_path: Path) -> None:
    given = settings(ALERTS, FRAMES, "derived-image", metadata={"S/N": "{snr:.1f}", "ra": "ra"})
    assert require_rights(run_with(tmp_path, given)).basis == "derived-image"


@pytest.mark.parametrize("key", ["snr", "!ra", "magnitude of today"])
def test_columns_that_were_put_into_the_manifest_are_looked_at(key: str, tmp_path: Path) -> None:
    row = ManifestRow("1", ("images/1-0.png",), {key: "12.5", "!diaSourceId": "1"})
    for given in (settings(TABLES, BUTLER, "derived-image"), RunSettings.model_validate({})):
        with pytest.raises(ConfigError, match=f"column {key} sends the column {key}"):
            require_rights(run_with(tmp_path / str(given.catalog is None), given, row), "derived-image")


ALIAS = {**TABLE, "dia_source_id": "alias", "id_kind": "text"}


@pytest.mark.parametrize(
    ("catalog", "more", "told"),
    [
        (APDB, {"metadata": {"band": "band"}}, "dia_source_id = 'diaSourceId'"),
        (TABLE, {"metadata": {"band": "band"}}, "dia_source_id = 'diaSourceId'"),
        (ALERTS, {"metadata": {"band": "band"}}, "dia_source_id = 'candid'"),
        (ALIAS, {}, "metadata.'!diaSourceId' sends the column diaSourceId, an id"),
        (ALIAS, {"metadata": {"Fink": "https://host/{objectId}"}}, "column objectId, an id"),
        (ALIAS, {"metadata": {"field": "{ra:.1f}"}}, "column ra, a position"),
        (ALIAS, {"metadata": {"band": "band"}, "draw": {"add_metadata": True}}, "draw.add_metadata"),
    ],
)
def test_anonymized_goes_without_ids_and_coordinates(
    catalog: dict[str, Any], more: dict[str, Any], told: str, tmp_path: Path
) -> None:
    given = settings(catalog, FRAMES, "anonymized", **more)
    for judge in (
        lambda: require_rights_of_settings(given),
        lambda: require_rights(run_with(tmp_path, given)),
    ):
        with pytest.raises(ConfigError, match=told):
            judge()


@pytest.mark.parametrize(
    "row",
    [
        ManifestRow("170059034123456789", ("images/1.png",), {}),
        ManifestRow("1", ("images/170059034123456789-0.png",), {}),
        ManifestRow("1", ("images/J100028+021221.png",), {}),
        ManifestRow("1", ("images/1.png",), {"band": "r of ZTF18abcxyz"}),
    ],
)
def test_anonymized_looks_at_every_name_and_cell(row: ManifestRow, tmp_path: Path) -> None:
    for number, given in enumerate(
        (settings(ALIAS, FRAMES, metadata={"band": "band"}), RunSettings.model_validate({}))
    ):
        with pytest.raises(ConfigError, match="tells which source it is"):
            require_rights(run_with(tmp_path / str(number), given, row), "anonymized")


def test_anonymized_pictures_go(tmp_path: Path) -> None:
    given = settings(ALIAS, FRAMES, "anonymized", metadata={"band": "band"})
    row = ManifestRow("cand-0001", ("images/cand-0001-0.png",), {"band": "g"})
    assert require_rights(run_with(tmp_path, given, row)).basis == "anonymized"


@pytest.mark.parametrize("basis", ["derived-image", "public-release"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("midpointMjdTai", mjd_ago(79)),
        ("date_obs", (datetime.now(UTC) - timedelta(hours=70)).isoformat()),
        ("visit", f"{datetime.now(UTC) - timedelta(days=2):%Y%m%d}00042"),
    ],
    ids=["mjd", "iso", "visit"],  # not the values, which differ between the workers of pytest-xdist
)
def test_nothing_goes_within_80_hours(basis: str, key: str, value: str, tmp_path: Path) -> None:
    old = ManifestRow("1", ("images/1.png",), {f"#{key}": "60000.5" if "mjd" in key.lower() else "20240101"})
    new = ManifestRow("2", ("images/2.png",), {f"#{key}": value})
    known = {"metadata": {**ID, f"#{key}": "visit"}}  # as a label: here the time is what is looked at
    run = run_with(tmp_path, settings(TABLES, BUTLER, **known), old, new)
    with pytest.raises(ConfigError, match=r"80 hours of observation; upload after 20\d\d-"):
        require_rights(run, basis)
    assert require_rights(run, OWN).basis == OWN
    assert (
        require_rights(run_with(tmp_path / "old", settings(TABLES, BUTLER, **known), old), basis).notes == ()
    )


def test_81_hours_are_enough(tmp_path: Path) -> None:
    row = ManifestRow("1", ("images/1.png",), {"midpointMjdTai": mjd_ago(81)})
    assert (
        require_rights(run_with(tmp_path, settings(TABLES, BUTLER), row), "public-release").basis
        == "public-release"
    )


@pytest.mark.parametrize(
    ("basis", "covered"),
    [(None, False), ("alert-packet", False), ("derived-image", False), ("anonymized", False), ("public-release", True),
     (OWN, True)],
)  # fmt: skip
def test_partners_packets_need_more_than_rubins_policy(basis: str | None, covered: bool) -> None:
    assert covers_partners(basis) is covered
