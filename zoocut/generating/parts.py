"""Shares of a run that jobs draw on their own: `generate --part 3/16` of a job array.

Every job reads the whole catalog and takes its share of it by exposure, so that jobs need to know nothing of each
other; what they drew is recorded in parts, which a later call without `--part` completes and puts together.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from zoocut.error_kinds import WrongShare
from zoocut.generating.plan import LARGEST_EXPOSURE

__all__ = ["Part"]


@dataclass(frozen=True, slots=True)
class Part:
    """One share of several.

    Parameters
    ----------
    number : int
        Which, from 1.
    of : int
        How many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read `3/16`.

        Raises
        ------
        ConfigError
            When it is not such a text, or the number is not among the parts.
        """
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if found is None:
            raise WrongShare(f"--part {text!r} is no share: write the third of sixteen as 3/16")
        part = cls(int(found[1]), int(found[2]))
        if not 1 <= part.number <= part.of:
            raise WrongShare(
                f"--part {text} does not exist: parts are 1/{part.of} to {part.of}/{part.of}"
                if part.of
                else f"--part {text} does not exist: say how many parts there are, such as 1/16"
            )
        return part

    def holds(self, exposure: str, position: int) -> bool:
        """Return whether a source belongs to the share.

        An exposure is drawn by one job, which reads its files once; one of very many sources by several.

        Parameters
        ----------
        exposure : str
            Where it lies.
        position : int
            Of its row in the catalog.
        """
        key = f"{exposure} {position // LARGEST_EXPOSURE}"
        return zlib.crc32(key.encode()) % self.of == self.number - 1

    def __str__(self) -> str:
        """Write it as it is typed."""
        return f"{self.number}/{self.of}"
