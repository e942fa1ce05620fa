"""From an export and some runs to results: the job from beginning to end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.error_kinds import BadExport, NothingCounted, NotThere, SeveralMeant, WrongOutput
from zoocut.results.answers import Answers
from zoocut.results.classification import Unreadable, read_classification
from zoocut.results.export_file import ExportFile
from zoocut.results.rules import Reason, Rules, VersionRule
from zoocut.results.sources import KnownSources
from zoocut.results.statistics import INTERVAL
from zoocut.results.summary import Broken, Summary
from zoocut.results.table import ROWS_AT_ONCE, batches
from zoocut.results.votes import Votes
from zoocut.results.workflow import Version, WorkflowTasks
from zoocut.results.writing import require_format, write_results
from zoocut.run.folder import Run
from zoocut.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Summary", "reduce_export"]

ROWS_BETWEEN_REPORTS = 1000
MOST_LINES = 20
CELLS = "with another number of cells than the header"


def reduce_export(
    runs: Sequence[Run],
    export: Path,
    path: Path,
    rules: Rules,
    workflows: Mapping[str, WorkflowTasks],
    endpoint: str | None = None,
    report: Callable[[int, int | None], None] = lambda rows, total: None,
    keep: Callable[[pa.Table], None] = lambda table: None,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Summary:
    """Count the votes of an export for what some runs know, and write them.

    Parameters
    ----------
    runs : sequence of Run
        Generated, or only uploaded.
    export : Path
        A classification export of Zooniverse, gzipped or not.
    path : Path
        The results to make or replace: .parquet, .ecsv or .csv.
    rules : Rules
        What counts.
    workflows : mapping of str to WorkflowTasks
        What is known of the workflows by id; without it answers go by their labels.
    endpoint : str, optional
        The server that the export is from; needed only when the runs went to several.
    report : callable
        Told from time to time how many rows were read.
    keep : callable
        Given each batch of the table as it is written, for whoever shows it.
    rows_at_once : int
        Rows of the table that are in memory together.

    Raises
    ------
    InputError
        When a file cannot be read, or none of the classifications is about the runs.
    ConfigError
        When the workflow or its version is not in the export.
    """
    require_format(path)
    if path.exists() and export.exists() and path.samefile(export):
        raise WrongOutput(f"{path} is the export itself: give another file to write to")
    with closing(Votes(answers := Answers(workflows))) as votes:
        sources = KnownSources(runs, endpoint)
        broken = _read(ExportFile(export), votes, sources, report)
        summary = _count(votes, answers, rules, broken, export)
        if not summary.used:
            raise NothingCounted(_why_nothing(export, sources, summary.left_out, votes))
        settled = replace(rules, version=summary.version)
        withdrawn = set(sources.withdrawn_from(summary.workflow_id)).difference(
            votes.retired(summary.workflow_id)
        )
        summary = replace(summary, withdrawn=len(withdrawn))
        tables = _kept(batches(sources, votes, summary.tasks, settled, withdrawn, rows_at_once), keep)
        header = _header(summary, sources.runs, export, rules)
        return replace(summary, path=path, rows=write_results(path, tables, header))


def _count(votes: Votes, answers: Answers, rules: Rules, broken: Broken, export: Path) -> Summary:
    """Choose workflow and version, decide of each classification, and sum up."""
    workflow_id, name = _workflow(votes, rules.workflow, broken, export)
    versions = votes.versions(workflow_id)
    version = _version(rules.version, versions, export)
    reasons = votes.settle(workflow_id, rules, version)
    used = reasons.pop("", 0)
    tasks = answers.tasks(workflow_id, version.accepts)
    anonymous, late = votes.totals()
    return Summary(
        used=used,
        left_out={**broken.reasons, **reasons},
        broken=broken,
        workflow_id=workflow_id,
        workflow_name=name,
        versions={f"{major}.{minor}": count for (major, minor), count in versions.items()},
        version=version,
        tasks=tasks,
        not_reduced=answers.not_reduced(workflow_id),
        anonymous=anonymous,
        after_retirement=late,
        confusion=list(votes.confusion(tasks[0].name if len(tasks) == 1 else None)),
        per_day=votes.per_day(),
    )


def _kept(tables: Iterator[pa.Table], keep: Callable[[pa.Table], None]) -> Iterator[pa.Table]:
    for table in tables:
        keep(table)
        yield table


def _read(
    file: ExportFile, votes: Votes, sources: KnownSources, report: Callable[[int, int | None], None]
) -> Broken:
    reasons: Counter[str] = Counter()
    lines: list[int] = []
    for number, row in enumerate(file.rows(), start=1):
        try:
            if row.cells is None:
                raise Unreadable(CELLS)
            one = read_classification(row.cells)
            source, problem = sources.find(one)
            votes.add(one, source, sources.object_of(source), problem)
        except Unreadable as error:
            reasons[str(error)] += 1
            if len(lines) < MOST_LINES:
                lines.append(row.line)
        if number % ROWS_BETWEEN_REPORTS == 0:
            report(number, None)
    return Broken(reasons, lines)


def _workflow(votes: Votes, wanted: str | None, broken: Broken, export: Path) -> tuple[str, str]:
    """Choose the workflow: the one that is named, by id or name, or the only one there is."""
    known = votes.workflows()
    names = ", ".join(f"{number} ({name!r}: {count})" for number, (name, count) in known.items())
    if not known and broken.reasons:
        told = "; ".join(f"{count} {reason}" for reason, count in broken.reasons.items())
        raise BadExport(
            f"no classification in {export} can be read ({told}): ask Zooniverse for the export again"
        )
    if not known:
        raise BadExport(f"{export} holds no classifications: nobody had classified when it was made")
    found = [number for number, (name, _) in known.items() if wanted in (None, number, name)]
    if len(found) > 1:
        raise SeveralMeant(
            f"{export} has classifications of several workflows: choose one with --workflow, of {names}"
        )
    if not found:
        raise NotThere(f"{export} has no classifications of a workflow {wanted!r}: it has {names}")
    return found[0], known[found[0]][0]


def _version(rule: VersionRule, known: Mapping[Version, int], export: Path) -> VersionRule:
    """Return the rule with the newest version by its number; refuse one that nothing was classified in."""
    if rule.newest and known:
        return replace(rule, major=max(major for major, _ in known), newest=False)
    if known and not any(rule.accepts(version) for version in known):
        names = ", ".join(f"{major}.{minor}" for major, minor in known)
        raise NotThere(
            f"{export} has no classification of version {rule.words} about these runs: it has {names}"
        )
    return rule


def _why_nothing(export: Path, sources: KnownSources, left_out: Mapping[str, int], votes: Votes) -> str:
    told = "; ".join(f"{count} {reason}" for reason, count in left_out.items())
    message = f"none of the classifications in {export} counts for these runs ({told})"
    unknown = left_out.get(Reason.UNKNOWN, 0)
    if not unknown or any(reason not in (Reason.UNKNOWN, Reason.WORKFLOW) for reason in left_out):
        return message
    last = votes.span()[1]
    if sources.uploaded_at and last and last < sources.uploaded_at:
        return (
            f"{message}: its last classification is of {last}, before the subjects were uploaded "
            f"({sources.uploaded_at}); ask for a new export"
        )
    return f"{message}: it is of another project, or of other runs; give the runs that were classified"


def _header(summary: Summary, runs: Sequence[Run], export: Path, rules: Rules) -> dict[str, Any]:
    choices = {name: value for name, value in asdict(rules).items() if name not in ("workflow", "version")}
    return {
        "zoocut": __version__,
        **summary.document(),
        "rules": choices,
        "interval": {"method": INTERVAL, "confidence": rules.confidence},
        "export": {"file": export.name, "sha256": ExportFile(export).sha256()},
        "manifests": [
            {"run": run.run_id, "file": run.manifest.name, "sha256": _sha256(run.manifest)}
            for run in runs
            if run.has_manifest
        ],
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
