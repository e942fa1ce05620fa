"""How fast cutouts are made: `python tests/bench/cutouts.py` prints one table.

Everything is measured in one run on the same simulated data. `floor` reads the planes with astropy and writes
the same bytes, `matplotlib` is Cutout2D and a figure that is made once and kept, as a careful user would
write it.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.visualization import AsinhStretch, ImageNormalize, LinearStretch, MinMaxInterval, ZScaleInterval
from astropy.wcs import WCS
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zoocut.config.draw import DrawSettings
from zoocut.config.load import load
from zoocut.generating import generate
from zoocut.model import Cutout, DiaSource
from zoocut.render import open_renderer

SCALE_DEG = 0.2 / 3600
PLANES = ("template", "science", "difference")
FLAGS = {"pixelFlags_edge": True, "isDipole": True, "shape_flag": True, "psfFlux_flag": True}


@dataclass(frozen=True)
class Field:
    """Simulated frames of one exposure, and where they lie."""

    folder: Path
    side: int
    wcs: WCS

    def path(self, storage: str, plane: str) -> Path:
        return self.folder / f"{storage}_{plane}.fits"


def simulate(folder: Path, side: int) -> Field:
    """Write template, science and difference raw and as GZIP_2 and RICE tiles."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [150.0, -30.0], [side / 2, side / 2]
    wcs.wcs.cdelt = [-SCALE_DEG, SCALE_DEG]
    wcs.wcs.set()
    random = np.random.default_rng(6)
    template, science = (random.normal(100, 10, (side, side)).astype(np.float32) for _ in range(2))
    y, x = np.mgrid[-15:16, -15:16]
    star = np.exp(-(x**2 + y**2) / 8)
    for row, column in random.integers(16, side - 16, (side * side // 4000, 2)):
        place = np.s_[row - 15 : row + 16, column - 15 : column + 16]
        light = random.pareto(1.5) * 100 * star
        template[place] += light
        science[place] += light * random.choice([1.0, 1.0, 1.3])
    field = Field(folder, side, wcs)
    images = zip(PLANES, (template, science, science - template), strict=True)
    for plane, image in images:
        header = wcs.to_header()
        fits.writeto(field.path("raw", plane), image, header)
        fits.CompImageHDU(image, header, compression_type="GZIP_2", quantize_level=0).writeto(
            field.path("gzip2", plane)
        )
        fits.CompImageHDU(image, header, compression_type="RICE_1", quantize_level=16).writeto(
            field.path("rice", plane)
        )
    return field


def positions(field: Field, count: int) -> np.ndarray:
    return np.random.default_rng(count).uniform(40, field.side - 40, (count, 2))


def write_run(field: Field, storage: str, count: int, exposures: int, folder: Path, draw: str = "") -> Path:
    """Write a source table and a configuration; every exposure is a link to the same frames."""
    folder.mkdir()
    lines = ["diaSourceId,ra,dec,visit"]
    sky = field.wcs.pixel_to_world(*positions(field, count).T)
    for visit in range(exposures):
        for plane in PLANES:
            os.link(field.path(storage, plane), folder / f"{visit}_{plane}.fits")
        lines += [
            f"{10**17 + visit * 10**6 + i},{ra!r},{dec!r},{visit}"
            for i, (ra, dec) in enumerate(zip(sky.ra.deg.tolist(), sky.dec.deg.tolist(), strict=True))
        ]
    (folder / "sources.csv").write_text("\n".join(lines) + "\n")
    config = folder / "zoocut.toml"
    paths = "\n".join(f'{plane} = "{{visit}}_{plane}.fits"' for plane in PLANES)
    config.write_text(
        f'[catalog]\nkind = "table"\npath = "sources.csv"\n'
        f'[images]\nkind = "frames"\n{paths}\n[draw]\n{draw}\n'
    )
    return config


def time_of(action: Callable[[], object], repeats: int = 1) -> float:
    """Give the processor seconds of this process, which other work on the machine does not change."""
    durations = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        durations.append(time.process_time() - start)
    return statistics.median(durations)


# --- drawing alone -------------------------------------------------------------------------------------


class Figures:
    """Cutouts with matplotlib: one figure, made once; images and lines get new data for each source."""

    def __init__(self, sizes: Sequence[int], annotated: bool) -> None:
        height = 2.33 + 2.17 * (len(sizes) - 1) + (1.1 if annotated else 0)
        self._figure = Figure(figsize=(6.45 if annotated else 6.3, height), dpi=100)
        FigureCanvasAgg(self._figure)
        grid = self._figure.subplots(len(sizes), 3, squeeze=False)
        self._figure.subplots_adjust(0.016, 0.04, 0.985, 0.6 if annotated else 0.87)
        self._images = [
            [self._panel(axes, size) for axes in row] for row, size in zip(grid, sizes, strict=True)
        ]
        for axes, title in zip(grid[0], ("Template", "Science", "Difference"), strict=True):
            axes.set_title(title)
        self._texts = [
            self._figure.text(0.02 + 0.12 * (i % 8), 0.95 - 0.06 * (i // 8), "") for i in range(40)
        ]
        self._annotated = annotated

    def _panel(self, axes: object, size: int) -> object:
        axes.axis("off")  # type: ignore[attr-defined]
        axes.plot((1, 6), (1, 1), color="blue", lw=6)  # type: ignore[attr-defined]
        axes.plot((1, 6), (1, 1), color="yellow", lw=2)  # type: ignore[attr-defined]
        empty = np.zeros((size, size))
        return axes.imshow(  # type: ignore[attr-defined]
            empty, cmap="bone", interpolation="none", origin="lower", extent=(0, size, 0, size)
        )

    def draw(self, source: DiaSource, cutouts: Sequence[Cutout]) -> bytes:
        for row, cutout in zip(self._images, cutouts, strict=True):
            pixels = (cutout.template, cutout.science, cutout.difference)
            for image, data, plane in zip(row, pixels, PLANES, strict=True):
                interval = ZScaleInterval() if plane == "difference" else MinMaxInterval()
                stretch = LinearStretch() if plane == "difference" else AsinhStretch(0.1)
                image.set_data(data)  # type: ignore[attr-defined]
                image.set_norm(ImageNormalize(data, interval=interval, stretch=stretch))  # type: ignore[attr-defined]
        if self._annotated:
            values = list(source.columns.items())
            for text, (name, value) in zip(self._texts, values + values, strict=False):
                text.set_text(f"{name[:6]} {value}"[:14])
        file = io.BytesIO()
        self._figure.savefig(file, format="png")
        return file.getvalue()


def cutouts_in_memory(
    field: Field, count: int, sizes: Sequence[int]
) -> list[tuple[DiaSource, tuple[Cutout, ...]]]:
    planes = [fits.getdata(field.path("raw", plane)).astype(np.float32) for plane in PLANES]
    random = np.random.default_rng(1)
    batch = []
    for i, (x, y) in enumerate(positions(field, count)):
        parts = [
            [Cutout2D(plane, (x, y), size, mode="partial", fill_value=np.nan).data for plane in planes]
            for size in sizes
        ]
        columns = {
            "diaSourceId": 10**17 + i,
            "instrument": "LSSTCam",
            "detector": 50,
            "visit": 2025123100244,
            "band": "r",
        }
        columns |= {
            "ra": 150.1,
            "dec": -30.1,
            "snr": 11.0,
            "psfChi2": 40.0,
            "psfNdata": 41,
            "reliability": 0.7,
        }
        columns |= {
            f"{kind}Flux{end}": float(random.normal(1000, 100))
            for kind in ("psf", "ap", "science")
            for end in ("", "Err")
        }
        source = DiaSource(10**17 + i, 150.1, -30.1, "bench", f"row {i}", columns | FLAGS)
        batch.append((source, tuple(Cutout(*part, 0.2) for part in parts)))
    return batch


def bench_drawing(field: Field, count: int) -> Iterator[tuple[str, str]]:
    cases = (("plain", (30,), False, 100), ("annotated", (30,), True, 70), ("two sizes", (30, 60), False, 60))
    for name, sizes, annotated, wanted in cases:
        batch = cutouts_in_memory(field, count, sizes)
        renderer = open_renderer(DrawSettings(sizes=sizes, add_metadata=annotated))
        figures = Figures(sizes, annotated)
        few = batch[:20]
        figures.draw(*few[0])
        ours, theirs = [], []
        for _ in range(5):
            ours.append(time_of(lambda b=batch, r=renderer: draw_all(r, b)) / count)
            theirs.append(time_of(lambda f=few, g=figures: [g.draw(*cut) for cut in f]) / len(few))
        fast, slow = statistics.median(ours), statistics.median(theirs)
        yield (
            f"drawing alone, {name}",
            f"zoocut {1 / fast:7.0f}/s   matplotlib {1 / slow:6.1f}/s   {slow / fast:5.0f} x   "
            f"(goal {wanted})",
        )


def draw_all(renderer: object, batch: Sequence[object]) -> None:
    for i in range(0, len(batch), 256):
        for _ in renderer.draw(batch[i : i + 256]):  # type: ignore[attr-defined]
            pass


# --- whole runs ----------------------------------------------------------------------------------------


def run_matplotlib(field: Field, storage: str, count: int, folder: Path) -> None:
    folder.mkdir()
    figures = Figures((30,), False)
    planes = [fits.getdata(field.path(storage, plane), ext=1 if storage != "raw" else 0) for plane in PLANES]
    sky = field.wcs.pixel_to_world(*positions(field, count).T)
    for i, place in enumerate(SkyCoord(sky)):
        parts = [
            Cutout2D(plane, place, 30, wcs=field.wcs, mode="partial", fill_value=np.nan).data
            for plane in planes
        ]
        source = DiaSource(i, None, None, "bench", "", {})
        (folder / f"{i}.png").write_bytes(figures.draw(source, (Cutout(*parts, 0.2),)))


def run_floor(config: Path, run: Path, goal: Path) -> Callable[[], None]:
    """Read every plane whole and write what the run wrote."""
    goal.mkdir()
    frames = sorted(config.parent.glob("*.fits"))
    files = [(path.name, path.read_bytes()) for path in sorted(run.glob("images/**/*.png"))]

    def floor() -> None:
        for frame in frames:
            with fits.open(frame, memmap=True) as file:
                np.array(file[-1].data)
        for name, content in files:
            (goal / name).write_bytes(content)

    return floor


def bench_whole_runs(field: Field, folder: Path, counts: Sequence[int]) -> Iterator[tuple[str, str]]:
    for storage in ("raw", "gzip2", "rice"):
        for count in counts:
            home = folder / f"{storage}{count}"
            config = write_run(field, storage, count, 1, home)
            ours, floors = [], []
            for attempt in range(3):
                run = home / f"run{attempt}"
                ours.append(time_of(lambda c=config, r=run: generate(load(c), r)))
                floors.append(time_of(run_floor(config, run, home / f"floor{attempt}")))
            few = min(count, 40)
            slow = time_of(lambda s=storage, f=few, h=home: run_matplotlib(field, s, f, h / "figures"))
            reading = time_of(lambda s=storage: [fits.getdata(field.path(s, p)).sum() for p in PLANES])
            slow = reading + (slow - reading) * count / few
            fast, floor = statistics.median(ours), statistics.median(floors)
            yield (
                f"generate, {storage:5s} {count:5d} sources",
                f"zoocut {count / fast:7.0f}/s   matplotlib {count / slow:6.1f}/s   "
                f"floor {count / floor:7.0f}/s   "
                f"{fast / floor:4.2f} x the floor   (goal {'3' if storage == 'raw' else '1.5'})",
            )


def command(*words: str) -> tuple[float, float]:
    """Run zoocut in a process of its own: seconds, and the largest process in MB."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "zoocut", *words], check=True, capture_output=True)
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def bench_processes(field: Field, folder: Path) -> Iterator[tuple[str, str]]:
    variants = (("plain", ""), ("annotated", "add_metadata = true"), ("two sizes", "sizes = [30, 60]"))
    for name, draw in variants:
        config = write_run(field, "gzip2", 500, 6, folder / f"jobs {name}", draw)
        alone, _ = command("generate", str(config), "-o", str(config.parent / "one"), "-j", "1")
        both, _ = command("generate", str(config), "-o", str(config.parent / "two"), "-j", "2")
        same = all(
            path.read_bytes()
            == (config.parent / "two" / path.relative_to(config.parent / "one")).read_bytes()
            for path in (config.parent / "one").glob("images/**/*.png")
        )
        yield (
            f"command, 6 exposures of 500, {name}",
            f"-j 1 {3000 / alone:6.0f}/s   -j 2 {3000 / both:6.0f}/s   {alone / both:4.2f} x (goal 1.5)   "
            f"same bytes: {same}",
        )


def bench_memory(field: Field, folder: Path) -> Iterator[tuple[str, str]]:
    planes_mb = 3 * field.side**2 * 4 / 2**20
    for count in (200, 2000, 20000):
        config = write_run(field, "gzip2", count, 1, folder / f"memory{count}")
        script = (
            "import resource, sys; from pathlib import Path; from zoocut.config.load import load; "
            "from zoocut.generating import generate; generate(load(Path(sys.argv[1])), Path(sys.argv[2])); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
        )
        words = [sys.executable, "-c", script, str(config), str(config.parent / "run")]
        peak = float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        yield (
            f"peak memory, {count:5d} sources",
            f"{peak:5.0f} MB   (planes of an exposure: {planes_mb:.0f} MB)",
        )


def bench_imports() -> Iterator[tuple[str, str]]:
    nothing = start_time("")
    for name, statement in (
        (
            "zoocut --help",
            "import runpy, sys; sys.argv = ['zoocut', '--help']; "
            "runpy.run_module('zoocut', run_name='__main__')",
        ),
        (
            "renderer",
            "from zoocut.config.draw import DrawSettings; from zoocut.render import open_renderer; "
            "open_renderer(DrawSettings())",
        ),
        ("frames", "import zoocut.images.frames"),
    ):
        yield f"start, {name}", f"{start_time(statement) - nothing:5.2f} s over bare Python"


def start_time(statement: str) -> float:
    durations = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
        durations.append(time.perf_counter() - start)
    return min(durations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4096, help="width of the simulated frames")
    parser.add_argument("--counts", type=int, nargs="+", default=[20, 200, 2000], help="sources an exposure")
    parser.add_argument("--only", choices=["drawing", "runs", "processes", "memory", "imports"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zoocut-bench-") as name:
        folder = Path(name)
        field = simulate(folder, options.side)
        parts: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
            "imports": bench_imports,
            "drawing": lambda: bench_drawing(field, 512),
            "runs": lambda: bench_whole_runs(field, folder, options.counts),
            "processes": lambda: bench_processes(field, folder),
            "memory": lambda: bench_memory(field, folder),
        }
        for part, rows in parts.items():
            if options.only in (None, part):
                for label, figures in rows():
                    print(f"{label:45s} {figures}", flush=True)


if __name__ == "__main__":
    main()
