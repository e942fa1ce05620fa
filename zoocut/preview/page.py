"""A run as a page for people who would rather look: cutouts, metadata, what was rejected and why.

The page holds its script, style and the rows that it shows first; it needs no server and asks no other host for
anything. Further rows of a long run are in files beside it, which it reads when they are wanted: as scripts, since
browsers let a page from disk read nothing else. Rows stream from the run's files to these.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import count, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zoocut.error_kinds import NothingInside
from zoocut.files import write_whole
from zoocut.metadata_keys import seen_by
from zoocut.model import Value
from zoocut.preview.catalog_rows import CatalogRows
from zoocut.preview.pictures import Pictures, Plots
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow
from zoocut.run.rejected import read_rejected
from zoocut.run.talk import read_talk

__all__ = ["Preview", "as_script", "exact", "make_preview"]

ROWS_A_PART = 20_000
"""A dozen megabytes with forty columns: a page of them paints in a tenth of a second."""

MOST_REJECTED = 20_000
"""Rejected rows that a page holds; all are in rejected.csv."""

MOST_REASONS = 20

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
    data : Path or None
        The folder with those of its rows that it does not hold itself; None where it holds all.
    """

    path: Path
    cutouts: int
    rejected: int
    data: Path | None = None


def make_preview(run: Run, path: Path, pictures: Pictures, rows_a_part: int = ROWS_A_PART) -> Preview:
    """Write the page of a run.

    Parameters
    ----------
    run : Run
        A run with a manifest.
    path : Path
        The HTML file to make or replace.
    pictures : Pictures
        Tells how the page gets at its pictures.
    rows_a_part : int
        Rows that the page holds, and each of the files beside it.

    Raises
    ------
    InputError
        When the run has no manifest, or a file of it cannot be read.
    """
    keys = list(dict.fromkeys(key for row in run.rows() for key in row.metadata))
    catalog, folder = CatalogRows(run), path.with_name(f"{path.stem}.data")
    described = _Rows(run, keys, catalog, pictures)
    parts: list[Part] = []
    first: list[Any] = []
    rows = run.rows()
    while part := described.of(islice(rows, rows_a_part)):
        begin = sum(parts[-1][1:]) if parts else 0
        if not parts:
            first = part
        parts.append(_written(folder, len(parts), part, begin) if parts else ("", 0, len(part)))
    if not parts:
        raise NothingInside(f"{run.manifest} has no rows: there is nothing to look at yet")
    _remove_older(folder, len(parts))
    rejected = [[one.dia_source_id, one.row, one.reason] for one in read_rejected(run.rejected)]
    data = _data(run, keys, catalog.names, first, parts, rejected[:MOST_REJECTED])
    data["reasons"] = Counter(reason for _, _, reason in rejected).most_common(MOST_REASONS)
    data["rejected_in_all"] = len(rejected)
    write_whole(path, _page(run, data).encode("utf-8", "replace"))
    return Preview(path, sum(parts[-1][1:]), len(rejected), folder if len(parts) > 1 else None)


Part = tuple[str, int, int]
"""A file of rows, relative to the page, which row is the first in it, and how many there are."""


def _written(folder: Path, number: int, rows: Sequence[Any], begin: int) -> Part:
    name = _name(number)
    # as one text: a browser reads that faster than a script, and lets go of it
    write_whole(folder / name, f"zoocutPart({number},{json.dumps(as_script(rows))});\n".encode())
    return quote(f"{folder.name}/{name}"), begin, len(rows)


def _name(number: int) -> str:
    return f"rows-{number:05d}.js"


def _remove_older(folder: Path, parts: int) -> None:
    """Remove the rows that an earlier page had beyond those of this one."""
    for number in count(max(parts, 1)):
        try:
            (folder / _name(number)).unlink()
        except FileNotFoundError:
            return


def _page(run: Run, data: Mapping[str, Any]) -> str:
    from jinja2 import Environment

    folder = files("zoocut.preview")
    template = Environment(autoescape=True).from_string(folder.joinpath("page.html").read_text("utf-8"))
    return template.render(
        run=run,
        name=run.path.resolve().name,
        style=folder.joinpath("page.css").read_text("utf-8"),
        viewer=files("zoocut.sandbox.pages").joinpath("templates", "viewer.js").read_text("utf-8"),
        script=folder.joinpath("page.js").read_text("utf-8"),
        data=as_script(data),
    )


def _data(
    run: Run,
    keys: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Any],
    parts: Sequence[Part],
    rejected: Sequence[Sequence[str]],
) -> dict[str, Any]:
    return {
        "panels": list(run.settings.draw.panels if run.settings.draw else ()),
        "metadata": [{"name": key, "seen": seen_by(key)} for key in keys],
        "catalog": columns,
        "rows": rows,
        "parts": parts,
        "rejected": rejected,
    }


class _Rows:
    """Rows as the page's script has them: id, pictures, metadata, catalog columns, and what is for Talk."""

    def __init__(self, run: Run, keys: Sequence[str], catalog: CatalogRows, pictures: Pictures) -> None:
        self._run, self._keys, self._catalog, self._pictures = run, keys, catalog, pictures
        self._for_talk = _for_talk(run)

    def of(self, rows: Iterable[ManifestRow]) -> list[list[Any]]:
        """Describe the rows of a part; plots are inside it, up to a limit."""
        plots = Plots(self._run.path)

        def show(locations: Sequence[str]) -> list[Any]:
            return [plots.read(location) or self._pictures.show(location) for location in locations]

        return [
            [
                row.external_id,
                show(row.locations),
                [row.metadata.get(key) for key in self._keys],
                [exact(value) for value in self._catalog.values(row.external_id)],
                show(self._for_talk.get(row.external_id, ())),
            ]
            for row in rows
        ]


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


def as_script(data: Any) -> str:
    """Write JSON that no text in it can break out of the script element that holds it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
