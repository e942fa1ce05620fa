"""Catalog and images to a run: PNGs, `sources.parquet`, `rejected.csv` and, last, the manifest."""

from zoocut.generating.generated import Generated
from zoocut.generating.generating import Progress, generate, generate_part
from zoocut.generating.inputs import Inputs
from zoocut.generating.parts import Part

__all__ = ["Generated", "Inputs", "Part", "Progress", "generate", "generate_part"]
