"""Catalog and images to a run: PNGs, `sources.parquet`, `rejected.csv` and, last, the manifest."""

from zoocut.generating.generating import Progress, Summary, generate
from zoocut.generating.inputs import Inputs

__all__ = ["Inputs", "Progress", "Summary", "generate"]
