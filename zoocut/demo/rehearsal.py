"""The whole journey on a simulated field and a sandbox: generate, upload, be killed, go on, compare, see results.

Every step is a command as a user would type it, run as a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zoocut.demo.classifying import open_workflow, wait_for_retirement
from zoocut.demo.field import simulate_field
from zoocut.demo.journey import Journey
from zoocut.files import write_whole

__all__ = ["Outcome", "demo"]

PROJECT, SUBJECT_SET = "owner/rehearsal", "First night"

CONFIGURATION = """\
# The demo's field: frames and sources simulated by `zoocut demo`.
[catalog]
kind = "table"
path = "field/sources.csv"

[images]
kind = "frames"
template = "field/{visit}_{detector}_template.fits"
science = "field/{visit}_{detector}_science.fits"
difference = "field/{visit}_{detector}_difference.fits"

[draw]
sizes = [30]

[metadata]
"!diaSourceId" = "diaSourceId"
"#band" = "band"
"#answer" = "answer"

[upload]
settle_s = 2
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the journey came to.

    Parameters
    ----------
    folder : Path
        Everything it made.
    rows : int
        Rows of the manifest, each of which is one subject in the set.
    page : Path
        What the sandbox's robots said of them.
    """

    folder: Path
    rows: int
    page: Path


def demo(folder: Path, seed: int, tell: Callable[[str], None]) -> Outcome:
    """Make the whole journey.

    Parameters
    ----------
    folder : Path
        Where everything goes; must not exist yet.
    seed : int
        Equal seeds make equal fields.
    tell : callable
        Told every command and what came of it, a line at a time.

    Raises
    ------
    VerificationFailed
        When the sandbox does not hold exactly the run.
    ZoocutError
        When a step fails.
    """
    tell(f"# simulating three exposures under {folder / 'field'}")
    simulate_field(folder / "field", seed)
    write_whole(folder / "zoocut.toml", CONFIGURATION.encode())
    journey = Journey(folder, tell)
    run = folder / "run"
    journey.type("generate", folder / "zoocut.toml", "-o", run)
    with journey.sandbox() as endpoint:
        upload = ["upload", run, "--project", PROJECT, "--set", SUBJECT_SET, "--endpoint", endpoint]
        journey.kill_half_way(upload, run)
        journey.type("status", run)
        journey.type(*upload)
        journey.type("verify", run)
        rows = journey.compare_with_sandbox(endpoint, run)
        workflow = open_workflow(endpoint, PROJECT)
        journey.type("sets", "link", SUBJECT_SET, workflow, "--project", PROJECT, "--endpoint", endpoint)
        tell("# robots of the sandbox classify, right nine times out of ten, until every subject is retired")
        wait_for_retirement(endpoint, workflow, rows)
        page = folder / "results.html"
        journey.type("results", run, "--page", page)
    return Outcome(folder, rows, page)
