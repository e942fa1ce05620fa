"""`zoocut upload`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoocut.cli.options import EncodingOption, ImagesOption, JsonOption, ManifestFolder, listed
from zoocut.cli.tables import reason_lines
from zoocut.files import typed

if TYPE_CHECKING:
    from zoocut.uploading.report import TargetSummary, UploadSummary

__all__ = ["upload"]


ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project",
        "-p",
        help="The project as owner/name, its id or its web address; by default ZOOCUT_PROJECT where --set is given, "
        "else the project that the run went to.",
    ),
]
SetOption = Annotated[
    str | None, typer.Option("--set", help="The subject set, by name or id; a new name makes a set.")
]
EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        help="The server; by default PANOPTES_ENDPOINT, else the one that the run went to, else the real Zooniverse.",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="A configuration file whose [upload] and [rights] replace those of the run.",
        show_default=False,
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and write nothing.")]
RetryOption = Annotated[bool, typer.Option("--retry-rejected", help="Try rejected rows again.")]
SetByOption = Annotated[
    str | None,
    typer.Option(
        "--set-by",
        help="A metadata key: rows go to one set for each of its values, named as in --set 'Night {KEY}'.",
    ),
]
SampleOption = Annotated[
    int | None,
    typer.Option("--sample", min=1, help="Upload only this many rows, the first ones, as for a rehearsal."),
]
RightsOption = Annotated[
    str | None,
    typer.Option("--rights", help="Why Rubin's data may be public; docs/rights.md lists the grounds."),
]
UrlsOption = Annotated[
    bool,
    typer.Option("--urls", help="Make subjects of the addresses in manifest-urls.csv; no image is sent."),
]
ImportOption = Annotated[
    bool,
    typer.Option("--import", help="Let the server import manifest-urls.csv: one request for many rows."),
]
ImportRowsOption = Annotated[
    int | None,
    typer.Option(
        "--import-rows", min=1, help="The largest number of rows in one import.", rich_help_panel="Import"
    ),
]
ImportStallOption = Annotated[
    float | None,
    typer.Option(
        "--import-stall",
        min=0.1,
        help="Seconds without progress after which an import counts as failed.",
        rich_help_panel="Import",
    ),
]
AssentOption = Annotated[
    bool, typer.Option("--yes", help="Do not ask before adding to a set that volunteers are shown.")
]
AgainOption = Annotated[
    bool, typer.Option("--again", help="Also upload rows whose external_id the set holds already.")
]
TalkOnlyOption = Annotated[
    bool,
    typer.Option(
        "--talk-only", help="Only attach the files for Talk, to subjects that were uploaded before."
    ),
]
CreateOption = Annotated[
    bool, typer.Option("--create", help="Make a new set although the run is in another one already.")
]
CheckOption = Annotated[
    str | None,
    typer.Option(
        "--check",
        help="Which images to read back from their public addresses before linking: all, sample or none.",
    ),
]
TIMING = "How long is waited, how much at once"
SettleOption = Annotated[
    float | None,
    typer.Option(
        "--settle",
        min=0,
        help="Seconds to wait after a lost answer: a subject that is not found by then counts as not made.",
        rich_help_panel=TIMING,
    ),
]
GiveUpOption = Annotated[
    float | None,
    typer.Option(
        "--give-up-after",
        min=1,
        help="Seconds without any progress after which the upload ends.",
        rich_help_panel=TIMING,
    ),
]
AnswerOption = Annotated[
    float | None,
    typer.Option(
        "--answer", min=0.1, help="Seconds to wait for an answer of the server.", rich_help_panel=TIMING
    ),
]
RequestsOption = Annotated[
    int | None,
    typer.Option(
        "--requests", min=1, max=64, help="The largest number of requests at once.", rich_help_panel=TIMING
    ),
]
LedgerOption = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        help="From now on, keep the run's ledger in this file or folder on a local disk; needed where the run folder's "
        "file system keeps no locks.",
        show_default=False,
    ),
]


def upload(
    run: ManifestFolder,
    project: ProjectOption = None,
    subject_set: SetOption = None,
    endpoint: EndpointOption = None,
    config: ConfigOption = None,
    dry_run: DryRunOption = False,
    retry_rejected: RetryOption = False,
    set_by: SetByOption = None,
    sample: SampleOption = None,
    rights: RightsOption = None,
    urls: UrlsOption = False,
    server_import: ImportOption = False,
    import_rows: ImportRowsOption = None,
    import_stall: ImportStallOption = None,
    images: ImagesOption = None,
    encoding: EncodingOption = None,
    yes: AssentOption = False,
    again: AgainOption = False,
    create: CreateOption = False,
    talk_only: TalkOnlyOption = False,
    check: CheckOption = None,
    settle: SettleOption = None,
    give_up_after: GiveUpOption = None,
    answer: AnswerOption = None,
    requests: RequestsOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Upload a run to a subject set: each row exactly once. Run it again and it goes on.

    Example: zoocut upload night-run --project owner/rehearsal --set "First night"
    """
    what: dict[str, Any] = {
        "config": config,
        "sample": sample,
        "urls": urls,
        "server_import": server_import,
        "again": again,
    }
    where = {"project": project, "subject_set": subject_set, "endpoint": endpoint, "set_by": set_by}
    settings = {
        "settle_s": settle,
        "give_up_after_s": give_up_after,
        "answer_s": answer,
        "most_requests": requests,
        "check": check,
        "import_rows": import_rows,
        "import_stall_s": import_stall,
    }
    options = what | where | {"rights": rights, "images": listed(images), "encoding": encoding}
    options |= {"settings": {f"upload.{name}": value for name, value in settings.items()}}
    if dry_run:
        from zoocut.cli.dry_run import tell_plan

        every_row = tell_plan(run, options, as_json)
    else:
        further = {"retry_rejected": retry_rejected, "talk_only": talk_only, "ledger": ledger}
        every_row = _carry_out(run, {**options, **further}, create, yes, as_json)
    if not every_row:
        raise typer.Exit(3)


def _carry_out(run: Path, options: dict[str, Any], create: bool, yes: bool, as_json: bool) -> bool:
    """Upload, and tell whether no row was rejected."""
    from zoocut.cli.asking import agreed_to_create, ask, assent, told_when_stopped
    from zoocut.cli.progress import upload_progress
    from zoocut.cli.stopping import Stop
    from zoocut.errors import Interrupted

    stop = Stop()
    stopped = f"stopped; the run is safe: go on with `zoocut upload {typed(run)}`"
    try:
        with told_when_stopped("stopped; nothing was sent"), upload_progress() as report:
            from zoocut.api.uploads import upload as carry_out  # takes a moment, so it follows the first line

            summary = carry_out(
                run,
                **options,
                create=create or agreed_to_create,
                confirm=assent if yes else ask,
                tell=assent,
                progress=report,
                stopping=stop.taking_signals,
            )
    except Interrupted as error:
        raise Interrupted(stopped if stop.flag.is_set() else str(error), stop.exit_code or 130) from None
    _tell(summary, as_json)
    if stop.flag.is_set() and not summary.complete:
        raise Interrupted(stopped, stop.exit_code)
    return not (summary.rejected or summary.not_on_talk)


def _tell(summary: UploadSummary, as_json: bool) -> None:
    from zoocut.cli.console import print_json, results
    from zoocut.run.folder import Run
    from zoocut.viewers import needed_viewer

    if as_json:
        print_json(summary.to_dict())
        return
    for target in summary:
        _tell_target(target, summary.path)
    from rich.filesize import decimal

    results.print(f"{decimal(summary.sent_bytes)} in {summary.took_s:.1f} s", markup=False)
    run = typed(summary.path)
    opened = Run.open(summary.path)
    names = dict.fromkeys(ended.target.manifest for ended in summary)
    viewer = next((found for name in names if (found := needed_viewer(opened.by(name)))), None)
    if viewer is not None:
        results.print(
            f'its plots are seen in workflows whose configuration is {{"subject_viewer": "{viewer}"}}: an editor of the'
            f" project sets it; zoocut doctor --workflow ID --run {run} checks it",
            markup=False,
        )
    if summary.rejected:
        results.print(
            f"next: mend what the reasons name, then zoocut upload {run} --retry-rejected", markup=False
        )
    elif summary.not_on_talk:
        results.print(
            f"next: mend what the reasons name, then zoocut upload {run}, which attaches what is left",
            markup=False,
        )
    else:
        results.print(f"next: zoocut status {run}", markup=False)


def _tell_target(ended: TargetSummary, run: Path) -> None:
    from zoocut.cli.console import results

    counts = ", ".join(f"{count} {state.value}" for state, count in ended.counts.items() if count)
    where = ended.target
    results.print(
        f"{where.project_slug}, set {where.set_id} {where.set_name!r} at {where.endpoint}: {counts or 'no rows'}",
        markup=False,
    )
    if ended.talk:
        files = ", ".join(f"{count} {state}" for state, count in ended.talk.items())
        results.print(f"  files for Talk: {files}", markup=False)
    for line in reason_lines(ended.reasons, run):
        results.print(line, markup=False)
