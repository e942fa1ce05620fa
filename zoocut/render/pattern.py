"""Compressed pictures in which only the pixels of their panels are left open.

All pictures of a layout are the same but for these pixels, each of which is drawn as a square of `zoom` pixels. So what
deflate makes of a picture is worked out once, with codes by which a pixel takes twelve bits whatever its value, and for
a picture these bits are put into place: nothing is painted, searched or counted, and a checksum is a scalar product.

- Where a pixel is four wide or wider its value is written, and a reference repeats it; the rows below refer to the
  first one. Codes: 9 bits a value, 2 for the reference's length, 1 for its distance.
- Where it is three wide, which no reference can repeat, rows are filtered: differences to the left are written, then
  two zeros of 1 bit each. Where there is no difference a reference to three zeros before it takes as many bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zoocut.render.deflate import (
    END,
    LONGEST,
    LONGEST_CODE,
    SHORTEST,
    Bits,
    BlockCodes,
    bytes_of,
    distance_symbol,
    huffman,
    symbols_of,
)
from zoocut.render.repeats import BESIDE, OpenText, covered

__all__ = ["Band", "Pattern", "prepare"]

PIXEL_BITS = 12
"""Of an open pixel with its repetition: two of them are three bytes."""

NARROWEST, WIDEST = 3, 11
"""Zooms for which a pixel's repetition has a code short enough."""

ALIKE_FROM = 13
"""Zeros of a filtered row that are shorter to refer to than to write one by one."""

BEYOND = ((4,), (7, 8), (5, 6))
"""Where it does not, because the pixel before it shows one column alone, as at the end of a bar, it refers to three
zeros beyond; of these distances those of one group are used, for two bits are all that is left for them."""

ADLER = 65521

Symbols = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Band:
    """Rows of a picture that are compressed with codes of their own.

    Parameters
    ----------
    first, stop : int
        The rows.
    zoom : int
        Width in the picture of a pixel of its panels.
    """

    first: int
    stop: int
    zoom: int

    @property
    def is_filtered(self) -> bool:
        """Whether differences are written: PNG's filter 1."""
        return self.zoom == NARROWEST


@dataclass(frozen=True, slots=True)
class _Runs:
    """Open pixels that follow each other at twelve bits each, as many in each run.

    Parameters
    ----------
    pixels : (run, pixel) array
        Their numbers, in a filtered band with the neighbour on the left of the first one before them.
    is_filtered : bool
        Whether the difference to the neighbour is written.
    table : (65536,) array of uint32
        Bits of two values.
    shifts : (run,) array of uint32
        The bit of a byte that each begins at.
    starts : sequence of int
        These bytes.
    weights : (run * pixel, 2) array
        What a value adds to the two sums of the checksum.
    """

    pixels: npt.NDArray[np.intp]
    is_filtered: bool
    table: npt.NDArray[np.uint32]
    shifts: npt.NDArray[np.uint32]
    starts: Sequence[int]
    weights: npt.NDArray[np.float64]

    def fill(self, values: Bytes, into: Bytes) -> npt.NDArray[np.float64]:
        """Write the pixels of pictures into their places; return what they add to the sums."""
        shown = values.take(self.pixels, axis=1)
        if self.is_filtered:
            shown = shown[:, :, 1:] - shown[:, :, :-1]
        pictures, _, count = shown.shape
        sums: npt.NDArray[np.float64] = shown.reshape(pictures, -1).astype(np.float64) @ self.weights
        even = np.pad(shown, ((0, 0), (0, 0), (0, 1))) if count % 2 else np.ascontiguousarray(shown)
        pairs = self.table.take(even.view("<u2").transpose(2, 0, 1))
        if count % 2:
            pairs[-1] &= (1 << PIXEL_BITS) - 1
        packed = _packed(pairs, self.shifts)
        for part, start in zip(packed, self.starts, strict=True):
            into[:, start : start + part.shape[1]] |= part
        return sums


def _packed(pairs: npt.NDArray[np.uint32], shifts: npt.NDArray[np.uint32]) -> Bytes:
    """Put 24 bits behind 24 bits: four of them as three words, which takes half of copying three bytes each.

    Parameters
    ----------
    pairs : (pair, picture, run) array
        What follows each other.
    shifts : (run,) array
        The bit of the first byte that each run begins at.

    Returns
    -------
    (run, picture, byte) array
        Zero beyond the last bit.
    """
    groups = -(-len(pairs) // 4)
    padded = np.zeros((4 * groups, *pairs.shape[1:]), np.uint32)
    padded[: len(pairs)] = pairs
    first, second, third, fourth = (padded[at::4] for at in range(4))
    words = np.zeros((3 * groups + 1, *pairs.shape[1:]), "<u4")
    words[:-1:3] = first | second << 24
    words[1:-1:3] = second >> 8 | third << 16
    words[2:-1:3] = third >> 16 | fourth << 8
    shifted = words << shifts
    shifted[1:] |= words[:-1] >> 1 >> 31 - shifts  # in two steps, for there is no shift by all 32 bits
    of_runs: Bytes = np.ascontiguousarray(shifted.transpose(2, 1, 0)).view(np.uint8)
    return of_runs[:, :, : 3 * len(pairs) + 1]


class Pattern:
    """A compressed picture with open pixels.

    Parameters
    ----------
    content : (byte,) array of uint8
        The deflate stream, open bits 0.
    runs : sequence of _Runs
        What is open.
    sums : (int, int)
        The two sums of the checksum without the open pixels.
    length : int
        Bytes of the picture before it was compressed.
    """

    def __init__(self, content: Bytes, runs: Sequence[_Runs], sums: tuple[int, int], length: int) -> None:
        self.content = content
        self._runs = runs
        self._sums = np.array(sums, np.float64)
        self._length = length

    def fill(self, values: Bytes, into: Bytes, before: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Write pixels into copies of the stream.

        Parameters
        ----------
        values : (n, OPEN + pixel) array of uint8
            The open pixels of n pictures, behind the colours 0 to 255.
        into : (n, byte) array of uint8
            A copy of `content` for each, and two bytes more; changed.
        before : (n,) array of int
            Checksum (Adler-32) of what precedes this part of each picture; 1 where nothing does.

        Returns
        -------
        (n,) array of int
            Checksum of each picture up to here.
        """
        sums = self._sums + sum(runs.fill(values, into) for runs in self._runs)
        low, high = before & 0xFFFF, before >> 16
        added, weighted = (sums.astype(np.int64) % ADLER).T
        high = (high + self._length % ADLER * low + weighted) % ADLER
        checksums: npt.NDArray[np.int64] = high << 16 | (low + added) % ADLER
        return checksums


def prepare(rows: Symbols, bands: Sequence[Band], shown: Bytes) -> Pattern | None:
    """Compress a picture whose panels are open.

    Parameters
    ----------
    rows : (y, x) array of int
        Colours, and from `OPEN` on the numbers of open pixels.
    bands : sequence of Band
        All rows, from above.
    shown : (n,) array of uint8
        Colours that open pixels may have.

    Returns
    -------
    Pattern or None
        None where a picture of this kind cannot be compressed so.
    """
    if not all(NARROWEST <= band.zoom <= WIDEST for band in bands):
        return None
    own, left = rows, np.zeros_like(rows)
    filters = np.zeros((len(rows), 1), np.int64)
    for band in bands:
        if band.is_filtered:
            filters[band.first : band.stop] = 1
            left[band.first : band.stop, 1:] = rows[band.first : band.stop, :-1]
    own, left = np.concatenate([filters, own], axis=1), np.concatenate([np.zeros_like(filters), left], axis=1)
    text = OpenText(own.ravel(), left.ravel(), own.shape[1], shown)
    blocks = [_block(text, band, band is bands[-1]) for band in bands]
    if None in blocks:
        return None
    return _put_together(text, [block for block in blocks if block is not None])


@dataclass(frozen=True, slots=True)
class _Block:
    """A band, compressed.

    Parameters
    ----------
    bits : Bits
        All of it.
    holes : (hole,) array of int
        Which bytes of the picture are open in it.
    at : (hole,) array of int
        The bits that they begin at.
    is_filtered : bool
        Whether differences are written.
    zeros : (hole,) array of int
        How far before it three zeros lie, to which a difference that is none refers.
    tables : mapping of int to (65536,) array of uint32
        Bits of two values, by that distance.
    """

    bits: Bits
    holes: Symbols
    at: Symbols
    is_filtered: bool
    zeros: Symbols
    tables: Mapping[int, npt.NDArray[np.uint32]]


def _block(text: OpenText, band: Band, is_last: bool) -> _Block | None:
    first, stop = band.first * text.stride, band.stop * text.stride
    starts, lengths, distances = text.references(first, stop, ALIKE_FROM if band.is_filtered else SHORTEST)
    is_written = ~covered(stop - first, starts - first, lengths)
    holes = first + np.flatnonzero(is_written & text.is_open[first:stop])
    zeros = _zeros_before(text, band, holes, is_written, first, stop)
    if zeros is None:
        return None
    codes = _codes(band, text.stride, lengths, zeros)
    written = first + np.flatnonzero(is_written)
    # what is open is left out; 1 is none of the literals that have a shorter code
    literals = np.where(text.is_open[written], 1, text.kind[written])
    order = np.argsort(np.concatenate([written, starts]), kind="stable")
    parts = [codes.header(is_last)]
    tokens = [
        np.concatenate(pair)[order]
        for pair in zip(codes.literals(literals), codes.references(lengths, distances), strict=True)
    ]
    is_hole = np.concatenate([text.is_open[written], np.zeros(len(starts), bool)])[order]
    tokens[0][is_hole] = 0
    begins = int(parts[0][1].sum()) + np.cumsum(tokens[1]) - tokens[1]
    parts += [(tokens[0], tokens[1]), codes.literals(np.array([END]))]
    values, counts = (np.concatenate(several) for several in zip(*parts, strict=True))
    tables = {distance: _pairs(codes, distance) for distance in np.unique(zeros).tolist()}
    return _Block((values, counts), holes, begins[is_hole], band.is_filtered, zeros, tables)


def _zeros_before(
    text: OpenText, band: Band, holes: Symbols, is_written: npt.NDArray[np.bool_], first: int, stop: int
) -> Symbols | None:
    """Tell for each hole how far before it zeros lie that a difference of none refers to; None where one finds none."""
    if not band.is_filtered:
        return np.zeros_like(holes)
    concerned = text.may_be_zero[holes]
    behind = holes[concerned][:, None] + [1, 2]
    if behind.max(initial=0) >= stop or not (is_written[behind - first] & (text.kind[behind] == 0)).all():
        return None  # the reference takes the place of the two zeros that are written behind it
    for beyond in BEYOND:
        zeros = np.where(concerned, text.zeros_before(holes, beyond), BESIDE)
        if zeros.all():
            return zeros
    return None


def _codes(band: Band, stride: int, lengths: Symbols, zeros: Symbols) -> BlockCodes:
    """Choose codes by which a pixel takes twelve bits."""
    far = distance_symbol(stride)
    longest = int(symbols_of(np.array([LONGEST]))[0])
    repeated = int(symbols_of(np.array([SHORTEST if band.is_filtered else band.zoom - 1]))[0])
    if band.is_filtered:
        chosen = {0: 1, **dict.fromkeys(range(1, 256), 10), repeated: 10}
        beyond = int(zeros.max(initial=BESIDE))
        # two bits a distance: those of a symbol for two distances take the second one to tell which it is
        one, two = (far, distance_symbol(max(beyond, 4))) if beyond <= 4 else (distance_symbol(beyond), far)
        distances = {distance_symbol(BESIDE): 2, one: 1, two: 2}
    else:
        chosen = {**dict.fromkeys(range(256), 9), repeated: 2}
        distances = {0: 1, far: 1}
    chosen[longest] = 3
    symbols, counts = np.unique(symbols_of(lengths), return_counts=True)
    others = {END: 1, **dict(zip(symbols.tolist(), counts.tolist(), strict=True))}
    rest = huffman(
        {symbol: count for symbol, count in others.items() if symbol not in chosen}, 3, LONGEST_CODE
    )
    return BlockCodes(chosen | rest, distances)


def _pairs(codes: BlockCodes, behind_zeros: int) -> npt.NDArray[np.uint32]:
    """Tabulate the bits of two values, the first one in the lower byte; 0 as a reference where it lies behind zeros."""
    single = codes.literals(np.arange(256))[0].astype(np.uint32)
    if behind_zeros:
        single[0] = codes.references(np.array([SHORTEST]), np.array([behind_zeros]))[0][0]
    pairs: npt.NDArray[np.uint32] = (single[None, :] | single[:, None] << np.uint32(PIXEL_BITS)).ravel()
    return pairs


def _put_together(text: OpenText, blocks: Sequence[_Block]) -> Pattern:
    size = len(text.kind)
    kinds, which = np.unique(text.kind[text.is_open], return_inverse=True)
    at = size - np.flatnonzero(text.is_open)
    weights = np.stack([np.bincount(which), np.bincount(which, at) % ADLER], axis=1)
    counted: set[int] = set()
    known = np.where(text.is_open, 0, text.kind)
    sums = int(known.sum()), int((known * ((size - np.arange(size)) % ADLER)).sum()) % ADLER
    runs, bit = [], 0
    for block in blocks:
        of_holes = weights[np.searchsorted(kinds, text.kind[block.holes])].astype(np.float64)
        is_first = np.zeros(len(block.holes), bool)
        is_first[np.unique(text.kind[block.holes], return_index=True)[1]] = True
        is_first &= ~np.isin(text.kind[block.holes], list(counted))
        counted |= set(text.kind[block.holes].tolist())
        of_holes[~is_first] = 0
        runs += _runs(text, block, bit, of_holes)
        bit += int(block.bits[1].sum())
    values, counts = (
        np.concatenate(several) for several in zip(*(block.bits for block in blocks), strict=True)
    )
    return Pattern(bytes_of(values, counts), runs, sums, size)


def _runs(text: OpenText, block: _Block, first_bit: int, weights: npt.NDArray[np.float64]) -> list[_Runs]:
    """Group the holes of a block by how many follow each other."""
    own, left, at = text.own[block.holes], text.left[block.holes], first_bit + block.at
    follows = (np.diff(at) == PIXEL_BITS) & (np.diff(block.zeros) == 0)
    if block.is_filtered:
        follows &= left[1:] == own[:-1]
    starts = np.append(0, np.flatnonzero(~follows) + 1)
    counts = np.diff(np.append(starts, len(at)))
    found = []
    for count, distance in sorted({*zip(counts.tolist(), block.zeros[starts].tolist(), strict=True)}):
        of_count = starts[(counts == count) & (block.zeros[starts] == distance)]
        members = of_count[:, None] + np.arange(count)
        pixels = own[members]
        if block.is_filtered:
            pixels = np.concatenate([left[of_count][:, None], pixels], axis=1)
        found.append(
            _Runs(
                pixels,
                block.is_filtered,
                block.tables[distance],
                (at[of_count] % 8).astype(np.uint32),
                (at[of_count] // 8).tolist(),
                np.ascontiguousarray(weights[members].reshape(-1, 2)),
            )
        )
    return found
