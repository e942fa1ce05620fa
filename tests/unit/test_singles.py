"""Numbers of 32 bits in alert packets print the shortest decimal that is exactly them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoocut.packets import Packet, read_packets

VALUES = {"mag": 18.634450912475586, "rb": 0.1, "jd": 2459000.123456789, "half": 0.1234130859375}


def packets(path: Path) -> list[dict[str, Any]]:
    return [dict(item.fields) for item in read_packets(path) if isinstance(item, Packet)]


def avro(folder: Path) -> Path:
    kinds = {"mag": ["null", "float"], "rb": "float", "jd": "double", "half": ["null", "double"]}
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    record = {"type": "record", "name": "cand", "namespace": "x", "fields": fields}
    schema = {
        "type": "record",
        "name": "alert",
        "fields": [
            {"name": "top", "type": "float"},
            {"name": "candidate", "type": record},
            {"name": "again", "type": ["null", "x.cand"]},
            {"name": "none", "type": ["null", "x.cand"]},
        ],
    }
    with (folder / "a.avro").open("wb") as file:
        fastavro.writer(file, schema, [{"top": 0.2, "candidate": VALUES, "again": VALUES, "none": None}])
    return folder / "a.avro"


def parquet(folder: Path) -> Path:
    kinds = {"mag": pa.float32(), "rb": pa.float32(), "jd": pa.float64(), "half": pa.float64()}
    record = pa.array([VALUES], pa.struct(list(kinds.items())))
    none = pa.array([None], record.type)
    table = {"top": pa.array([0.2], pa.float32()), "candidate": record, "again": record, "none": none}
    pq.write_table(pa.table(table), folder / "a.parquet")
    return folder / "a.parquet"


@pytest.mark.parametrize("write", [avro, parquet])
def test_single_numbers_are_shortest_and_doubles_stay(tmp_path: Path, write: Any) -> None:
    (packet,) = packets(write(tmp_path))
    expected = {"mag": 18.63445, "rb": 0.1, "jd": VALUES["jd"], "half": VALUES["half"]}
    assert np.float32(expected["mag"]) == np.float32(VALUES["mag"])
    assert packet == {"top": 0.2, "candidate": expected, "again": expected, "none": None}


def test_real_packets(shared: Path) -> None:
    for path in [
        *sorted((shared / "data" / "ztf").glob("*.avro"))[:3],
        *(shared / "data" / "lsst").glob("*.avro"),
    ]:
        for packet in packets(path):
            record = packet.get("candidate") or packet["diaSource"]
            for name in ("magpsf", "sigmapsf", "psfFlux", "reliability"):
                value = record.get(name)
                assert value is None or str(np.float32(value)) == str(value), (path.name, name)
            assert float(np.float32(record["ra"])) != record["ra"]
