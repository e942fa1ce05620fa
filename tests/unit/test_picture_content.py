"""Images are what their names say and whole, to the last pixel, in bounded memory."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image as Picture

from zoocut.ledger import Image
from zoocut.uploading.picture_content import content_problem
from zoocut.uploading.pictures import RunPictures

MIMES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif"}


def problem(name: str, content: bytes) -> str | None:
    return content_problem(Image(name, MIMES[name.rpartition(".")[2]]), content)


def saved(kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    frames = [
        Picture.effect_noise((60, 50), 40 + n).convert("P" if kind == "GIF" else "RGB") for n in range(3)
    ]
    frames[0].save(content, kind, **({"append_images": frames[1:]} | options if options else {}))
    return content.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, pixels: bytes, colour: int = 0, depth: int = 8, interlaced: int = 0
) -> bytes:
    """Put pixel data into a PNG whose checksums are right."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    palette = chunk(b"PLTE", bytes(48)) if colour == 3 else b""
    parts = chunk(b"IHDR", header) + palette + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    ("width", "height", "colour", "depth", "interlaced", "size"),
    [
        (9, 5, 0, 8, 0, 5 * 10),
        (9, 5, 0, 1, 0, 5 * 3),
        (9, 5, 2, 8, 0, 5 * 28),
        (9, 5, 6, 16, 0, 5 * 73),
        (9, 5, 3, 4, 0, 5 * 6),
        # passes of 2x1, 1x1, 3x1, 2x2, 5x1, 4x3 and 9x2 pixels, a filter byte in front of each row
        (9, 5, 0, 8, 1, 3 + 2 + 4 + 6 + 6 + 15 + 20),
        (1, 1, 0, 8, 1, 2),
    ],
)
def test_png_needs_all_its_rows(
    width: int, height: int, colour: int, depth: int, interlaced: int, size: int
) -> None:
    def whole(count: int) -> bytes:
        return png(width, height, zlib.compress(bytes(count)), colour, depth, interlaced)

    assert problem("a.png", whole(size)) is None
    assert problem("a.png", whole(size + 7)) is None
    for short in (size - 1, size - size // height, 1, 0):
        assert "a.png is no whole PNG" in str(problem("a.png", whole(min(short, size - 1))))


@pytest.mark.parametrize(
    "pixels",
    [
        b"",
        b"garbage" * 40,
        zlib.compress(bytes(50))[:-6],
        zlib.compress(b"\x09" * 50),
        zlib.compress(bytes(50))[:-1] + b"x",
    ],
)
def test_png_with_broken_pixels_is_no_png(pixels: bytes) -> None:
    says = str(problem("a.png", png(9, 5, pixels)))
    assert "a.png is no whole PNG" in says
    assert "draw it again, then run `zoocut upload RUN --retry-rejected`" in says


@pytest.mark.parametrize("part", [b"IHDR", b"gAMA", b"IDAT", b"tEXt", b"IEND"])
@pytest.mark.parametrize(
    "wrong", ["a bit", "its checksum", "cut off before", "cut off in it", "longer than said"]
)
def test_every_part_of_a_png_is_compared_with_its_checksum(part: bytes, wrong: str) -> None:
    header = struct.pack(">IIBBBBB", 9, 5, 8, 0, 0, 0, 0)
    parts = {
        b"IHDR": header,
        b"gAMA": bytes(4),
        b"IDAT": zlib.compress(bytes(50)),
        b"tEXt": b"a\0b",
        b"IEND": b"",
    }
    content = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in parts.items())
    assert problem("a.png", content) is None
    assert problem("a.png", content + b"what follows") is None
    at = content.index(part)
    last = at + 4 + len(parts[part])
    broken = {
        "a bit": content[: last - 1] + bytes([content[last - 1] ^ 1]) + content[last:],
        "its checksum": content[:last] + bytes([content[last] ^ 1]) + content[last + 1 :],
        "cut off before": content[: at - 4],
        "cut off in it": content[: last + 3],
        "longer than said": content[:last] + b"x" + content[last:],
    }
    assert "a.png " in str(problem("a.png", broken[wrong]))


@pytest.mark.parametrize("kind", [b"\0\1\2\3", b"tE t", b"tEX1", b"t\xe9Xt"])
def test_parts_have_types_of_letters(kind: bytes) -> None:
    """Browsers stop at others, even where their checksum is right."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 9, 5, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(50)))]
    parts += [(kind, b"a\0b"), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in parts)
    assert "four letters" in str(problem("a.png", content))
    assert problem("a.png", content.replace(chunk(*parts[2]), chunk(b"teXt", b"a\0b"))) is None


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.gif", "GIF")])
def test_an_image_cut_off_is_refused(name: str, kind: str) -> None:
    content = saved(kind)
    assert problem(name, content) is None
    for left in (len(content) - 30, len(content) // 2, 40):
        assert f"{name} " in str(problem(name, content[:left]))


def test_an_animation_is_read_to_its_last_picture() -> None:
    content = saved("GIF", save_all=True)
    assert problem("a.gif", content) is None
    assert "is no whole GIF" in str(problem("a.gif", content[: len(content) * 5 // 6]))


@pytest.mark.parametrize("pictures", [2, 3])
def test_jpeg_with_further_pictures_in_it_is_a_jpeg(pictures: int) -> None:
    content = io.BytesIO()
    frames = [Picture.effect_noise((40, 30), 30).convert("RGB") for _ in range(pictures)]
    frames[0].save(content, "MPO", save_all=True, append_images=frames[1:])
    with Picture.open(io.BytesIO(content.getvalue())) as found:
        assert found.format == "MPO"
    assert problem("a.jpg", content.getvalue()) is None
    assert "holds a JPEG, not a PNG: give it the name of its type" in str(
        problem("a.png", content.getvalue())
    )


@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "PNG"), ("a.png", "GIF"), ("a.gif", "JPEG")])
def test_an_image_under_the_name_of_another_type(name: str, kind: str) -> None:
    assert f"holds a {kind}, not a" in str(problem(name, saved(kind)))


def test_more_pixels_than_are_looked_into_are_told() -> None:
    says = str(problem("a.png", png(20_000, 20_000, zlib.compress(b""))))
    assert says == "a.png has more than the 178956970 pixels that are looked into: draw it smaller"


MEASURE = """
import io, resource
from concurrent.futures import ThreadPoolExecutor
from PIL import Image as Picture
from zoocut.ledger import Image
from zoocut.uploading.picture_content import content_problem
contents = {}
for kind in ("JPEG", "PNG"):
    file = io.BytesIO()
    Picture.new("L", (13000, 13000)).save(file, kind, **({"compress_level": 1} if kind == "PNG" else {}))
    contents[kind] = file.getvalue()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(8) as pool:
    jobs = [pool.submit(content_problem, Image(f"a.{kind}", f"image/{kind.lower()}"), content)
            for _ in range(4) for kind, content in contents.items()]
    assert [job.result() for job in jobs] == [None] * 8
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_large_images_are_decoded_one_at_a_time() -> None:
    """Eight of 169 MB: side by side they would need 1.3 GB, one at a time one more than what made them."""
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 400_000


@pytest.fixture
def pictures(tmp_path) -> RunPictures:  # type: ignore[no-untyped-def]
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "sub/b.png"):
        (tmp_path / name).write_bytes(saved("PNG"))
    return RunPictures(tmp_path)


@pytest.mark.parametrize(
    ("location", "path", "says"),
    [
        ("sub\\b.png", "sub/b.png", None),
        (".\\sub\\b.png", "./sub/b.png", None),
        ("sub\\gone.png", None, "is missing, which is written with backslashes: restore it"),
        ("A.PNG", None, "A.PNG is missing: there is a.png; correct the manifest"),
        ("sub/B.png", None, "is missing: there is sub/b.png; correct"),
        ("sub\\B.png", None, "is missing: there is sub/b.png; correct"),
        ("gone.png", None, "gone.png is missing: restore it, then run"),
        ("..\\a.png", None, "is missing"),
        ("../a.png", None, "leads out of the run folder"),
    ],
)
def test_names_as_windows_writes_them(
    pictures: RunPictures, location: str, path: str | None, says: str | None
) -> None:
    image, problem = pictures.look(location)
    assert (image.path, problem) == (path, None) if says is None else says in str(problem)
