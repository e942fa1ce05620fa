"""`zoocut results`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoocut.cli.asking import told_when_stopped
from zoocut.cli.options import EndpointOption, JsonOption, ProjectOption
from zoocut.cli.progress import counting, waiting_words

if TYPE_CHECKING:
    import pyarrow as pa

    from zoocut.results import Rules, Summary
    from zoocut.results.workflow import WorkflowTasks
    from zoocut.run.folder import Run


RunsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="RUN...", help="The runs whose sources were voted on.", show_default=False),
]
ExportOption = Annotated[
    Path | None,
    typer.Option("--export", help="A classification export that is there already.", show_default=False),
]
WorkflowOption = Annotated[
    str | None, typer.Option("--workflow", "-w", help="The workflow's id or name.", show_default=False)
]
WorkflowsOption = Annotated[
    Path | None,
    typer.Option(
        "--workflows",
        help="The project's workflow export, which tells what the numbers of answers mean.",
        show_default=False,
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The table, .parquet, .ecsv or .csv; RUN/results.parquet when not given.",
        show_default=False,
    ),
]
VersionOption = Annotated[
    str,
    typer.Option(
        "--workflow-version",
        help="Whose votes count: newest, all, each (a row for each version), or a version such as 12 or 12.34.",
    ),
]
ByOption = Annotated[str, typer.Option("--by", help="What each row stands for: source, subject or object.")]
AllVotesOption = Annotated[
    bool,
    typer.Option("--all-votes", help="Count all votes of a volunteer for a subject, not only the first."),
]
DropAnonymousRepeatsOption = Annotated[
    bool,
    typer.Option(
        "--drop-anonymous-repeats",
        help="Of volunteers without sign-in, count one vote for each subject and network; a classroom shares one.",
    ),
]
BeforeLaunchOption = Annotated[
    bool, typer.Option("--before-launch", help="Count what was classified before the project's launch.")
]
AlreadySeenOption = Annotated[
    bool,
    typer.Option("--already-seen", help="Count votes of volunteers who had seen the subject before."),
]
ConfidenceOption = Annotated[
    float,
    typer.Option("--confidence", min=0.01, max=0.9999, help="The confidence level of the Wilson intervals."),
]
PageOption = Annotated[
    Path | None,
    typer.Option(
        "--page", help="Also make a page of the pictures with their votes, as this file.", show_default=False
    ),
]
EmbedOption = Annotated[
    bool, typer.Option("--embed", help="Put the pictures into the page, to send it to somebody.")
]
PlotsOption = Annotated[
    Path | None,
    typer.Option(
        "--plots", help="Also write the page's plots as PNG files, into this folder.", show_default=False
    ),
]
MaxAgeOption = Annotated[
    float,
    typer.Option(
        "--max-age",
        min=0,
        help="Take an export that is younger than this many hours; else ask for a new one.",
    ),
]
WaitOption = Annotated[
    float, typer.Option("--wait", min=0, help="Minutes to wait for an export that the server is making.")
]


WITHDRAWN = "the workflow serves their sets no more, and they were not retired"


def results(
    runs: RunsArgument,
    export: ExportOption = None,
    workflow: WorkflowOption = None,
    workflows: WorkflowsOption = None,
    output: OutputOption = None,
    version: VersionOption = "newest",
    by: ByOption = "source",
    all_votes: AllVotesOption = False,
    drop_anonymous_repeats: DropAnonymousRepeatsOption = False,
    before_launch: BeforeLaunchOption = False,
    already_seen: AlreadySeenOption = False,
    confidence: ConfidenceOption = 0.6827,
    page: PageOption = None,
    embed: EmbedOption = False,
    plots: PlotsOption = None,
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    max_age: MaxAgeOption = 24.0,
    wait: WaitOption = 120.0,
    as_json: JsonOption = False,
) -> None:
    """Count what volunteers answered, for each diaSourceId: votes, fractions, intervals, consensus.

    The export is asked from the server that the runs went to, or given with --export.

    Example: zoocut results night-run --project owner/name --workflow 77
    """
    from zoocut.results import read_workflow_export, reduce_export
    from zoocut.run.folder import Run

    opened = [Run.open(path) for path in runs]
    table = output or opened[0].path / "results.parquet"
    rules = _rules(
        workflow, version, by, all_votes, drop_anonymous_repeats, before_launch, already_seen, confidence
    )
    known: Mapping[str, WorkflowTasks] = read_workflow_export(workflows) if workflows else {}
    with told_when_stopped(f"stopped; {table} is as it was: run the same command again, it goes on"):
        if export is None:
            export, rules, known, endpoint = _asked(opened, endpoint, project, rules, known, max_age, wait)
        with counting("{} rows read") as report:
            tables: list[pa.Table] = []
            keep = tables.append if page or plots else lambda table: None
            summary = reduce_export(opened, export, table, rules, known, endpoint, report, keep)
        if tables:
            _show(tables, summary, opened, export, rules, page, embed, plots)
    _tell(summary, page, as_json)
    if summary.broken.reasons:
        raise typer.Exit(3)


def _show(
    tables: Sequence[pa.Table],
    summary: Summary,
    runs: Sequence[Run],
    export: Path,
    rules: Rules,
    page: Path | None,
    embed: bool,
    folder: Path | None,
) -> None:
    """Make the page and the plots."""
    import pyarrow as pa

    from zoocut.files import write_whole
    from zoocut.results.page import make_page
    from zoocut.results.plots import make_plots

    table = pa.concat_tables(tables)
    plots = make_plots(table, summary)
    if page:
        make_page(page, table, summary, runs, plots, export.name, rules.confidence, embed)
    if folder:
        for plot in plots:
            write_whole(folder / f"{summary.path.stem}-{plot.name}.png", plot.png)


def _asked(
    runs: Sequence[Run],
    endpoint: str | None,
    project: str | None,
    rules: Rules,
    known: Mapping[str, WorkflowTasks],
    max_age_h: float,
    wait_min: float,
) -> tuple[Path, Rules, Mapping[str, WorkflowTasks], str]:
    """Have the export from the server; say of what, with the workflow's tasks where no file told them."""
    from zoocut.api.exports import export_of_runs
    from zoocut.cli.console import notes

    with counting("{} bytes of the export") as report:
        found = export_of_runs(
            runs,
            runs[0].path / "exports",
            endpoint=endpoint,
            project=project,
            workflow=rules.workflow,
            max_age_s=max_age_h * 3600,
            wait_s=wait_min * 60,
            waiting=waiting_words,
            report=report,
        )
    notes.print(f"export: {found.path}", markup=False)
    tasks = known or {found.workflow_id: found.tasks}
    return found.path, replace(rules, workflow=found.workflow_id), tasks, found.endpoint


def _rules(
    workflow: str | None,
    version: str,
    by: str,
    all_votes: bool,
    drop_anonymous_repeats: bool,
    before_launch: bool,
    already_seen: bool,
    confidence: float,
) -> Rules:
    from zoocut.error_kinds import WrongOption
    from zoocut.results import Rules, Unit, parse_version

    if by not in list(Unit):
        raise WrongOption(f"--by {by} is none of {', '.join(Unit)}")
    return Rules(
        workflow,
        parse_version(version),
        Unit(by),
        all_votes,
        drop_anonymous_repeats,
        before_launch,
        already_seen,
        confidence,
    )


def _tell(summary: Summary, page: Path | None, as_json: bool) -> None:
    from zoocut.cli.console import notes, print_json
    from zoocut.cli.console import results as out

    if as_json:
        broken = {"rows": sum(summary.broken.reasons.values()), "lines": list(summary.broken.lines)}
        shown = {"page": str(page)} if page else {}
        document = {
            "version": 1,
            "table": str(summary.path),
            **shown,
            "rows": summary.rows,
            **summary.document(),
        }
        print_json({**document, "confusion": summary.confusion_document(), "broken": broken})
        return
    out.print(
        f"{summary.path}: {summary.rows} rows from {summary.used} of {summary.read} classifications",
        markup=False,
    )
    for reason, count in summary.left_out.items():
        out.print(f"  {count} left out: {reason}", markup=False)
    if summary.withdrawn:
        out.print(f"  {summary.withdrawn} withdrawn: {WITHDRAWN}", markup=False)
    for task in summary.tasks:
        answers = ", ".join(
            f"{key} {label!r}" if key != label else repr(key) for key, label in task.labels.items()
        )
        out.print(f"  {task.name} {task.question!r}: {answers}", markup=False)
    labels = {(task.name, key): label for task in summary.tasks for key, label in task.labels.items()}
    for one in summary.confusion:
        right, given = (labels.get((one.task, key), key) for key in (one.right, one.given))
        words = f"  {one.basis}, {one.task}: {right!r} is right, {given!r} was given {one.votes} times"
        out.print(words, markup=False)
    if page:
        out.print(f"open it: {page.resolve().as_uri()}", markup=False)
    for name, why in summary.not_reduced.items():
        notes.print(f"note: {name} is not counted: {why}", markup=False)
    if summary.broken.lines:
        notes.print(f"broken rows end on lines {', '.join(map(str, summary.broken.lines))}", markup=False)
