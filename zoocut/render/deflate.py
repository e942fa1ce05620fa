"""Codes of deflate (RFC 1951) that are chosen beforehand, and the bits of what is written with them."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby

import numpy as np
import numpy.typing as npt

__all__ = [
    "END",
    "LONGEST",
    "SHORTEST",
    "Bits",
    "BlockCodes",
    "bytes_of",
    "distance_symbol",
    "huffman",
    "symbols_of",
]

END = 256
"""The symbol that ends a block."""

SHORTEST, LONGEST = 3, 258
"""Bytes that a reference may repeat."""

SYMBOLS, DISTANCES = 286, 30
LENGTH_BASES = np.array(
    [
        *range(3, 11),
        *(
            first + step * k
            for first, step in ((11, 2), (19, 4), (35, 8), (67, 16), (131, 32))
            for k in range(4)
        ),
        258,
    ]
)
LENGTH_EXTRA = np.array([0] * 8 + [bits for bits in range(1, 6) for _ in range(4)] + [0])
DISTANCE_BASES = np.array([1, 2, 3, 4, *((2 + odd << bits) + 1 for bits in range(1, 14) for odd in (0, 1))])
DISTANCE_EXTRA = np.array([0, 0, 0, 0, *(bits for bits in range(1, 14) for _ in (0, 1))])
"""Section 3.2.5: the first length or distance of each symbol, and how many more bits tell which it is."""

LONGEST_CODE, LONGEST_CODE_OF_LENGTH = 15, 7
CODES_OF_LENGTHS = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
AGAIN, MOST_AGAIN, FEWEST_AGAIN = 16, 6, 3


Numbers = npt.NDArray[np.uint64]
Bits = tuple[Numbers, npt.NDArray[np.int64]]
"""Numbers, and with how many bits each is written, the lowest first."""


def symbols_of(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the symbols of lengths of references."""
    return END + np.searchsorted(LENGTH_BASES, lengths, side="right")


def distance_symbol(distance: int) -> int:
    """Return the symbol of a distance."""
    return int(np.searchsorted(DISTANCE_BASES, distance, side="right")) - 1


def huffman(counts: Mapping[int, int], depth: int, most: int) -> dict[int, int]:
    """Choose lengths of codes by how often symbols occur, below a node that lies `depth` bits deep.

    Parameters
    ----------
    counts : mapping of int to int
        How often each symbol occurs.
    depth : int
        Bits that all of the codes begin with.
    most : int
        Bits that a code may have.

    Returns
    -------
    dict of int to int
        Bits a symbol; together they take all of the node.
    """
    heap = [(count, symbol, {symbol: depth}) for symbol, count in counts.items()]
    heapq.heapify(heap)
    while len(heap) > 1:
        (few, first, one), (more, _, other) = heapq.heappop(heap), heapq.heappop(heap)
        joined = {symbol: bits + 1 for symbol, bits in (one | other).items()}
        heapq.heappush(heap, (few + more, first, joined))
    found = heap[0][2]
    if max(found.values()) > most:  # counts that differ less give a tree that is less deep
        return huffman({symbol: count // 2 + 1 for symbol, count in counts.items()}, depth, most)
    return found


class BlockCodes:
    """The codes of one block.

    Parameters
    ----------
    symbols, distances : mapping of int to int
        Bits of each symbol of literals and lengths, and of each symbol of distances; both complete.
    """

    def __init__(self, symbols: Mapping[int, int], distances: Mapping[int, int]) -> None:
        self._bits, self._codes = _canonical(symbols, SYMBOLS)
        self._distance_bits, self._distance_codes = _canonical(distances, DISTANCES)

    def header(self, is_last: bool) -> Bits:
        """Return the bits that a block begins with (section 3.2.7)."""
        lengths = [*self._bits.tolist(), *self._distance_bits.tolist()]
        tokens = list(_run_lengths(lengths))
        bits = huffman(Counter(kind for kind, _ in tokens), 0, LONGEST_CODE_OF_LENGTH)
        known, codes = _canonical(bits, len(CODES_OF_LENGTHS))
        told = max(at for at, length in enumerate(CODES_OF_LENGTHS) if known[length]) + 1
        fields = [(int(is_last), 1), (2, 2), (SYMBOLS - 257, 5), (DISTANCES - 1, 5), (told - 4, 4)]
        fields += [(int(known[length]), 3) for length in CODES_OF_LENGTHS[:told]]
        for kind, again in tokens:
            fields.append((int(codes[kind]), int(known[kind])))
            if kind == AGAIN:
                fields.append((again - FEWEST_AGAIN, 2))
        values, counts = zip(*fields, strict=True)
        return np.array(values, np.uint64), np.array(counts, np.int64)

    def literals(self, symbols: npt.NDArray[np.int64]) -> Bits:
        """Return the bits of symbols without any further ones: literals, and the end."""
        return self._codes[symbols], self._bits[symbols]

    def references(self, lengths: npt.NDArray[np.int64], distances: npt.NDArray[np.int64]) -> Bits:
        """Return the bits of references, code and further bits of length and distance together."""
        length, distance = (
            symbols_of(lengths) - END - 1,
            np.searchsorted(DISTANCE_BASES, distances, side="right") - 1,
        )
        values, counts = self.literals(END + 1 + length)
        for more, bits in (
            (lengths - LENGTH_BASES[length], LENGTH_EXTRA[length]),
            (self._distance_codes[distance], self._distance_bits[distance]),
            (distances - DISTANCE_BASES[distance], DISTANCE_EXTRA[distance]),
        ):
            values = values | (more.astype(np.uint64) << counts.astype(np.uint64))
            counts = counts + bits
        return values, counts


def bytes_of(values: Numbers, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Put bits together; the last byte is filled up with zeros."""
    which = np.repeat(np.arange(len(values)), counts)
    starts = np.cumsum(counts) - counts
    within = np.arange(len(which)) - starts[which]
    bits = (values[which] >> within.astype(np.uint64)) & np.uint64(1)
    return np.packbits(bits.astype(np.uint8), bitorder="little")


def _canonical(lengths: Mapping[int, int], count: int) -> tuple[npt.NDArray[np.int64], Numbers]:
    """Return the bits and the codes of all symbols (section 3.2.2), codes turned to be written lowest bit first."""
    bits, codes = np.zeros(count, np.int64), np.zeros(count, np.uint64)
    code, before = 0, 0
    for symbol, length in sorted(lengths.items(), key=lambda pair: (pair[1], pair[0])):
        code <<= length - before
        bits[symbol], codes[symbol] = length, int(f"{code:0{length}b}"[::-1], 2)
        code, before = code + 1, length
    if code != 1 << before:
        raise ValueError(f"codes of lengths {dict(lengths)} are not complete")
    return bits, codes


def _run_lengths(lengths: list[int]) -> Iterator[tuple[int, int]]:
    """Yield each length, and (16, n) where it is repeated n times."""
    for length, several in groupby(lengths):
        count = len(list(several))
        yield length, 1
        count -= 1
        while count >= FEWEST_AGAIN:
            again = min(count, MOST_AGAIN)
            yield AGAIN, again
            count -= again
        yield from [(length, 1)] * count
