"""PNG files hold the pixels that were painted."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from zoocut.render.png import PngWriter

RANDOM = np.random.default_rng(8)


@pytest.mark.parametrize("count", [2, 200, 256, 257, 400])
def test_pixels_survive_with_a_palette_or_without(count: int) -> None:
    colours = RANDOM.integers(0, 256, (count, 3)).astype(np.uint8)
    writer = PngWriter(colours, 61, 43)
    rows = writer.canvas(1)
    painted = RANDOM.integers(0, count, (43, 61))
    rows[:, 1:] = painted
    content = writer.write(rows)
    image = Image.open(io.BytesIO(content))
    image.verify()
    image = Image.open(io.BytesIO(content))
    assert image.mode == ("P" if count <= 256 else "RGB")
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), colours[painted])


def test_chunks_carry_their_checksums() -> None:
    writer = PngWriter(np.zeros((2, 3), np.uint8), 5, 4)
    content = writer.write(writer.canvas(0))
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    position, kinds = 8, []
    while position < len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        body = content[position + 4 : position + 8 + length]
        checksum = int.from_bytes(content[position + 8 + length : position + 12 + length], "big")
        assert zlib.crc32(body) == checksum
        kinds.append(body[:4])
        position += 12 + length
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
