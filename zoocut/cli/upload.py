"""`zoocut upload`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoocut.cli.options import EncodingOption, ImagesOption, JsonOption, ManifestFolder, listed
from zoocut.files import typed

if TYPE_CHECKING:
    from zoocut.config.upload import UploadSettings
    from zoocut.run.folder import Run
    from zoocut.uploading import UploadRequest
    from zoocut.uploading.report import Summary, TargetSummary

__all__ = ["upload"]


ProjectOption = Annotated[
    str | None, typer.Option("--project", help="The project: owner/name, or its number.")
]
SetOption = Annotated[str | None, typer.Option("--set", help="The set's name; made when new.")]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", help="The server. Else PANOPTES_ENDPOINT, else where the run already goes."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what it would do; write nothing.")]
RetryOption = Annotated[bool, typer.Option("--retry-rejected", help="Give rejected rows another chance.")]
SetByOption = Annotated[
    str | None,
    typer.Option("--set-by", help="A metadata key; with --set 'Night {KEY}' each value has a set."),
]
SampleOption = Annotated[
    int | None, typer.Option("--sample", min=1, help="Only the first rows, for a rehearsal on staging.")
]
RightsOption = Annotated[
    str | None, typer.Option("--rights", help="For LSST instruments: why the pixels may be public.")
]
UrlsOption = Annotated[
    bool, typer.Option("--urls", help="Name images by the addresses in manifest-urls.csv; send no bytes.")
]
AssentOption = Annotated[bool, typer.Option("--yes", help="Do not ask before adding to a set in use.")]
AgainOption = Annotated[
    bool, typer.Option("--again", help="Make rows also when the set already holds their external_id.")
]
CheckOption = Annotated[
    str | None,
    typer.Option("--check", help="Public addresses to read back before linking: all, sample or none."),
]
TIMING = "How long is waited, how much at once"
SettleOption = Annotated[
    float | None,
    typer.Option(
        "--settle",
        min=0,
        help="Seconds until the absence of a doubtful subject counts.",
        rich_help_panel=TIMING,
    ),
]
GiveUpOption = Annotated[
    float | None,
    typer.Option(
        "--give-up-after",
        min=1,
        help="Seconds without any progress after which it ends.",
        rich_help_panel=TIMING,
    ),
]
AnswerOption = Annotated[
    float | None,
    typer.Option("--answer", min=0.1, help="Seconds to wait for an answer.", rich_help_panel=TIMING),
]
RequestsOption = Annotated[
    int | None,
    typer.Option("--requests", min=1, max=64, help="Most requests at once.", rich_help_panel=TIMING),
]


def upload(
    run: ManifestFolder,
    project: ProjectOption = None,
    subject_set: SetOption = None,
    endpoint: EndpointOption = None,
    dry_run: DryRunOption = False,
    retry_rejected: RetryOption = False,
    set_by: SetByOption = None,
    sample: SampleOption = None,
    rights: RightsOption = None,
    urls: UrlsOption = False,
    images: ImagesOption = None,
    encoding: EncodingOption = None,
    yes: AssentOption = False,
    again: AgainOption = False,
    check: CheckOption = None,
    settle: SettleOption = None,
    give_up_after: GiveUpOption = None,
    answer: AnswerOption = None,
    requests: RequestsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Upload a run to a subject set: each row exactly once. Run it again and it goes on.

    Example: zoocut upload night-run --project owner/rehearsal --set "First night"
    """
    import os

    from zoocut.cli.asking import ask, assent
    from zoocut.cli.dry_run import tell_plan
    from zoocut.uploading import CHECKS, Timing, UploadRequest, look_at_run, open_run, where_to

    given = {
        "project": project,
        "subject_set": subject_set,
        "settle_s": settle,
        "give_up_after_s": give_up_after,
        "answer_s": answer,
        "most_requests": requests,
        "check": check,
    }
    opened = look_at_run(run) if dry_run else open_run(run)
    opened = opened.read_as(listed(images), encoding)
    opened = opened.by_addresses() if urls else opened
    settings = _settings(opened.settings, given)
    goal = where_to(opened, endpoint, os.environ, settings)
    request = UploadRequest(
        goal,
        Timing(settings.settle_s, settings.give_up_after_s, settings.most_requests),
        assent if yes else ask,
        assent,
        set_by=set_by,
        sample=sample,
        rights=rights,
        retry_rejected=retry_rejected,
        again=again,
        checks=CHECKS[settings.check],
    )
    act = tell_plan if dry_run else _carry_out
    if not act(opened, request, settings.answer_s, as_json):
        raise typer.Exit(3)


def _carry_out(run: Run, request: UploadRequest, answer_s: float, as_json: bool) -> bool:
    """Upload, and tell whether no row was rejected."""
    from zoocut.api.server import credentials_for
    from zoocut.cli.asking import told_when_stopped
    from zoocut.cli.progress import upload_progress
    from zoocut.cli.stopping import stopping
    from zoocut.errors import Interrupted
    from zoocut.ledger import Ledger, sole_uploader
    from zoocut.uploading import upload as carry_out
    from zoocut.zooniverse.connect import connect

    with told_when_stopped("stopped; nothing was sent"):
        panoptes, store = connect(request.goal.endpoint, credentials_for(request.goal.endpoint), answer_s)
    with (
        sole_uploader(run.ledger),
        Ledger.open(run.ledger, run.run_id) as ledger,
        stopping() as stop,
        upload_progress() as report,
    ):
        summary = carry_out(run, request, ledger, panoptes, store, report, stop.flag)
    _tell(run.path, summary, as_json)
    if stop.flag.is_set() and not summary.complete:
        raise Interrupted(
            f"stopped; the run is safe: go on with `zoocut upload {typed(run.path)}`", stop.exit_code
        )
    return not summary.rejected


def _settings(run_settings: Mapping[str, Any], given: Mapping[str, object]) -> UploadSettings:
    """Put options over the run's own `[upload]` settings."""
    from pydantic import ValidationError

    from zoocut.config.upload import UploadSettings
    from zoocut.errors import ConfigError

    known = {key: run_settings.get("upload", {}).get(key) for key in UploadSettings.model_fields}
    options = {key: value for key, value in given.items() if value is not None}
    merged = {key: value for key, value in {**known, **options}.items() if value is not None}
    try:
        return UploadSettings.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(f"{first['loc'][0]} = {first['input']!r} is not allowed: {first['msg']}") from None


def _tell(run: Path, summary: Summary, as_json: bool) -> None:
    from zoocut.cli.console import print_json, results

    if as_json:
        print_json(_document(run, summary))
        return
    for target in summary.targets:
        _tell_target(target)
    results.print(f"{summary.sent_bytes / 1e6:.1f} MB in {summary.took_s:.1f} s", markup=False)
    if summary.rejected:
        results.print(
            f"next: mend what the reasons name, then zoocut upload {typed(run)} --retry-rejected",
            markup=False,
        )
    else:
        results.print(f"next: zoocut status {typed(run)}", markup=False)


def _tell_target(ended: TargetSummary) -> None:
    from zoocut.cli.console import results

    counts = ", ".join(f"{count} {state.value}" for state, count in ended.counts.items() if count)
    where = ended.target
    results.print(
        f"{where.project_slug}, set {where.set_id} {where.set_name!r} at {where.endpoint}: {counts or 'no rows'}",
        markup=False,
    )
    for external_id, reason in ended.rejected:
        results.print(f"  {external_id}: {reason}", markup=False)


def _document(run: Path, summary: Summary) -> dict[str, object]:
    return {
        "version": 1,
        "run": {"path": str(run)},
        "targets": [
            {
                "endpoint": ended.target.endpoint,
                "project": {"id": ended.target.project_id, "slug": ended.target.project_slug},
                "subject_set": {"id": ended.target.set_id, "display_name": ended.target.set_name},
                "states": {state.value: count for state, count in ended.counts.items()},
                "complete": ended.complete,
                "rejected": [{"external_id": name, "reason": why} for name, why in ended.rejected],
            }
            for ended in summary.targets
        ],
        "sent_bytes": summary.sent_bytes,
        "took_s": round(summary.took_s, 3),
    }
