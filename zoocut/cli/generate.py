"""`zoocut generate`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoocut.cli.options import EncodingOption, JsonOption
from zoocut.files import typed

if TYPE_CHECKING:
    from zoocut.generating import Generated


ConfigArgument = Annotated[Path, typer.Argument(help="The configuration file.", show_default=False)]
OutputOption = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="The run folder, new or made with the same settings.", show_default=False
    ),
]
InputOption = Annotated[
    str | None,
    typer.Option("--input", help="The catalog: overrides catalog.path. Quote patterns.", show_default=False),
]
JobsOption = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes to draw with.")]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="Most sources to take.", show_default=False)
]
AllOption = Annotated[bool, typer.Option("--all", help="Take every source, whatever select.limit says.")]
LeastOption = Annotated[
    float | None, typer.Option("--reliability-min", help="Least reliability, inclusive.", show_default=False)
]
GreatestOption = Annotated[
    float | None,
    typer.Option("--reliability-max", help="Greatest reliability, inclusive.", show_default=False),
]
SettingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a setting; the value as TOML.", show_default=False
    ),
]


def generate(
    config: ConfigArgument,
    output: OutputOption,
    input: InputOption = None,
    jobs: JobsOption = 1,
    limit: LimitOption = None,
    every: AllOption = False,
    reliability_min: LeastOption = None,
    reliability_max: GreatestOption = None,
    settings: SettingOption = None,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the sources of a catalog: PNGs, sources.parquet, manifest.csv.

    Run it again and it draws only what is missing.

    Example: zoocut generate zoocut.toml --input 'night/*.avro' -o night-run -j 2
    """
    from zoocut.api.generation import generate as draw
    from zoocut.cli.progress import generation_progress
    from zoocut.errors import Interrupted

    options: dict[str, Any] = {
        "catalog.path": None if input is None else str(Path.cwd() / input),
        "catalog.encoding": encoding,
        "select.cuts.reliability.min": reliability_min,
        "select.cuts.reliability.max": reliability_max,
    }
    options |= dict(map(_key_and_value, settings or []))
    try:
        with generation_progress() as report:
            summary = draw(
                config, output, settings=options, jobs=jobs, limit=limit, every=every, progress=report
            )
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; what is drawn stays in {output}: run the same command again") from None
    _tell(summary, as_json)
    if summary.rejected:
        raise typer.Exit(3)


def _key_and_value(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE; a value that is no TOML is text."""
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise typer.BadParameter(f"{text!r} is not SECTION.KEY=VALUE", param_hint="--set")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def _tell(summary: Generated, as_json: bool) -> None:
    from zoocut.cli.console import notes, print_json, results

    run = summary.run
    for change in summary.changed:
        notes.print(f"note: the run takes over a changed setting: {change}", markup=False)
    for note in summary.recognised:
        notes.print(f"note: {note}", markup=False)
    if as_json:
        print_json(summary.to_dict())
        return
    counts = f"{summary.drawn} drawn, {summary.kept} already there, {summary.rejected.total()} rejected"
    results.print(f"{run.path}: {counts}; the manifest has {summary.rows} rows", markup=False)
    if str(summary.spread):
        results.print(f"  {summary.spread}", markup=False)
    for reason, count in summary.rejected.most_common(5):
        results.print(f"  {count} x {reason}", markup=False)
    if summary.rejected:
        results.print(f"  every rejected row: {run.rejected}", markup=False)
    for note, count in summary.notes.most_common(8):
        results.print(f"  {count} x {note}", markup=False)
    results.print(
        f"next: zoocut upload {typed(run.path)} --project OWNER/NAME --set 'SET NAME' --dry-run", markup=False
    )
