"""The whole journey where a catalog's ids are names: drawn, drawn again, uploaded, exported, joined, left out."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from frames import write_frame
from uploads import WHERE, Zoocut, account, subjects

from zoocut.sandbox import Running

NAMES = [
    "cand-0001",
    "AT2024abc",
    "at2024ABC",
    "007",
    "7",
    "=a/b c",
    "Größe-1",
    *(f"n-{n}" for n in range(5)),
]

CONFIG = """
[catalog]
kind = "table"
path = "s.csv"
id_kind = "text"

[images]
kind = "frames"
template = "f.fits"
science = "f.fits"
difference = "f.fits"

[draw]
sizes = [30]
chunk_size = 10

[metadata]
"#diaSourceId" = "diaSourceId"
"#mag" = "mag"
"""


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def project(folder: Path, names: list[str] = NAMES) -> None:
    write_frame(folder / "f.fits")
    (folder / "z.toml").write_text(CONFIG)
    lines = [f"{name};{150 + n * 3e-4};{2 + n * 3e-4};18.50" for n, name in enumerate(names)]
    (folder / "s.csv").write_text("\n".join(["diaSourceId;ra;dec;mag", *lines]) + "\n", encoding="utf-8")


def generate(zoocut: Zoocut, run: str, *options: str) -> dict[str, Any]:
    done = zoocut("generate", "z.toml", "-o", run, "--json", *options)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_names_from_catalog_to_export(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    project(tmp_path)
    assert generate(zoocut, "run")["drawn"] == len(NAMES)
    manifest = rows(tmp_path / "run" / "manifest.csv")
    assert [row["external_id"] for row in manifest] == NAMES
    images = [row["location:1"] for row in manifest]
    assert [image.split("/")[1] for image in images] == ["0"] * 10 + ["10"] * 2
    assert len({image.lower() for image in images}) == len(NAMES)
    assert [row["metadata:#mag"] for row in manifest] == ["18.50"] * len(NAMES)

    (tmp_path / "run" / images[4]).unlink()
    (tmp_path / "s.csv").write_text("diaSourceId;ra;dec;mag\nnew;150.0;2.0;1\n" + "".join(
        f"{line}\n" for line in (tmp_path / "s.csv").read_text(encoding="utf-8").splitlines()[:0:-1]
    ), encoding="utf-8")  # fmt: skip
    again = generate(zoocut, "run")
    assert (again["drawn"], again["kept"]) == (2, len(NAMES) - 1)
    assert (tmp_path / "run" / images[4]).is_file()
    assert {row["external_id"]: row["location:1"] for row in rows(tmp_path / "run" / "manifest.csv")} == {
        **dict(zip(NAMES, images, strict=True)),
        "new": "images/0/new.png",
    }

    done = zoocut("upload", "run", *WHERE, "names", **account(server))
    assert done.returncode == 0, done.stderr
    found = {one["external_id"]: one for one in subjects(server, "names")}
    assert set(found) == {*NAMES, "new"}

    data = [json.dumps({one["id"]: {"#diaSourceId": name}}) for name, one in found.items()]
    unknown = json.dumps({"1": {"#diaSourceId": "cand-1"}})
    with (tmp_path / "export.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["classification_id", "subject_data"], *enumerate([*data, unknown])])
    assert zoocut("join", "export.csv", "run", "-o", "joined.csv", "-c", "mag").returncode == 3
    joined = rows(tmp_path / "joined.csv")
    assert [row["diaSourceId"] for row in joined if row["join"] == "joined"] == list(found)
    assert joined[-1]["join"] == "diaSourceId is not in the run"

    listed = zoocut("sets", "members", "names", "--project", "owner/rehearsal", "--csv", **account(server))
    (tmp_path / "seen.csv").write_text(listed.stdout, encoding="utf-8")
    (tmp_path / "one.csv").write_text("external_id\nat2024ABC\n007\n")
    left = generate(zoocut, "left", "--set", 'select.exclude=["one.csv"]')
    assert left["drawn"] == len(NAMES) + 1 - 2
    for seen in ("seen.csv", "run"):
        done = zoocut("generate", "z.toml", "-o", f"none-{seen}", "--set", f'select.exclude=["{seen}"]')
        assert "no source that meets what is asked" in done.stderr, seen


def test_the_default_refuses_names_with_the_remedy(zoocut: Zoocut, tmp_path: Path) -> None:
    project(tmp_path)
    done = zoocut("generate", "z.toml", "-o", "run", "--set", "catalog.id_kind=integer")
    assert done.returncode == 3
    assert [row["external_id"] for row in rows(tmp_path / "run" / "manifest.csv")] == ["7"]
    reasons = [row["reason"] for row in rows(tmp_path / "run" / "rejected.csv")]
    assert len(reasons) == len(NAMES) - 1
    assert all("set catalog.id_kind = 'text'" in reason for reason in reasons)
