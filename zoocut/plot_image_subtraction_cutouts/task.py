"""The task."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from zoocut.error_kinds import NoImage, NotARun, NotDrawable, WrongArguments
from zoocut.errors import InputError
from zoocut.plot_image_subtraction_cutouts.config import PlotImageSubtractionCutoutsConfig
from zoocut.plot_image_subtraction_cutouts.cutout_path import CutoutPath

if TYPE_CHECKING:
    import pandas as pd
    from lsst.daf.butler import Butler

    from zoocut.config.draw import DrawSettings
    from zoocut.config.images import ButlerSettings
    from zoocut.config.load import Loaded
    from zoocut.model import Cutout, DiaSource, Images

__all__ = ["PlotImageSubtractionCutoutsTask"]


class PlotImageSubtractionCutoutsTask:
    """Draws cutouts of DiaSources into a folder, with a manifest for Zooniverse.

    Parameters
    ----------
    output_path : str or Path
        The run folder, new or made with the same configuration.
    config : PlotImageSubtractionCutoutsConfig, optional
        Its defaults when not given.
    log : Logger, optional
        Told how many sources were drawn.
    """

    ConfigClass: ClassVar[type[PlotImageSubtractionCutoutsConfig]] = PlotImageSubtractionCutoutsConfig

    def __init__(
        self,
        *,
        output_path: str | Path,
        config: PlotImageSubtractionCutoutsConfig | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        self.config = config or self.ConfigClass()
        self.log = log or logging.getLogger("plotImageSubtractionCutouts")
        self._output_path = Path(output_path)

    @property
    def cutout_path(self) -> CutoutPath:
        """Where the PNGs lie."""
        return CutoutPath(self._output_path, self.config.chunk_size)

    @property
    def numpy_path(self) -> CutoutPath:
        """Where the raw cutouts lie."""
        return CutoutPath(self._output_path, self.config.chunk_size, "numpy")

    def run(self, data: pd.DataFrame, butler: Butler, njobs: int = 0) -> list[int]:
        """Draw every source that is not drawn yet, and bring the manifest up to date.

        Parameters
        ----------
        data : DataFrame
            Sources with the columns diaSourceId, instrument, visit, detector, ra and dec.
        butler : Butler
            The repository, opened with the collections to search.
        njobs : int
            Processes to draw with; 0 and 1 draw in this one.

        Returns
        -------
        list of int
            Ids of the sources of `data` whose images now exist, in the order of `data`.

        Raises
        ------
        ConfigError
            When the folder was made with another configuration, or the Butler has no default collections.
        InputError
            When a needed column is missing, or not one source of the run could be drawn; a row that could not
            be drawn is in the folder's `rejected.csv`.
        """
        from zoocut.catalogs.data_frame import DataFrameCatalog
        from zoocut.generating import Inputs, generate
        from zoocut.run.sources import read_drawn

        catalog = DataFrameCatalog(data)
        images = self._image_settings(butler)
        loaded = self._loaded(images)
        opening = partial(_open_images, butler, images, loaded.settings.draw)
        generate(loaded, self._output_path, jobs=max(njobs, 1), inputs=Inputs(catalog, opening))
        drawn = {source.dia_source_id for source in read_drawn(self._output_path / "sources.parquet")}
        ids = data.index if data.index.name == "diaSourceId" else data["diaSourceId"]
        found = [int(number) for number in ids.dropna() if int(number) in drawn]
        self.log.info("Wrote %d images to %s", len(found), self._output_path)
        return found

    write_images = run
    """The same: images and manifest belong together."""

    def write_manifest(self, sources: Iterable[int]) -> None:
        """Write the manifest of the folder, which has a row for every source drawn into it.

        Parameters
        ----------
        sources : iterable of int
            Ids that must be in it, as `run` returns them.

        Raises
        ------
        InputError
            When one of them has no image.
        """
        from zoocut.generating.manifest_rows import write_manifest_of, write_urls_manifest_of
        from zoocut.run.folder import Run
        from zoocut.run.sources import read_drawn

        run = Run.open(self._output_path)
        drawn = {source.dia_source_id for source in read_drawn(run.sources)}
        missing = [number for number in map(int, sources) if number not in drawn]
        if missing:
            raise NotARun(
                f"{run.path} has no image of {missing[0]} ({len(missing)} in all): run() them first"
            )
        metadata = run.settings.metadata or {}
        write_urls_manifest_of(run, metadata, self.config.url_root)
        write_manifest_of(run, metadata)

    def generate_image(
        self,
        science: Any,
        template: Any,
        difference: Any,
        center: Any = None,
        scale: float | None = None,
        dia_source_id: int | None = None,
        save_as_numpy: bool = False,
        source: Any = None,
        footprint: Any = None,
    ) -> io.BytesIO:
        """Draw one source from images in memory.

        Parameters
        ----------
        science, template, difference : (y, x) array, or exposure of lsst.afw or lsst.images
            Aligned images; exposures may be different parts of the detector.
        center : (x, y) of float, Point2D, SpherePoint or SkyCoord, optional
            The source's position: zero-based pixels, of the whole detector for exposures, or ICRS. By default
            `ra` and `dec` of `source`.
        scale : float, optional
            Arcseconds a pixel; None: no scale bar.
        dia_source_id : int, optional
            The source's id; by default the `diaSourceId` of `source`.
        save_as_numpy : bool
            Also write the raw cutouts below `numpy/` of the output folder, named by the id.
        source : mapping, Series or numpy record, optional
            Its catalog columns, for `add_metadata`.
        footprint : afw Footprint, optional
            Cut out its box in the place of `sizes`.

        Returns
        -------
        BytesIO
            The PNG.

        Raises
        ------
        InputError
            When nothing tells the position, it lies off the images, or a cutout has no pixel with data.
        """
        from zoocut.images.in_memory import columns_of
        from zoocut.images.whole import refuse_empty
        from zoocut.model import DiaSource, Rejection
        from zoocut.render import kept_renderer

        draw = self._draw_settings().model_copy(
            update={"use_footprint": footprint is not None or self.config.use_footprint}
        )
        columns = {} if source is None else columns_of(source)
        number = int(columns.get("diaSourceId") or 0) if dia_source_id is None else dia_source_id
        dia_source = DiaSource(
            number, None, None, "memory", "the source given", columns | {"diaSourceId": number}
        )
        exposures = (template, science, difference)
        try:
            cutouts = _cut_in_memory(exposures, _center(center, columns), scale, draw.sizes, footprint)
        except InputError as error:
            raise NotDrawable(f"{number} cannot be drawn: {error}", error.code) from None
        outcome: Any = refuse_empty(dia_source, cutouts)
        if not isinstance(outcome, Rejection):
            (outcome,) = kept_renderer(draw).draw([(dia_source, cutouts)])
        if isinstance(outcome, Rejection):
            raise NotDrawable(f"{number} cannot be drawn: {outcome.reason}", outcome.code)
        if save_as_numpy:
            self._save_raw(dia_source, cutouts)
        return io.BytesIO(outcome[0].png)

    def _save_raw(self, source: DiaSource, cutouts: tuple[Cutout, ...]) -> None:
        from zoocut.files import write_whole
        from zoocut.render.raw import npy_files

        for name, content in npy_files(source, cutouts).items():
            write_whole(Path(self.numpy_path(int(source.dia_source_id), name)), content)

    def _draw_settings(self) -> DrawSettings:
        from zoocut.config.draw import DrawSettings
        from zoocut.config.load import checked

        names = ("sizes", "use_footprint", "add_metadata", "chunk_size", "save_as_numpy", "preset")
        given = {name: getattr(self.config, name) for name in names}
        largest = max([194, *self.config.sizes])
        return checked(DrawSettings, {**given, "panel_pix": largest}, "config")

    def _image_settings(self, butler: Butler) -> ButlerSettings:
        from zoocut.config.images import ButlerSettings

        collections = tuple(butler.collections.defaults)
        if not collections:
            raise WrongArguments(
                "the Butler has no default collections: open it as Butler(repo, collections=...)"
            )
        return ButlerSettings(
            repository="opened in Python",
            collections=collections,
            science_image_type=self.config.science_image_type,
            diff_image_type=self.config.diff_image_type,
        )

    def _loaded(self, images: ButlerSettings) -> Loaded:
        from zoocut.config.catalog import TableSettings
        from zoocut.config.load import Loaded
        from zoocut.config.manifest import ManifestSettings
        from zoocut.config.settings import Settings

        settings = Settings(
            catalog=TableSettings(kind="table", path="a data frame in Python", columns={}),
            images=images,
            draw=self._draw_settings(),
            manifest=ManifestSettings(url_root=self.config.url_root),
        )
        return Loaded(settings, Path.cwd(), {})


def _open_images(butler: Butler, settings: ButlerSettings, draw: DrawSettings) -> Images:
    from zoocut.images.butler import ButlerImages

    return ButlerImages(settings, draw, lambda _owner: butler)


def _center(center: Any, columns: Mapping[str, Any]) -> Any:
    """Take the position given, else that of the source's columns."""
    from astropy.coordinates import SkyCoord

    if center is not None:
        return center
    ra_deg, dec_deg = columns.get("ra"), columns.get("dec")
    if ra_deg is None or dec_deg is None:
        raise NotDrawable(
            "nothing tells where the source is: give center, or a source with ra and dec in degrees"
        )
    return SkyCoord(ra_deg, dec_deg, unit="deg")


def _cut_in_memory(
    exposures: Sequence[Any], center: Any, scale: float | None, sizes: Iterable[int], footprint: Any
) -> tuple[Cutout, ...]:
    """Cut template, science and difference, placed by the difference's WCS."""
    from zoocut.config.images import ButlerSettings
    from zoocut.images.geometry import Box, box_around
    from zoocut.images.in_memory import box_of, image_in_memory, position_on
    from zoocut.model import Cutout

    blank = ButlerSettings.model_fields["blank_planes"].default
    template, science, difference = (image_in_memory(exposure, blank) for exposure in exposures)
    y_pix, x_pix = position_on(exposures[-1], center)
    if not Box(*difference.origin, *difference.pixels.shape).holds(y_pix, x_pix):
        raise NoImage(f"its centre, x {x_pix:.1f} y {y_pix:.1f}, is off the difference image")
    squares = (box_around(y_pix, x_pix, size) for size in sizes)
    boxes = squares if footprint is None else [box_of(footprint)]
    return tuple(Cutout(template.cut(box), science.cut(box), difference.cut(box), scale) for box in boxes)
