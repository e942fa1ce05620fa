"""What a workflow must be set to, so that volunteers see what the subjects of a run have.

Zooniverse infers nothing from a subject's files: a plot is shown only where the workflow's configuration asks for
the viewer that draws it. An editor of the project sets it in the lab, or Zooniverse's staff.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from zoocut.run.folder import Run
from zoocut.zooniverse.set_admin import Workflow

__all__ = ["needed_viewer", "unmet_needs"]

PLOT_ENDING = ".json"
VIEWER = "subject_viewer"
BESIDE_PICTURES, ALONE = "dataImage", "scatterPlot"
PRIORITY = "#priority"
ROWS_READ = 1000
"""Rows of a manifest that are looked at: all rows of a run have the same media, but for some that lack one."""


def needed_viewer(run: Run) -> str | None:
    """Return the `subject_viewer` that a run's subjects need; None where any will do.

    Raises
    ------
    InputError
        When the manifest cannot be read.
    """
    found = {_viewer(row.locations) for row in islice(run.rows(), ROWS_READ)}
    return next((name for name in (BESIDE_PICTURES, ALONE) if name in found), None)


def unmet_needs(run: Run, workflow: Workflow) -> Iterator[str]:
    """Say what of a workflow does not fit a run's subjects, and what to do.

    Raises
    ------
    InputError
        When the manifest cannot be read.
    """
    viewer, asked = needed_viewer(run), workflow.configuration.get(VIEWER)
    if viewer is not None and asked != viewer:
        now = "no viewer" if asked is None else str(asked)
        yield (
            f"it asks for {now}, so volunteers do not see the plots: have its configuration set to"
            f' {{"{VIEWER}": "{viewer}"}} by an editor of the project or by Zooniverse'
        )
    keys = {key.lstrip("%").casefold() for row in islice(run.rows(), ROWS_READ) for key in row.metadata}
    if PRIORITY in keys and not workflow.prioritized:
        yield f"it is not prioritized, so it serves subjects in any order, whatever their {PRIORITY}"


def _viewer(locations: Iterable[str]) -> str | None:
    plots = [location.lower().endswith(PLOT_ENDING) for location in locations]
    if not any(plots):
        return None
    return ALONE if all(plots) else BESIDE_PICTURES
