"""`zoocut generate`."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoocut.cli.options import EncodingOption, JsonOption
from zoocut.cli.tables import MOST_REASONS
from zoocut.files import typed

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from zoocut.generating import Generated


ConfigArgument = Annotated[Path, typer.Argument(help="The configuration file.", show_default=False)]


def _run_folder(text: str) -> Path:
    from zoocut.object_store import as_path

    return as_path(text)


OutputOption = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        parser=_run_folder,
        metavar="PATH",
        help="The run folder: a new one, or one made with the same settings; s3://BUCKET/FOLDER is experimental.",
        show_default=False,
    ),
]
InputOption = Annotated[
    str | None,
    typer.Option(
        "--input", help="The catalog, in place of catalog.path. Put patterns into quotes.", show_default=False
    ),
]
JobsOption = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        min=0,
        help="How many processes draw, where that is quicker than one; with 0 or 1 this process draws alone.",
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="The largest number of sources to take.", show_default=False),
]
AllOption = Annotated[bool, typer.Option("--all", help="Take every source, also where select.limit is set.")]
LeastOption = Annotated[
    float | None,
    typer.Option("--reliability-min", help="Draw sources of this reliability or more.", show_default=False),
]
GreatestOption = Annotated[
    float | None,
    typer.Option("--reliability-max", help="Draw sources of this reliability or less.", show_default=False),
]
SettingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a setting; the value as TOML.", show_default=False
    ),
]


DaskOption = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Draw with the workers of a Dask scheduler: its address, its scheduler file, or local:N.",
        show_default=False,
    ),
]
PartOption = Annotated[
    str | None,
    typer.Option(
        "--part",
        metavar="K/N",
        help="Draw share K of N, for a job array; a call without --part completes the run.",
        show_default=False,
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
    dask: DaskOption = None,
    part: PartOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the sources of a catalog: PNGs, sources.parquet, manifest.csv.

    Run it again and it draws only what is missing.

    Example: zoocut generate zoocut.toml --input 'night/*.avro' -o night-run -j 2
    """
    if jobs > 1 and dask is None:
        from zoocut import fork_server

        fork_server.start()  # it imports while this process does
    from zoocut.api.generation import generate as draw
    from zoocut.cli.progress import generation_progress
    from zoocut.cli.stopping import broken_off

    options = _overrides(input, encoding, reliability_min, reliability_max, settings or [])
    if dask is not None and (part is not None or jobs > 1):
        raise typer.BadParameter(
            "workers of Dask draw in the place of --jobs and --part", param_hint="--dask"
        )
    with (
        broken_off(f"stopped; what is drawn stays in {output}: run the same command again"),
        _workers(dask, output, config, options) as executor,
        generation_progress() as report,
    ):
        summary = draw(
            config,
            output,
            settings=options,
            jobs=max(jobs, 1),
            part=part,
            limit=limit,
            every=every,
            executor=executor,
            progress=report,
        )
    given: dict[str, object] = {
        "--input": input,
        "--encoding": encoding,
        "--limit": limit,
        "--all": every or None,
    }
    given |= {"--reliability-min": reliability_min, "--reliability-max": reliability_max}
    _tell(summary, as_json, None if part is None else _completing(config, output, given, settings or []))
    if summary.rejected:
        raise typer.Exit(3)


def _overrides(
    input: str | None,
    encoding: str | None,
    reliability_min: float | None,
    reliability_max: float | None,
    settings: Sequence[str],
) -> dict[str, Any]:
    """Give what options say in the place of the configuration file, by dotted keys; None is not said."""
    from zoocut.object_store import located

    return {
        "catalog.path": None if input is None else str(located(Path.cwd(), input)),
        "catalog.encoding": encoding,
        "select.cuts.reliability.min": reliability_min,
        "select.cuts.reliability.max": reliability_max,
        **dict(map(_key_and_value, settings)),
    }


def _completing(config: Path, output: Path, given: Mapping[str, object], settings: Sequence[str]) -> str:
    """Write the call without --part: what else was given must be given again, or it would take other sources."""
    words = ["zoocut", "generate", str(config), "-o", str(output)]
    for option, value in [*given.items(), *(("--set", one) for one in settings)]:
        if value is not None:
            words += [option] if value is True else [option, str(value)]
    return shlex.join(words)


def _workers(
    dask: str | None, output: Path, config: Path, options: Mapping[str, Any]
) -> AbstractContextManager[Executor | None]:
    if dask is None:
        return nullcontext()
    from zoocut.config.load import load
    from zoocut.generating.dask_workers import dask_workers, input_folders

    return dask_workers(dask, output, input_folders(load(config, options)))


def _key_and_value(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE; a value that is no TOML is text."""
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise typer.BadParameter(f"{text!r} is not SECTION.KEY=VALUE", param_hint="--set")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def _tell(summary: Generated, as_json: bool, completed_by: str | None) -> None:
    """Print what was done, and what comes next: `completed_by` after one share of several."""
    from zoocut.cli.console import notes, print_json, results

    run = summary.run
    for change in summary.changed:
        notes.print(f"note: the run takes over a changed setting: {change}", markup=False)
    for note in summary.recognised:
        notes.print(f"note: {note}", markup=False)
    for key in summary.steering:
        talk = f'"!{key.lstrip("%")}" shows it on Talk only'
        notes.print(
            f"note: volunteers see {key} while they classify, which may steer them: {talk}", markup=False
        )
    if as_json:
        print_json(summary.to_dict())
        return
    counts = f"{summary.drawn} drawn, {summary.kept} already there, {summary.rejected.total()} rejected"
    manifest = f"the manifest has {summary.rows} rows" if completed_by is None else "one share of the run"
    results.print(f"{run.path}: {counts}; {manifest}", markup=False)
    if str(summary.spread):
        results.print(f"  {summary.spread}", markup=False)
    for reason, count in summary.rejected.most_common(MOST_REASONS):
        results.print(f"  {count} x {reason}", markup=False)
    if len(summary.rejected) > MOST_REASONS:
        results.print(f"  and {len(summary.rejected) - MOST_REASONS} further reasons", markup=False)
    if summary.rejected and completed_by is None:
        results.print(f"  every rejected row: {run.rejected}", markup=False)
    for note, count in summary.notes.most_common(8):
        results.print(f"  {count} x {note}", markup=False)
    after_all = f"when all shares are drawn, {completed_by} puts them together"
    results.print(f"next: {_upload(run.path) if completed_by is None else after_all}", markup=False)


def _upload(run: Path) -> str:
    """Write what follows: from an object store the run is copied first."""
    from zoocut.object_store import ObjectPath, copying

    if isinstance(run, ObjectPath):
        return f"{copying(run)} copies the run to this machine, then {_upload(Path(run.name))}"
    return f"zoocut upload {typed(run)} --project OWNER/NAME --set 'SET NAME' --dry-run"
