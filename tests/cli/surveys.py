"""A growing survey for `zoocut night`, and what the sandbox holds of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import requests
from astropy.io import fits
from astropy.wcs import WCS

from zoocut.model import DiaSource
from zoocut.sandbox import Running

Night = Callable[..., subprocess.CompletedProcess[str]]
"""Runs `zoocut night zoocut.toml`, signed in."""

TODAY = datetime.now(UTC).date()
Rows = list[tuple[int, date, int, float]]
"""Id, night, object, snr."""


class InMemory:
    """A catalog of rows that are there."""

    def __init__(self, rows: list[DiaSource]) -> None:
        self._rows = rows

    @property
    def expected(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def sources(self) -> Iterator[DiaSource]:
        """Yield them."""
        yield from self._rows


class Survey:
    """A growing table of sources on one set of frames, and a configuration."""

    def __init__(self, folder: Path, name: str, **night: Any) -> None:
        self.folder, self.rows = folder, Rows()
        self.toml = folder / "zoocut.toml"
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150.0, -30.0], [40, 40], [-1e-4, 1e-4]
        pixels = np.random.default_rng(1).normal(100, 10, (3, 80, 80)).astype(np.float32)
        for plane, image in zip(("template", "science", "difference"), pixels, strict=True):
            fits.writeto(folder / f"{plane}.fits", image, wcs.to_header())
        self.configure(name, **night)

    def configure(self, name: str, **night: Any) -> None:
        """Write the configuration; `name` is the template of the sets' names."""
        frames = "".join(f'{plane} = "{plane}.fits"\n' for plane in ("template", "science", "difference"))
        settings = "".join(f"{key} = {json.dumps(value)}\n" for key, value in night.items())
        self.toml.write_text(
            f'[catalog]\nkind = "table"\npath = "sources.csv"\n[images]\nkind = "frames"\n{frames}'
            '[metadata]\n"!diaSourceId" = "diaSourceId"\nband = "band"\n'
            f'[upload]\nproject = "owner/rehearsal"\nsubject_set = "{name}"\nsettle_s = 1\n'
            f"[night]\ncreate = true\n{settings}"
        )

    def add(self, night: date, *sources: tuple[int, int] | tuple[int, int, float]) -> None:
        """Add (id, object) or (id, object, snr) of a night."""
        self.rows += [(s[0], night, s[1], s[2] if len(s) > 2 else 5.0) for s in sources]
        lines = ["diaSourceId,ra,dec,visit,diaObjectId,snr,band"]
        for number, when, name, snr in self.rows:
            ra = 150.0 + (number % 50 - 25) * 1e-4
            lines.append(f"{number},{ra},-30.0,{when:%Y%m%d}00017,{name},{snr},{'gr'[number % 2]}")
        (self.folder / "sources.csv").write_text("\n".join(lines) + "\n")

    def add_sections(self, text: str) -> None:
        """Add sections to the configuration."""
        self.toml.write_text(f"{self.toml.read_text()}{text}")

    def record(self, night: date) -> Path:
        """Tell where the record of a night is."""
        return self.folder / "nights" / ".nights" / f"{night}.json"


def held(server: Running, prefix: str) -> dict[str, list[str]]:
    """Tell the external_ids in each set whose name begins so."""
    said = requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()
    names = {one["id"]: one["display_name"] for one in said["sets"] if one["display_name"].startswith(prefix)}
    found: dict[str, list[str]] = {name: [] for name in names.values()}
    for subject in said["subjects"]:
        for number in subject["sets"]:
            if number in names:
                found[names[number]].append(subject["external_id"])
    return {name: sorted(ids) for name, ids in found.items()}


def asked(server: Running) -> list[Any]:
    """Name the last requests that the sandbox was asked."""
    log: list[Any] = requests.get(f"{server.endpoint}/sandbox/requests", timeout=240).json()["requests"]
    return [one for one in log if not one["path"].startswith("/sandbox")]
