"""What `generate` gives back: the run, and what a call did to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoocut.generating.metadata_text import steering_keys
from zoocut.notebook import data_frame, html_table
from zoocut.run.folder import Run
from zoocut.run.sources import read_drawn
from zoocut.select import Spread

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Generated"]


@dataclass(frozen=True, slots=True)
class Generated:
    """A run, and what one call did to it; it can be given wherever the run folder's path can.

    Parameters
    ----------
    run : Run
        The run folder.
    drawn, kept : int
        Sources drawn by this call, and found already drawn.
    rejected : Counter of str
        How many sources were not drawn, by reason; what is each one's own, such as paths, is left out of them.
    rows : int
        Rows of the manifest now.
    spread : Spread
        How the sources drawn or kept by this call spread over visits, detectors and bands.
    notes : Counter of str
        What else is worth knowing of the sources drawn by this call, and of how many: such as those without a light
        curve.
    changed : tuple of str
        The settings that the run took over because they are others than before, with both values.
    recognised : tuple of str
        What was recognised, converted or left out of the catalog's file.
    """

    run: Run
    drawn: int
    kept: int
    rejected: Counter[str]
    rows: int
    spread: Spread
    notes: Counter[str] = field(default_factory=Counter)
    changed: tuple[str, ...] = ()
    recognised: tuple[str, ...] = ()

    @property
    def steering(self) -> list[str]:
        """Metadata keys that volunteers see while they classify, and whose values may steer what they answer."""
        return steering_keys(self.run.settings.metadata or {})

    def __fspath__(self) -> str:
        return str(self.run.path)

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut generate --json`."""
        spread = self.spread
        return {
            "version": 1,
            "run": {"id": self.run.run_id, "path": str(self.run.path), "rows": self.rows},
            "drawn": self.drawn,
            "kept": self.kept,
            "rejected": self.rejected.total(),
            "changed_settings": list(self.changed),
            "recognised": list(self.recognised),
            "spread": {"visits": spread.visits, "detectors": spread.detectors, "bands": spread.bands},
            "notes": self.notes,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return every source drawn into the run as a data frame: its catalog columns, images and checksums."""
        return data_frame(
            {**source.columns, "images": source.images, "sha256": source.sha256}
            for source in read_drawn(self.run.sources)
        )

    def _repr_html_(self) -> str:
        counts = {"drawn": self.drawn, "already there": self.kept, "rejected": self.rejected.total()}
        reasons = [{"rejected": count, "because": reason} for reason, count in self.rejected.most_common()]
        title = f"{self.run.path}: the manifest has {self.rows} rows"
        return html_table(title, [counts]) + (html_table("", reasons) if reasons else "")
