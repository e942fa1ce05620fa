"""Catalog and images to a run: PNGs, `sources.parquet`, `rejected.csv` and, last, the manifest."""

from zoocut.generating.generated import Generated
from zoocut.generating.generating import Progress, generate
from zoocut.generating.inputs import Inputs

__all__ = ["Generated", "Inputs", "Progress", "generate"]
