"""`generate`: a configuration file, settings, or a table and frames in memory, to a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.api.progress import drawing_shown
from zoocut.config.load import Loaded, load, load_tree
from zoocut.config.settings import Settings
from zoocut.error_kinds import WrongArguments
from zoocut.generating import Generated, Inputs, Part, Progress, generate_part
from zoocut.generating import generate as draw_run
from zoocut.model import Catalog, Images
from zoocut.select import Selection

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Table

__all__ = ["Frames", "generate", "load_config"]

Triple = tuple[Any, Any, Any]
Frames = Triple | Mapping[Any, Triple] | Images
"""Template, science and difference; such triples by visit, or by visit and detector; or what cuts them out."""

IN_MEMORY: Mapping[str, Any] = {
    "catalog": {"kind": "table", "path": "a table in Python"},
    "images": dict.fromkeys(("template", "science", "difference"), "a frame in Python") | {"kind": "frames"},
}
"""What the sections say that name no files."""

load_config = load


def generate(
    source: str | os.PathLike[str] | Loaded | Settings | pd.DataFrame | Table | Catalog,
    output: str | os.PathLike[str],
    *,
    frames: Frames | None = None,
    settings: Mapping[str, Any] | None = None,
    jobs: int = 1,
    limit: int | None = None,
    every: bool = False,
    executor: Executor | None = None,
    part: str | None = None,
    progress: bool | Callable[[Progress], None] = True,
) -> Generated:
    """Draw the sources of a catalog: PNGs, sources.parquet, manifest.csv. Call it again: it draws what is missing.

    Parameters
    ----------
    source : path, Settings, DataFrame, Table or Catalog
        A configuration file, what `load_config` made of one, settings, or the sources themselves.
    output : path
        The run folder, new or made with the same settings.
    frames : (template, science, difference), mapping or Images, optional
        The images that a table's sources lie on: arrays, HDUs or CCDData, aligned. Of several exposures a mapping
        of visit, or (visit, detector), to such a triple. Sources are found by `ra` and `dec` and the images' WCS,
        or by pixel, with `catalog.x` and `catalog.y` in `settings`.
    settings : mapping of str to value, optional
        Settings under dotted keys, such as `{"draw.sizes": [63]}`, over those of `source`.
    jobs : int
        Processes to draw with; what takes one but a second is drawn in this one alone. They import the script that
        asks for them: there the call stands below `if __name__ == "__main__":`.
    limit : int, optional
        Most sources to take, in the place of `select.limit`.
    every : bool
        Take every source, whatever `select.limit` says.
    executor : Executor, optional
        Whose workers draw, in the place of processes of this machine, as dask's `Client.get_executor()`; they must
        see the run folder and the images under the same paths.
    part : str, optional
        Draw only one share, such as `3/16`, beside jobs that draw the others; a later call without it makes the
        manifest.
    progress : bool or callable
        Whether a bar is shown in a terminal or notebook; a function is told after each batch instead.

    Returns
    -------
    Generated
        The run, which can be given to every other function. Sources that could not be drawn are counted in
        `rejected` and told in the run's `rejected.csv`.

    Raises
    ------
    ConfigError
        When a setting is wrong, or the run was made with other ones.
    InputError
        When no source can be read or drawn at all.
    """
    loaded = _loaded(source, settings or {})
    loaded = loaded.without_limit() if every else loaded
    inputs = _inputs(source, frames, loaded)
    draw = draw_run if part is None else partial(generate_part, part=Part.parse(part))
    with drawing_shown(progress) as report:
        return draw(
            loaded, Path(output), jobs=jobs, limit=limit, report=report, inputs=inputs, executor=executor
        )


def _loaded(source: Any, settings: Mapping[str, Any]) -> Loaded:
    """Put `settings` over those of a source that has some."""
    if isinstance(source, (str, os.PathLike)):
        return load(Path(source), settings)
    if isinstance(source, Loaded):
        return load_tree(source.settings.model_dump(), settings, source.folder) if settings else source
    if isinstance(source, Settings):
        return load_tree(source.model_dump(), settings)
    return load_tree(IN_MEMORY, settings)


def _inputs(source: Any, frames: Frames | None, loaded: Loaded) -> Inputs | None:
    """Take the sources and images that are given in memory; None where the settings name both."""
    if isinstance(source, (str, os.PathLike, Loaded, Settings)):
        if frames is not None:
            raise WrongArguments(
                "frames belong to a table of sources: give it in the place of settings, or name the images in them"
            )
        return None
    if frames is None:
        raise WrongArguments(
            "sources in memory need their images: give frames=(template, science, difference)"
        )
    select = loaded.settings.select
    ids = loaded.settings.catalog.id_kind
    chosen = Selection(_catalog(source, loaded), select, loaded.folder, ids)
    return Inputs(chosen, _opening(frames, loaded))


def _catalog(source: Any, loaded: Loaded) -> Catalog:
    if isinstance(source, Catalog):
        return source
    from zoocut.catalogs.data_frame import DataFrameCatalog
    from zoocut.catalogs.rows import TableNames
    from zoocut.config.catalog import TableSettings

    if not (hasattr(source, "colnames") or hasattr(source, "columns")):
        raise WrongArguments(
            f"{type(source).__name__} holds no sources: give a configuration file, settings, a DataFrame or a Table"
        )
    assert isinstance(loaded.settings.catalog, TableSettings)
    return DataFrameCatalog(source, TableNames.of(loaded.settings.catalog))


def _opening(frames: Frames, loaded: Loaded) -> Callable[[], Images]:
    if isinstance(frames, Images):
        return partial(_given, frames)
    from zoocut.images.frames_in_memory import FramesInMemory

    return partial(FramesInMemory, frames, loaded.settings.draw)


def _given(images: Images) -> Images:
    return images
