"""What of a compressed picture is written, and what repeats bytes before it, where some of its pixels are open."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zoocut.render.deflate import LONGEST, SHORTEST

__all__ = ["BESIDE", "OPEN", "OpenText", "covered"]

OPEN = 256
"""In the rows that a pattern is made of smaller numbers are colours, and others the pixels that are open."""

BESIDE = 1
"""How far back a difference of none finds a zero to repeat."""

Symbols = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class OpenText:
    """The bytes that are compressed, known or open: each is a colour or pixel less its neighbour on the left.

    Parameters
    ----------
    own, left : (byte,) array of int
        Colours and numbers of pixels; 0 for no neighbour.
    stride : int
        Bytes of a row.
    shown : (n,) array of uint8
        Colours that open pixels may have.
    """

    def __init__(self, own: Symbols, left: Symbols, stride: int, shown: Bytes) -> None:
        self.own, self.left, self.stride = own, left, stride
        is_open = ((own >= OPEN) | (left >= OPEN)) & (own != left)
        self.kind = np.where(is_open, own << 24 | left, (own - left) & 0xFF)
        self.is_open = is_open
        may_equal = np.zeros(OPEN, bool)
        may_equal[shown] = True
        self.may_be_zero = is_open & (
            (np.minimum(own, left) >= OPEN) | may_equal[np.minimum(own, left) & 0xFF]
        )
        self.as_above, self.as_before = np.zeros(len(own), bool), np.zeros(len(own), bool)
        self.as_above[stride:] = self.kind[stride:] == self.kind[:-stride]
        self.as_before[1:] = self.kind[1:] == self.kind[:-1]

    def zeros_before(self, holes: Symbols, beyond: Sequence[int]) -> Symbols:
        """Return how far before them a zero lies that can be repeated, or three; 0 where none do."""
        zero = ~self.is_open & (self.kind == 0)
        found = np.where(zero[holes - BESIDE], BESIDE, 0)
        for distance in beyond:
            three = zero[holes - distance] & zero[holes - distance + 1] & zero[holes - distance + 2]
            found = np.where((found == 0) & three, distance, found)
        return found

    def references(self, first: int, stop: int, fewest: int) -> tuple[Symbols, Symbols, Symbols]:
        """Choose what is repeated of a part: starts, lengths and distances, and the rest is written."""
        above = _references(self.as_above[first:stop], SHORTEST)
        by_above = covered(stop - first, *above)
        before = _references(self.as_before[first:stop] & ~by_above, fewest)
        starts, lengths = (np.concatenate(pair) for pair in zip(above, before, strict=True))
        distances = np.repeat([self.stride, 1], [len(above[0]), len(before[0])])
        return first + starts, lengths, distances


def _references(repeats: npt.NDArray[np.bool_], fewest: int) -> tuple[Symbols, Symbols]:
    """Give starts and lengths of references for runs of bytes that repeat others."""
    edges = np.flatnonzero(np.diff(repeats.astype(np.int8), prepend=0, append=0))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    starts, lengths = starts[lengths >= fewest], lengths[lengths >= fewest]
    parts = -(-lengths // LONGEST)
    which = np.repeat(np.arange(len(starts)), parts)
    number = np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts)
    # what is left for the last of several may be too short: all but the first begin earlier then
    short = np.maximum(SHORTEST - (lengths - LONGEST * (parts - 1)), 0)[which] * (parts[which] > 1)
    begins = number * LONGEST - short * (number == parts[which] - 1)
    ends = np.append(begins[1:], 0)
    ends[number == parts[which] - 1] = lengths
    return starts[which] + begins, ends - begins


def covered(size: int, starts: Symbols, lengths: Symbols) -> npt.NDArray[np.bool_]:
    """Tell which of so many bytes references write."""
    steps = np.zeros(size + 1, np.int64)
    np.add.at(steps, starts, 1)
    np.add.at(steps, starts + lengths, -1)
    return np.cumsum(steps[:-1]) > 0
