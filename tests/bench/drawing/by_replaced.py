"""The program that zoocut replaces, LSST's plotImageSubtractionCutouts.py, where its file is given.

Its few calls into the LSST stack that drawing makes are answered by the stubs here; none of it is copied.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import simulated

FLAGS = [
    "psfFlux_flag",
    "psfFlux_flag_noGoodPixels",
    "psfFlux_flag_edge",
    "apFlux_flag",
    "apFlux_flag_apertureTruncated",
    "forced_PsfFlux_flag",
    "forced_PsfFlux_flag_noGoodPixels",
    "forced_PsfFlux_flag_edge",
    "pixelFlags_edge",
    "pixelFlags_interpolated",
    "pixelFlags_interpolatedCenter",
    "pixelFlags_saturated",
    "pixelFlags_saturatedCenter",
    "pixelFlags_cr",
    "pixelFlags_crCenter",
    "pixelFlags_bad",
    "pixelFlags_suspect",
    "pixelFlags_suspectCenter",
    "centroid_flag",
    "shape_flag",
    "shape_flag_no_pixels",
    "shape_flag_not_contained",
    "shape_flag_parent_source",
    "isDipole",
]

_kept: dict[str, Any] = {}


class Field:
    """A configuration field of the stack: only its default matters."""

    def __init__(self, *_: Any, default: Any = None, **__: Any) -> None:
        self.default = default

    def __set_name__(self, _: type, name: str) -> None:
        self.name = name

    def __get__(self, holder: Any, _: type | None = None) -> Any:
        return self if holder is None else holder.__dict__.get(self.name, self.default)

    def __set__(self, holder: Any, value: Any) -> None:
        holder.__dict__[self.name] = value


class Task:
    """A task of the stack: it holds its configuration."""

    def __init__(self, config: Any = None, **_: Any) -> None:
        self.config = config or self.ConfigClass()


class Exposure:
    """An exposure of which one cutout a size is asked."""

    def __init__(self, stamps: dict[int, np.ndarray]) -> None:
        self._stamps = {
            size: SimpleNamespace(image=SimpleNamespace(array=stamp)) for size, stamp in stamps.items()
        }

    def getCutout(self, _: Any, extent: int) -> Any:  # noqa: N802
        return self._stamps[extent]


STUBS: dict[str, dict[str, Any]] = {
    "lsst": {"__path__": []},
    "lsst.daf": {"__path__": []},
    "lsst.daf.butler": {"DatasetNotFoundError": LookupError},
    "lsst.dax": {"__path__": []},
    "lsst.dax.apdb": {},
    "lsst.geom": {"Extent2I": lambda width, height: width},
    "lsst.pex": {"__path__": []},
    "lsst.pex.config": {"Config": object, "Field": Field, "ListField": Field, "ChoiceField": Field},
    "lsst.pex.exceptions": {"Exception": RuntimeError},
    "lsst.pipe": {"__path__": []},
    "lsst.pipe.base": {"Task": Task},
    "lsst.utils": {},
    "replaced": {"__path__": []},
    "replaced.apdb": {},
}


def _module() -> Any:
    """Load the file named by ZOOCUT_BENCH_REPLACED among the stubs."""
    for name, content in STUBS.items():
        stub = sys.modules[name] = ModuleType(name)
        vars(stub).update(content)
        above, _, last = name.rpartition(".")
        if above:
            setattr(sys.modules[above], last, stub)
    spec = spec_from_file_location("replaced.program", os.environ["ZOOCUT_BENCH_REPLACED"])
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["replaced.program"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prepare(job: dict[str, Any]) -> Callable[[], Any]:
    key = f"{job['sizes']} {job['annotated']}"
    if key not in _kept:
        field = simulated.Field(Path(job["field"]), job["side"])
        cut = simulated.stamps(field, job["count"], tuple(job["sizes"]))
        task = _kept.setdefault("module", None) or _module()
        _kept["module"] = task
        task = task.PlotImageSubtractionCutoutsTask(output_path="")
        task.config.sizes = list(job["sizes"])
        _kept[key] = (
            task,
            [
                _source(row, several, job)
                for row, several in zip(simulated.rows(job["count"]), cut, strict=True)
            ],
        )
    task, batch = _kept[key]
    return lambda: (
        sum(len(task.generate_image(*one, source=row).getvalue()) for one, row in batch) // len(batch)
    )


def _source(row: dict[str, Any], several: list[list[np.ndarray]], job: dict[str, Any]) -> tuple[Any, Any]:
    exposures = [
        Exposure({size: three[i] for size, three in zip(job["sizes"], several, strict=True)})
        for i in (1, 0, 2)
    ]
    cells = {**dict.fromkeys(FLAGS, False), **row}
    record = np.rec.fromrecords([tuple(cells.values())], names=list(cells))[0] if job["annotated"] else None
    return (*exposures, None, 0.2), record
