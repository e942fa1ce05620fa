"""A run as one page for people who would rather look: cutouts, metadata, what was rejected and why.

The page holds its script, style and data; it needs no server and asks no other host for anything.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from zoocut.error_kinds import NothingInside
from zoocut.files import write_whole
from zoocut.metadata_keys import seen_by
from zoocut.model import Value
from zoocut.preview.pictures import Pictures, Plots
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow
from zoocut.run.rejected import read_rejected
from zoocut.run.sources import read_drawn
from zoocut.run.talk import read_talk

__all__ = ["Preview", "as_script", "exact", "make_preview"]

EXACT = 2**53
"""Whole numbers beyond this are not exact in a browser, so they travel as text."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A page that was made.

    Parameters
    ----------
    path : Path
        Its file.
    cutouts, rejected : int
        How many rows it shows.
    """

    path: Path
    cutouts: int
    rejected: int


def make_preview(run: Run, path: Path, pictures: Pictures) -> Preview:
    """Write the page of a run.

    Parameters
    ----------
    run : Run
        A run with a manifest.
    path : Path
        The HTML file to make or replace.
    pictures : Pictures
        Tells how the page gets at its pictures.

    Raises
    ------
    InputError
        When the run has no manifest, or a file of it cannot be read.
    """
    rows = list(run.rows())
    if not rows:
        raise NothingInside(f"{run.manifest} has no rows: there is nothing to look at yet")
    rejected = [[one.dia_source_id, one.row, one.reason] for one in read_rejected(run.rejected)]
    write_whole(path, _page(run, rows, rejected, pictures).encode("utf-8", "replace"))
    return Preview(path, len(rows), len(rejected))


def _page(
    run: Run, rows: Sequence[ManifestRow], rejected: Sequence[Sequence[str]], pictures: Pictures
) -> str:
    from jinja2 import Environment

    folder = files("zoocut.preview")
    template = Environment(autoescape=True).from_string(folder.joinpath("page.html").read_text("utf-8"))
    return template.render(
        run=run,
        name=run.path.resolve().name,
        style=folder.joinpath("page.css").read_text("utf-8"),
        viewer=files("zoocut.sandbox.pages").joinpath("templates", "viewer.js").read_text("utf-8"),
        script=folder.joinpath("page.js").read_text("utf-8"),
        data=as_script(_data(run, rows, rejected, pictures)),
    )


def _data(
    run: Run, rows: Sequence[ManifestRow], rejected: Sequence[Sequence[str]], pictures: Pictures
) -> dict[str, Any]:
    keys = list(dict.fromkeys(key for row in rows for key in row.metadata))
    catalog = {str(source.dia_source_id): source.columns for source in read_drawn(run.sources)}
    columns = list(dict.fromkeys(name for source in catalog.values() for name in source))
    return {
        "panels": list(run.settings.draw.panels if run.settings.draw else ()),
        "metadata": [{"name": key, "seen": seen_by(key)} for key in keys],
        "catalog": columns,
        "rows": list(_rows(rows, keys, catalog, columns, pictures, _for_talk(run), Plots(run.path))),
        "rejected": rejected,
    }


def _rows(
    rows: Sequence[ManifestRow],
    keys: Sequence[str],
    catalog: Mapping[str, Mapping[str, Value]],
    columns: Sequence[str],
    pictures: Pictures,
    for_talk: Mapping[str, Sequence[str]],
    plots: Plots,
) -> Iterator[list[Any]]:
    def show(locations: Sequence[str]) -> list[Any]:
        return [plots.read(location) or pictures.show(location) for location in locations]

    for row in rows:
        source, shown = catalog.get(row.external_id, {}), show(row.locations)
        metadata = [row.metadata.get(key) for key in keys]
        described = [exact(source.get(name)) for name in columns]
        yield [row.external_id, shown, metadata, described, show(for_talk.get(row.external_id, ()))]


def _for_talk(run: Run) -> dict[str, list[str]]:
    """Name the files of each row's Talk page."""
    files: dict[str, list[str]] = defaultdict(list)
    for one in read_talk(run.talk):
        files[one.external_id].append(one.file)
    return files


def exact(value: Value) -> Value:
    """Return a value as a browser keeps it: nothing for what is no number, text for what it would round."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | str):
        return value
    return value if isinstance(value, int) and abs(value) < EXACT else str(value)


def as_script(data: Mapping[str, Any]) -> str:
    """Write JSON that no text in it can break out of the script element that holds it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
