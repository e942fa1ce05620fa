"""What alert packets say, by the map of their fields."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits

from zoocut.catalogs import open_catalog
from zoocut.config.catalog import AlertsSettings
from zoocut.config.draw import DrawSettings
from zoocut.config.images import StampsSettings
from zoocut.config.load import load
from zoocut.errors import InputError
from zoocut.images import open_images
from zoocut.model import DiaSource, Rejection
from zoocut.packets import find_packet_files, read_packets

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
STAMPS = ("cutoutTemplate", "cutoutScience", "cutoutDifference")


def stamp(value: float) -> bytes:
    file = io.BytesIO()
    fits.PrimaryHDU(np.arange(25, dtype=np.float32).reshape(5, 5) + np.float32(value)).writeto(file)
    return file.getvalue()


def alert(number: int, top: bool = False, **candidate: Any) -> dict[str, Any]:
    """Make a packet with its id in `candidate`, and at its top where asked."""
    return {
        "objectId": f"X{number}",
        **({"candid": number} if top else {}),
        "candidate": {"candid": number, "ra": 150.0, "dec": 2.0, **candidate},
        **{name: stamp(number) for name in STAMPS},
    }


def write(path: Path, *alerts: Mapping[str, Any]) -> Path:
    pq.write_table(pa.Table.from_pylist(list(alerts)), path)
    return path


def rows(path: Path, basis: str | None = None, **catalog: Any) -> list[DiaSource | Rejection]:
    settings = AlertsSettings.model_validate({"kind": "alerts", "path": str(path), **catalog})
    return list(open_catalog(settings, Path(), rights_basis=basis).sources())


def sources(path: Path, basis: str | None = None, **catalog: Any) -> list[DiaSource]:
    found = rows(path, basis, **catalog)
    assert all(isinstance(row, DiaSource) for row in found), found
    return [row for row in found if isinstance(row, DiaSource)]


def only(path: Path, **catalog: Any) -> dict[str, Any]:
    (source,) = sources(path, **catalog)
    return dict(source.columns)


def values_drawn(path: Path, found: list[DiaSource], **images: Any) -> list[float | None]:
    opened = open_images(StampsSettings.model_validate(images), DrawSettings(sizes=()), Path())
    cuts = opened.cut(str(path), found)
    return [None if isinstance(item, Rejection) else float(item[0].science[0, 0]) for item in cuts]


@pytest.mark.parametrize("name", ["candid", "candidate.candid"])
@pytest.mark.parametrize("top", [False, True])
def test_an_id_inside_a_record(tmp_path: Path, name: str, top: bool) -> None:
    """The images find the packets of the catalog's rows without being told the field again."""
    path = write(tmp_path / "a.parquet", *(alert(number, top) for number in (7, 5, 2**62)))
    found = sources(path, dia_source_id=name)
    assert [source.dia_source_id for source in found] == [7, 5, 2**62]
    assert [source.columns["diaSourceId"] for source in found] == [7, 5, 2**62]
    assert values_drawn(path, found) == [7, 5, float(np.float32(2**62))]
    assert values_drawn(path, found[::-1]) == [float(np.float32(2**62)), 5, 7]
    assert values_drawn(path, found, id_fields=["candidate.candid"])[:2] == [7, 5]


def test_ids_of_any_name_and_depth(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", *({**alert(n), "a": {"b": {"uid": 100 + n}}} for n in (1, 2)))
    found = sources(path, dia_source_id="a.b.uid")
    assert [source.dia_source_id for source in found] == [101, 102]
    assert values_drawn(path, found) == [1, 2]


def test_an_id_that_is_not_the_same_in_its_record_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", alert(7) | {"candid": 8}, alert(9, top=True))
    first, second = rows(path)
    assert isinstance(first, Rejection)
    assert "its id candid is 8, but 7 in candidate" in first.reason
    assert isinstance(second, DiaSource)
    assert [source.dia_source_id for source in sources(path, dia_source_id="candidate.candid")] == [7, 9]


def test_a_file_that_changed_gives_no_other_sources_pixels(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", alert(1), alert(2), alert(3))
    found = sources(path)
    write(path, alert(2), alert(1), alert(3))
    assert values_drawn(path, found) == [None, None, 3]


def test_two_members_of_one_name_are_two_packets(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for number in (1, 2, 3):
            write(tmp_path / "x.parquet", alert(number))
            archive.add(tmp_path / "x.parquet", "x.parquet")
    found = sources(path)
    assert [source.dia_source_id for source in found] == [1, 2, 3]
    assert len({source.row for source in found}) == 3
    assert values_drawn(path, found[1:]) == [2, 3]


@pytest.mark.parametrize("place", ["no_such_field", "candidate.no_such", "nowhere.fid", "fid.x"])
@pytest.mark.parametrize("key", ["band", "objectId", "candid"])
def test_a_mapped_field_that_no_packet_has_is_refused(tmp_path: Path, place: str, key: str) -> None:
    path = write(tmp_path / "a.parquet", alert(1, fid=2), alert(2, fid=1))
    with pytest.raises(InputError, match=rf"no packet of .* catalog\.columns\.{key} = '{place}'"):
        rows(path, columns={key: place})
    columns = only_first(sources(path, optional_columns={key: place}))
    assert columns.get("objectId") == "X1"
    assert columns["candid"] == 1
    assert key in columns


def only_first(found: list[DiaSource]) -> dict[str, Any]:
    return dict(found[0].columns)


@pytest.mark.parametrize("setting", ["measurements", "ra", "dec"])
def test_other_names_that_no_packet_has_are_refused(tmp_path: Path, setting: str) -> None:
    path = write(tmp_path / "a.parquet", alert(1))
    with pytest.raises(InputError, match=rf"catalog\.{setting} = 'raJ2000'"):
        rows(path, **{setting: "raJ2000", "dia_source_id": "candidate.candid"})


def test_a_near_name_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", alert(1, magpsf=18.0))
    with pytest.raises(InputError, match=r"did you mean candidate\.magpsf\?"):
        rows(path, columns={"mag": "candidate.magpfs"})


def test_a_field_that_only_later_packets_have_is_not_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", alert(1))
    write(tmp_path / "b.parquet", alert(2, exptime=30.0))
    first, second = sources(tmp_path, columns={"exposure_time": "candidate.exptime"})
    assert (first.columns["exposure_time"], second.columns["exposure_time"]) == (None, 30.0)


def test_a_record_that_is_null_may_have_any_field(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {**alert(1), "ssSource": None})
    assert only(path, columns={"h": "ssSource.H"})["h"] is None


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"band": "candidate.fid"}, {"band": 2}),
        ({"band": "fid"}, {"band": 2}),
        ({"snr": ["candidate.scorr", "1.0857 / candidate.sigmapsf"]}, {"snr": 21.714}),
        ({"snr": "1.0857/sigmapsf"}, {"snr": 21.714}),
        ({"snr": ["candidate.none", "candidate.fid"]}, {"snr": 2}),
        ({"name": "objectId"}, {"name": "X1"}),
        ({"objectId": ["candidate.scorr", "candidate.none"]}, {"objectId": "X1"}),
        ({"fid": "candidate.none"}, {"fid": 2}),
    ],
)
def test_mapped_columns(tmp_path: Path, columns: dict[str, Any], expected: dict[str, Any]) -> None:
    path = write(
        tmp_path / "a.parquet", alert(1, fid=2, sigmapsf=0.05, none=None), alert(2, none=1.0, scorr=None)
    )
    found = only_first(sources(path, columns=columns))
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_values_by_other_words(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", alert(1, fid=2), alert(2, fid=1), alert(3, fid=9))
    found = sources(path, columns={"band": "candidate.fid"}, values={"band": {"1": "g", "2": "r"}})
    assert [source.columns["band"] for source in found] == ["r", "g", 9]
    assert [source.columns["fid"] for source in found] == [2, 1, 9]


@pytest.mark.parametrize("position", [("candidate.ra", "candidate.dec"), ("ra", "dec"), ("at.lon", "at.lat")])
def test_positions_by_dots(tmp_path: Path, position: tuple[str, str]) -> None:
    path = write(tmp_path / "a.parquet", {**alert(1), "at": {"lon": 150.0, "lat": 2.0}})
    (source,) = sources(path, ra=position[0], dec=position[1])
    assert (source.ra_deg, source.dec_deg) == (150.0, 2.0)


@pytest.mark.parametrize("program", [2, 3, 0, -1, "2"])
def test_partners_packets_need_a_basis(tmp_path: Path, program: Any) -> None:
    path = write(tmp_path / "a.parquet", alert(1, programid=program))
    (refused,) = rows(path)
    assert isinstance(refused, Rejection)
    assert refused.dia_source_id == "1"
    assert f"its programid is {program}" in refused.reason
    assert [source.dia_source_id for source in sources(path, basis="approved")] == [1]


@pytest.mark.parametrize("program", [1, "1", 1.0, None])
def test_public_packets_need_none(tmp_path: Path, program: Any) -> None:
    assert len(sources(write(tmp_path / "a.parquet", alert(1, programid=program)))) == 1


def test_finders_files_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", alert(1))
    finder = b"\0\5\x16\7\0\2\0\0Mac OS X        "
    (tmp_path / "._a.parquet").write_bytes(finder)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "._b.avro").write_bytes(finder)
    assert find_packet_files(tmp_path) == [str(tmp_path / "a.parquet")]
    assert find_packet_files(tmp_path / "**" / "*.parquet") == [str(tmp_path / "a.parquet")]
    with tarfile.open(tmp_path / "night.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "a.parquet", "night/a.parquet")
        archive.add(tmp_path / "._a.parquet", "night/._a.parquet")
        archive.add(tmp_path / "._a.parquet", "._a.avro")
    assert [source.dia_source_id for source in sources(tmp_path / "night.tar.gz")] == [1]
    with pytest.raises(InputError, match="no file matches"):
        find_packet_files(tmp_path / "._a.parquet")


@pytest.mark.parametrize("start", [b"\0\5\x16\7", b"\0\0\0\0\x01", b"\0\xff\xff\xff\xff"])
def test_what_is_no_packet_is_not_to_be_upgraded(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "a.avro"
    path.write_bytes(start + b"\0" * 40)
    (broken,) = read_packets(path)
    assert getattr(broken, "reason", "") == "a.avro is no alert packet: leave it out"


def test_a_file_that_cannot_be_opened_costs_itself_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", alert(1))
    write(tmp_path / "b.parquet", alert(2))
    settings = AlertsSettings.model_validate({"kind": "alerts", "path": str(tmp_path)})
    catalog = open_catalog(settings, Path())
    (tmp_path / "a.parquet").unlink()
    first, second = catalog.sources()
    assert isinstance(first, Rejection)
    assert "cannot be opened" in first.reason
    assert isinstance(second, DiaSource)


def test_the_shipped_configuration_of_ztf_draws_packets_of_every_schema(shared: Path, tmp_path: Path) -> None:
    """Band, night, S/N and time come with it; the id of schema 3.1 stands in `candidate` alone, without exptime."""
    files = sorted((shared / "data" / "ztf").glob("*.avro"))[:3]
    for path in files:
        with path.open("rb") as file:
            reader = fastavro.reader(file)
            schema: Any = reader.writer_schema
            packet: Any = next(reader)
        fields = [field for field in schema["fields"] if field["name"] != "candid"]
        packet.pop("candid")
        (candidate,) = (field for field in fields if field["name"] == "candidate")
        candidate["type"]["fields"] = [
            field for field in candidate["type"]["fields"] if field["name"] not in ("exptime", "scorr")
        ]
        with (tmp_path / path.name).open("wb") as file:
            fastavro.writer(file, {**schema, "fields": fields}, [packet])
    loaded = load(CONFIGS / "ztf-alerts.toml", {"catalog.path": str(tmp_path)})
    catalog = open_catalog(loaded.settings.catalog, Path())
    found = [source for source in catalog.sources() if isinstance(source, DiaSource)]
    assert [str(source.dia_source_id) for source in found] == [path.stem for path in files]
    for source in found:
        columns = source.columns
        assert columns["band"] == {1: "g", 2: "r", 3: "i"}[int(str(columns["fid"]))]
        assert columns["night"] == columns["nid"]
        assert columns["snr"] == pytest.approx(1.0857 / float(str(columns["sigmapsf"])))
        assert columns["exposure_time"] is None
        ((cutout,),) = open_images(loaded.settings.images, loaded.settings.draw, Path()).cut(
            source.origin, [source]
        )
        assert cutout.science.shape == (63, 63)


@pytest.mark.parametrize("value", [0, None, "0"])
def test_an_objects_id_of_zero_is_none(tmp_path: Path, value: Any) -> None:
    path = write(tmp_path / "a.parquet", alert(1, ssObjectId=value, diaObjectId=5, nid=0))
    columns = only(path, columns={"parentDiaSourceId": "candidate.nid"})
    assert (columns["ssObjectId"], columns["diaObjectId"], columns["nid"]) == (None, 5, 0)
    assert columns["parentDiaSourceId"] is None
