"""The results as one page: pictures with the votes for them, the most disputed first, and plots.

The page holds its script, style and data; it needs no server and asks no other host for anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.files import write_whole
from zoocut.preview.page import as_script, exact
from zoocut.preview.pictures import EmbeddedPictures, LinkedPictures, Pictures, Shown
from zoocut.results.answers import ReducedTask
from zoocut.results.plots import Plot
from zoocut.results.summary import Summary
from zoocut.results.table import columns_of_task
from zoocut.run.folder import Run
from zoocut.run.known import read_known
from zoocut.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["make_page"]


def make_page(
    path: Path,
    table: pa.Table,
    summary: Summary,
    runs: Sequence[Run],
    plots: Sequence[Plot],
    export: str,
    confidence: float,
    embed: bool = False,
) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        The HTML file to make or replace.
    table : pyarrow.Table
        The results, as they were written.
    summary : Summary
        What they came from.
    runs : sequence of Run
        Whose pictures are shown.
    plots : sequence of Plot
        Shown above the pictures.
    export : str
        The name of the export.
    confidence : float
        The level of the intervals.
    embed : bool
        Whether the pictures go into the page; else it links to them.

    Raises
    ------
    InputError
        When a file of a run cannot be read, or the page cannot be written.
    """
    from jinja2 import Environment

    own, preview = files("zoocut.results"), files("zoocut.preview")
    template = Environment(autoescape=True).from_string(own.joinpath("page.html").read_text("utf-8"))
    text = template.render(
        name=", ".join(run.path.resolve().name for run in runs),
        summary=summary,
        labels={(task.name, key): label for task in summary.tasks for key, label in task.labels.items()},
        plots=plots,
        confidence=confidence,
        version=__version__,
        export=export,
        style="".join(folder.joinpath("page.css").read_text("utf-8") for folder in (preview, own)),
        script=own.joinpath("page.js").read_text("utf-8"),
        data=as_script(_data(table, summary.tasks, _pictures(runs, path, embed))),
    )
    write_whole(path, text.encode("utf-8", "replace"))


def _pictures(runs: Sequence[Run], page: Path, embed: bool) -> dict[str, list[Shown]]:
    """Return what is shown of each source; where it is in several runs, the first one counts."""
    found: dict[str, list[Shown]] = {}
    for run in runs:
        pictures: Pictures = EmbeddedPictures(run) if embed else LinkedPictures(run, page)
        for row in read_known(run):
            if row.dia_source_id not in found:
                found[row.dia_source_id] = [pictures.show(image) for image in row.images]
    return found


FACTS = (
    "workflow_version", "classifications", "anonymous", "after_retirement", "last_classified_at", "retired_at",
    "withdrawn", "subject_ids", "sources",
)  # fmt: skip
"""Columns of the table that are about the classifications, not about the source."""


def _data(
    table: pa.Table, tasks: Sequence[ReducedTask], pictures: Mapping[str, list[Shown]]
) -> dict[str, Any]:
    identity, columns = table.column_names[0], {name: table[name].to_pylist() for name in table.column_names}
    voted = set(chain.from_iterable(columns_of_task(task) for task in tasks))
    facts = [name for name in columns if name in FACTS]
    catalog = [name for name in columns if name not in voted and name not in FACTS and name != identity]
    shown = [pictures.get(str(source), []) for source in columns.get("diaSourceId", [])]
    return {
        "what": {"diaSourceId": "sources", "subject_id": "subjects"}.get(identity, "objects"),
        "pictures": bool(shown),
        "tasks": [_task(task) for task in tasks],
        "facts": facts,
        "catalog": catalog,
        "rows": [
            [
                str(columns[identity][at]),
                shown[at] if shown else [],
                [exact(columns[name][at]) for name in facts],
                [_votes(columns, task, at) for task in tasks],
                [_plain(columns[name][at]) for name in catalog],
            ]
            for at in range(table.num_rows)
        ],
    }


def _task(task: ReducedTask) -> dict[str, Any]:
    answers = [{"key": key, "label": label} for key, label in task.labels.items()]
    return {"name": task.name, "question": task.question, "answers": answers}


def _votes(columns: Mapping[str, Sequence[Any]], task: ReducedTask, at: int) -> list[Any]:
    kinds = ("votes", "low", "high")
    values = ([columns[f"{task.name}.{key}.{kind}"][at] for key in task.labels] for kind in kinds)
    return [columns[f"{task.name}.n"][at], *values]


def _plain(value: Any) -> Any:
    """Return a value for JSON; what it has no form for, such as a time, is text."""
    return exact(value) if isinstance(value, bool | int | float | str | None) else str(value)
