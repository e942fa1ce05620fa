"""Packets that are decoded once: what is left out of them, and that a changed file is read again."""

import io
import os
import pickle
from pathlib import Path

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits

from zoocut.catalogs.opening import open_catalog
from zoocut.config.catalog import AlertsSettings
from zoocut.config.draw import DrawSettings
from zoocut.config.images import StampsSettings
from zoocut.errors import InputError
from zoocut.images import open_images
from zoocut.model import DiaSource, Rejection
from zoocut.packets import KeptPackets, Packet, read_packets

POINT = {"type": "record", "name": "point", "fields": [{"name": "mag", "type": "float"}]}
STAMPS = ("cutoutTemplate", "cutoutScience", "cutoutDifference")
SCHEMA = {
    "type": "record",
    "name": "alert",
    "fields": [
        {"name": "points", "type": ["null", {"type": "array", "items": POINT}]},
        {"name": "candid", "type": "long"},
        {"name": "candidate", "type": "point"},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        *({"name": name, "type": "bytes"} for name in STAMPS),
    ],
}


def stamp(value: float) -> bytes:
    file = io.BytesIO()
    fits.PrimaryHDU(np.full((5, 5), value, ">f4")).writeto(file)
    return file.getvalue()


def record(number: int, value: float) -> dict[str, object]:
    points = [{"mag": 1.1}, {"mag": 2.2}] if number % 2 else None
    told = {"points": points, "candid": number, "candidate": {"mag": 18.1}, "tags": ["new"]}
    return told | dict.fromkeys(STAMPS, stamp(value))


def write(path: Path, *records: dict[str, object]) -> None:
    with path.open("wb") as file:
        fastavro.writer(file, SCHEMA, records)


def values(images: object, sources: list[DiaSource]) -> list[float]:
    found = []
    for source in sources:
        (cut,) = images.cut(source.origin, [source])  # type: ignore[attr-defined]
        assert not isinstance(cut, Rejection), cut
        found.append(float(cut[0].science[2, 2]))
    return found


def opened(folder: Path) -> tuple[list[DiaSource], object, KeptPackets]:
    kept = KeptPackets()
    settings = AlertsSettings(kind="alerts", path="*.avro", columns={}, dia_source_id="candid")
    rows = list(open_catalog(settings, folder, kept=kept).sources())
    assert all(isinstance(row, DiaSource) for row in rows), rows
    images = open_images(StampsSettings(id_fields=("candid",)), DrawSettings(sizes=()), folder, kept)
    return [row for row in rows if isinstance(row, DiaSource)], images, kept


@pytest.mark.parametrize("ending", ["avro", "parquet"])
def test_lists_are_left_out_and_nothing_else(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"alerts.{ending}"
    records = [record(1, 3.0), record(2, 4.0)]
    if ending == "avro":
        write(path, *records)
    else:
        pq.write_table(pa.Table.from_pylist(records), path)
    whole, short = ([item.fields for item in read_packets(path, lists)] for lists in (True, False))  # type: ignore[union-attr]
    for one, other in zip(whole, short, strict=True):
        assert {**one, "points": [], "tags": []} == other
    assert whole[0]["points"]
    assert whole[0]["tags"] == ["new"]


def test_a_packet_that_is_kept_is_not_read_again(tmp_path: Path) -> None:
    write(tmp_path / "a.avro", record(1, 3.0), record(2, 4.0))
    sources, images, _ = opened(tmp_path)
    content = (tmp_path / "a.avro").read_bytes()
    stat = os.stat(tmp_path / "a.avro")
    with (tmp_path / "a.avro").open("r+b") as file:  # the same file for who looks from outside
        file.write(b"x" * len(content))
    os.utime(tmp_path / "a.avro", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert values(images, sources) == [3.0, 4.0]


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    write(tmp_path / "a.avro", record(1, 3.0))
    sources, images, _ = opened(tmp_path)
    write(tmp_path / "b.part", record(1, 7.0))
    os.replace(tmp_path / "b.part", tmp_path / "a.avro")
    assert values(images, sources) == [7.0]
    os.unlink(tmp_path / "a.avro")
    with pytest.raises(InputError, match="cannot be opened"):
        values(images, sources)


def test_other_processes_and_late_comers_read_for_themselves(tmp_path: Path) -> None:
    for number in range(600):
        write(tmp_path / f"{number:04d}.avro", record(number, float(number)))
    sources, images, kept = opened(tmp_path)
    assert kept.take(sources[0].origin, sources[0].row) is None  # there is room for the last ones only
    assert kept.take(sources[-1].origin, sources[-1].row) is not None
    assert pickle.loads(pickle.dumps(kept)).take(sources[-2].origin, sources[-2].row) is None
    assert values(images, sources[::50]) == [float(number) for number in range(0, 600, 50)]


def test_a_packet_of_the_catalog_is_taken_once(tmp_path: Path) -> None:
    write(tmp_path / "a.avro", record(1, 3.0))
    kept = KeptPackets()
    (item,) = kept.read(tmp_path / "a.avro")
    assert isinstance(item, Packet)
    assert kept.take(str(tmp_path / "a.avro"), item.row) is item.fields
    assert kept.take(str(tmp_path / "a.avro"), item.row) is None


@pytest.mark.parametrize("lists", [True, False])
def test_containers_of_several_kinds_of_records_are_decoded_whole(tmp_path: Path, lists: bool) -> None:
    other = {"type": "record", "name": "note", "fields": [{"name": "text", "type": "string"}]}
    told = [record(1, 3.0), {"text": "a note"}]
    with (tmp_path / "a.avro").open("wb") as file:
        fastavro.writer(file, [SCHEMA, other], told)
    found = [item.fields for item in read_packets(tmp_path / "a.avro", lists)]  # type: ignore[union-attr]
    assert found[0]["candid"] == 1
    assert len(found[0]["points"]) == 2
    assert found[1] == told[1]
