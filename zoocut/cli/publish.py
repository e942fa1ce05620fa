"""`zoocut publish`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zoocut.cli.options import JsonOption, RunFolder
from zoocut.files import typed

if TYPE_CHECKING:
    from zoocut.destinations import Destination
    from zoocut.publishing import Publication
    from zoocut.run.folder import Run

__all__ = ["publish"]

SHOWN = 10


def publish(
    run: RunFolder,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            help="What is served at manifest.url_root: s3://BUCKET/FOLDER, file:///FOLDER or a folder.",
            show_default=False,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be done, and write nothing.")
    ] = False,
    rights: Annotated[
        str | None,
        typer.Option("--rights", help="Why Rubin's data may be public; docs/rights.md lists the grounds."),
    ] = None,
    check: Annotated[
        str,
        typer.Option("--check", help="Which addresses to read back, as anybody would: all, sample or none."),
    ] = "sample",
    as_json: JsonOption = False,
) -> None:
    """Put a run's images, and manifest-urls.csv, where they are served from. Run it again and it goes on.

    Example: zoocut publish night-run --to s3://my-bucket/night-1
    """
    from zoocut.cli.asking import assent
    from zoocut.cli.console import notes, print_json
    from zoocut.cli.stopping import broken_off
    from zoocut.destinations import open_destination
    from zoocut.rights import require_rights
    from zoocut.run.folder import Run

    _require_choice(check)
    opened = Run.open(run)
    for note in require_rights(opened, rights).notes:
        assent(note)
    destination, told = open_destination(to)
    if told:
        notes.print(f"note: {told}", markup=False)
    with broken_off(
        f"stopped; what was put stays: go on with `zoocut publish {typed(run)} --to {typed(to)}`"
    ):
        ended = _planned(opened, to, destination) if dry_run else _published(opened, to, destination, check)
    if as_json:
        print_json(ended.to_dict())
    else:
        _tell(ended, opened, dry_run)
    ended.raise_for_unserved()
    if ended.failed:
        raise typer.Exit(3)


def _require_choice(check: str) -> None:
    from zoocut.error_kinds import WrongOption

    if check not in ("all", "sample", "none"):
        raise WrongOption(f"--check {check!r} is not known: give all, sample or none")


def _planned(run: Run, to: str, destination: Destination) -> Publication:
    from zoocut.publishing import plan_publication

    return plan_publication(run, to, destination)


def _published(run: Run, to: str, destination: Destination, check: str) -> Publication:
    from zoocut.cli.progress import counting
    from zoocut.ledger import Ledger, sole_uploader
    from zoocut.publishing import publish as carry_out

    with (
        sole_uploader(run.ledger),
        Ledger.open(run.ledger, run.run_id) as ledger,
        counting("{} files at their destination") as report,
    ):
        return carry_out(run, to, destination, ledger, check, report)


def _tell(ended: Publication, run: Run, dry_run: bool) -> None:
    from rich.filesize import decimal

    from zoocut.cli.console import results

    put = "would be put" if dry_run else "put"
    lines = [
        f"{ended.to}: {ended.sent} of {ended.files} files {put} ({decimal(ended.sent_bytes)}), {ended.kept} were there"
    ]
    lines += [f"  {path}: {why}" for path, why in ended.failed[:SHOWN]]
    if dry_run:
        lines.append("nothing was written; next: the same command without --dry-run")
    else:
        right = ended.checked - len(ended.unserved)
        lines.append(f"read back as an outsider: {ended.checked} addresses, {right} as they should be")
        lines += [f"  {words}" for words in ended.unserved[:SHOWN]]
        lines.append(f"next: zoocut upload {typed(run.path)} --import")
    for line in lines:
        results.print(line, markup=False)
