"""Wider fields and flip-books: the right pixels in one manner, and servers that answer badly."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from zoocut.catalogs import open_catalog
from zoocut.config.settings import Settings
from zoocut.errors import ConfigError
from zoocut.images import open_images
from zoocut.media.fetching import PictureFetcher
from zoocut.media.medium import Shown
from zoocut.media.registry import open_media
from zoocut.model import DiaSource, Rejection

SIZE = 120
SCALE_ARCSEC = 0.5


def write_frames(folder: Path, visit: int, science: np.ndarray[Any, Any]) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [10.0, -5.0], [SIZE / 2, SIZE / 2]
    wcs.wcs.cdelt = [-SCALE_ARCSEC / 3600, SCALE_ARCSEC / 3600]
    for name, pixels in (("t", np.zeros_like(science)), ("s", science), ("d", science)):
        fits.writeto(
            folder / f"{visit}_{name}.fits", pixels.astype(np.float32), wcs.to_header(), overwrite=True
        )


def settings_for(folder: Path, rows: str, **sections: Any) -> Settings:
    (folder / "sources.csv").write_text(rows)
    base: dict[str, Any] = {
        "catalog": {"kind": "table", "path": "sources.csv", "x": "x", "y": "y"},
        "images": {"kind": "frames"}
        | {n: f"{{visit}}_{n[0]}.fits" for n in ("template", "science", "difference")},
        "draw": {"sizes": [20], "panel_pix": 60, "colormap": "gray", "scale_bar_arcsec": None},
    }
    draw = base["draw"] | sections.pop("draw", {})
    return Settings.model_validate(base | sections | {"draw": draw})


def shown(settings: Settings, folder: Path) -> list[Shown | Rejection]:
    sources = [row for row in open_catalog(settings.catalog, folder).sources() if isinstance(row, DiaSource)]
    images = open_images(settings.images, settings.draw, folder)
    cuts = []
    for source in sources:
        (found,) = images.cut(images.exposure_of(source), [source])
        assert not isinstance(found, Rejection), found
        cuts.append((source, found))
    return list(open_media(settings, folder).draw(cuts))


def grey(png: bytes | None) -> np.ndarray[Any, Any]:
    assert png is not None
    return np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(int)


def files_of(found: Shown | Rejection) -> tuple[bytes | None, ...]:
    assert isinstance(found, Shown), found
    return found.files


ROWS = "diaSourceId,x,y,visit,diaObjectId,midpointMjdTai\n"


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        (
            {"draw": {"science": {"title": "Neu \N{SNOWMAN} \u6a21\u677f"}}},
            r"the title .* has '\u6a21' \(U\+6A21\), '\u677f'",
        ),
        ({"draw": {"media": ["context"]}, "media": {"context": {"title": "\u6a21"}}}, r"the title .*U\+6A21"),
        (
            {"draw": {"media": ["flipbook"]}, "media": {"flipbook": {"title": "a\nb"}}},
            r"the title .*'\\n' \(U\+000A\)",
        ),
        (
            {"draw": {"media": ["lightcurve_png"]}, "media": {"lightcurve_png": {"y_label": "\u6a21"}}},
            r"the label .*U\+6A21",
        ),
    ],
)
def test_letters_that_the_font_cannot_draw_are_refused(
    tmp_path: Path, sections: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=f"{says}.* which the font 'DejaVu Sans' cannot draw"):
        open_media(settings_for(tmp_path, ROWS, **sections), tmp_path)


def test_letters_of_values_that_the_font_cannot_draw_are_told(tmp_path: Path) -> None:
    write_frames(tmp_path, 1, np.arange(SIZE * SIZE, dtype=float).reshape(SIZE, SIZE))
    rows = "diaSourceId,x,y,visit,band\n1,59.5,59.5,1,r\n2,59.5,59.5,1,\u6a21\u6a21\n"
    settings = settings_for(tmp_path, rows, draw={"add_metadata": True, "panel_pix": 194})
    plain, odd = shown(settings, tmp_path)
    assert isinstance(plain, Shown)
    assert isinstance(odd, Shown)
    told = ("its values have letters that the font 'DejaVu Sans' cannot draw: \u6a21",)
    assert (plain.notes, odd.notes) == ((), told)


def test_a_field_is_averaged_by_whole_numbers(tmp_path: Path) -> None:
    """60 arcsec at 0.5 arcsec a pixel are 120 pixels, which fit 60 in squares of two."""
    science = np.arange(SIZE * SIZE, dtype=float).reshape(SIZE, SIZE)
    write_frames(tmp_path, 1, science)
    media = {"context": {"size_arcsec": 60.0, "width_pix": 60, "title": "", "interval": "minmax"}}
    settings = settings_for(
        tmp_path, ROWS + "1,59.5,59.5,1,0,60000\n", draw={"media": ["context"]}, media=media
    )
    (found,) = shown(settings, tmp_path)
    pixels = grey(files_of(found)[0])[10:70, 10:70][::-1]
    blocks = science.reshape(60, 2, 60, 2).mean(axis=(1, 3))
    expected = (blocks - blocks.min()) / np.ptp(blocks) * 255
    assert abs(pixels - expected).max() <= 2


def test_a_field_over_the_edge_is_blank_there(tmp_path: Path) -> None:
    write_frames(tmp_path, 1, np.arange(SIZE * SIZE, dtype=float).reshape(SIZE, SIZE))
    settings = settings_for(
        tmp_path,
        ROWS + "1,5,59.5,1,0,60000\n",
        draw={"media": ["context"], "nan_color": "red"},
        media={"context": {"size_arcsec": 30.0, "width_pix": 60, "title": ""}},
    )
    (found,) = shown(settings, tmp_path)
    png = files_of(found)[0]
    assert png is not None
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))[10:70, 10:70]
    assert (pixels[:, 0] == [255, 0, 0]).all()
    assert not (pixels[:, -1] == [255, 0, 0]).all(axis=1).any()


def test_a_finding_chart_is_the_field_with_marks_around_its_middle(tmp_path: Path) -> None:
    write_frames(tmp_path, 1, np.arange(SIZE * SIZE, dtype=float).reshape(SIZE, SIZE))
    own = {"size_arcsec": 60.0, "width_pix": 60, "title": "", "interval": "minmax"}
    settings = settings_for(
        tmp_path,
        ROWS + "1,59.5,59.5,1,0,60000\n",
        draw={"media": ["context"]},
        media={"context": own, "finder": own},
        talk={"attach": ["finder"]},
    )
    (found,) = shown(settings, tmp_path)
    field, chart = (
        np.asarray(Image.open(io.BytesIO(png or b"")).convert("RGB")).astype(int) for png in files_of(found)
    )
    assert field.shape == chart.shape
    rows, columns = np.nonzero((field != chart).any(axis=2))
    middle = (field.shape[0] - 1) / 2
    assert (rows.mean(), columns.mean()) == pytest.approx((middle, middle), abs=1)
    away = np.hypot(rows - middle, columns - middle)
    assert 2 <= away.min() < away.max() <= 0.13 * len(field), "the source itself stays visible"
    assert (chart == [255, 255, 0]).all(axis=2).sum() >= 4


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"talk": {"attach": ["fnder"]}}, "talk.attach: there is no medium fnder: did you mean finder"),
        ({"draw": {"media": ["curve"]}}, "draw.media: there is no medium curve: did you mean lightcurve"),
        ({"media": {"zzzzz": {}}}, "media: there is no medium zzzzz: there are annotated, context, finder,"),
        ({"talk": {"attach": ["finder"]}, "media": {"finder": {"title": "x"}}}, "a finding chart has none"),
    ],
)
def test_media_that_there_are_not_are_refused_with_those_there_are(
    tmp_path: Path, sections: dict[str, Any], says: str
) -> None:
    write_frames(tmp_path, 1, np.zeros((SIZE, SIZE)))
    with pytest.raises(ConfigError, match=says):
        open_media(settings_for(tmp_path, ROWS, **sections), tmp_path)


@pytest.mark.parametrize("medium", ["context", "finder"])
def test_stamps_have_no_wider_field(tmp_path: Path, medium: str) -> None:
    sections = {
        "catalog": {"kind": "alerts", "path": "x"},
        "images": {"kind": "stamps"},
        "draw": {"media": [medium]},
    }
    with pytest.raises(ConfigError, match=f"stamps hold no wider field.*media.{medium}.address"):
        open_media(Settings.model_validate(sections), tmp_path)


def test_frames_of_a_flipbook_share_their_stretch(tmp_path: Path) -> None:
    """A source that doubles is twice as bright in the second frame, not as bright as in the first."""
    for visit, peak in ((1, 100.0), (2, 200.0), (3, 50.0)):
        science = np.zeros((SIZE, SIZE))
        science[60, 60] = peak
        write_frames(tmp_path, visit, science)
    rows = "2,60,60,2,7,60002\n3,60,60,3,7,60001\n1,60,60,1,7,60000\n9,20,20,1,0,60000\n"
    draw = {"media": ["flipbook"], "difference": {"interval": "minmax", "title": ""}}
    settings = settings_for(tmp_path, ROWS + rows, draw=draw, media={"flipbook": {"frames": 4}})
    found = shown(settings, tmp_path)
    frames = files_of(found[0])
    assert [frame is None for frame in frames] == [False, False, False, True]
    peaks = [grey(frame)[10:70, 10:70].max() for frame in frames[:3]]
    assert peaks == pytest.approx([127, 63, 255], abs=2), "in order of time: 100, 50, 200 of at most 200"
    assert files_of(found[2]) == files_of(found[3]) == frames
    alone = found[1]
    assert [frame is None for frame in files_of(alone)] == [False, True, True, True], "0 is no object"


def test_the_nearest_epochs_are_shown(tmp_path: Path) -> None:
    for visit in range(1, 8):
        write_frames(tmp_path, visit, np.full((SIZE, SIZE), float(visit)))
    rows = "".join(f"{n},60,60,{n},7,{60000 + n * n}\n" for n in range(1, 8))
    draw = {"media": ["flipbook"], "difference": {"interval": "minmax", "title": ""}}
    media = {"flipbook": {"frames": 3}}
    settings = settings_for(tmp_path, ROWS + rows, draw=draw, media=media)
    for number, expected in ((1, [1, 2, 3]), (4, [3, 4, 5]), (7, [5, 6, 7])):
        frames = [grey(frame)[40, 40] for frame in files_of(shown(settings, tmp_path)[number - 1])]
        first, last = expected[0], expected[-1]
        assert frames == pytest.approx([255 * (v - first) / (last - first) for v in expected], abs=2)


def test_frames_have_the_size_of_the_source_itself(tmp_path: Path) -> None:
    """An earlier epoch of another footprint must not push the source out of its own flip-book."""
    for visit in (1, 2, 3):
        write_frames(tmp_path, visit, np.full((SIZE, SIZE), float(visit)))
    header = ROWS.strip() + ",bbox_min_x,bbox_max_x,bbox_min_y,bbox_max_y\n"
    rows = "1,60,60,1,7,60001,55,65,50,70\n2,60,60,2,7,60002,50,70,50,70\n3,60,60,3,7,60003,50,70,50,70\n"
    draw = {"media": ["flipbook"], "use_footprint": True, "difference": {"interval": "minmax", "title": ""}}
    first, *others = shown(settings_for(tmp_path, header + rows, draw=draw), tmp_path)
    assert [frame is None for frame in files_of(first)[:3]] == [False, True, True]
    for found in others:
        assert isinstance(found, Shown)
        assert [frame is None for frame in found.files[:3]] == [False, False, True]
        assert found.notes == ("epochs of flip-books left out: their cutouts have another size",)


def test_times_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    write_frames(tmp_path, 1, np.zeros((SIZE, SIZE)))
    rows = "1,60,60,1,7,2026-01-01T00:00:00\n2,60,60,1,7,2026-01-02T00:00:00\n"
    settings = settings_for(tmp_path, ROWS + rows, draw={"media": ["flipbook"]})
    with pytest.raises(
        ConfigError, match=r"media\.flipbook\.time names the column midpointMjdTai, which holds '2026"
    ):
        shown(settings, tmp_path)


def test_what_moves_is_seen_to_move(tmp_path: Path) -> None:
    for visit, x in ((1, 50), (2, 56)):
        science = np.zeros((SIZE, SIZE))
        science[60, x] = 100.0
        write_frames(tmp_path, visit, science)
    rows = "1,50,60,1,0,60000,5\n2,56,60,2,0,60001,5\n"
    for centre, places in (("source", [30, 30]), ("sky", [30, 48])):
        media = {"flipbook": {"frames": 2, "object": "ssObjectId", "centre": centre}}
        header = ROWS.strip() + ",ssObjectId\n"
        draw = {"media": ["flipbook"], "difference": {"interval": "minmax", "title": ""}}
        settings = settings_for(tmp_path, header + rows, draw=draw, media=media)
        if centre == "sky":
            wcs = WCS(fits.getheader(tmp_path / "1_s.fits"))
            lines = [line.split(",") for line in rows.splitlines()]
            sky = [wcs.pixel_to_world_values(float(one[1]), float(one[2])) for one in lines]
            text = "diaSourceId,ra,dec,visit,diaObjectId,midpointMjdTai,ssObjectId\n" + "".join(
                f"{one[0]},{ra:.9f},{dec:.9f},{','.join(one[3:])}\n"
                for one, (ra, dec) in zip(lines, sky, strict=True)
            )
            (tmp_path / "sources.csv").write_text(text)
            catalog = settings.catalog.model_copy(update={"x": None, "y": None})
            settings = settings.model_copy(update={"catalog": catalog})
        frames = [grey(frame)[10:70, 10:70] for frame in files_of(shown(settings, tmp_path)[0])]
        found = [int(np.argmax(frame.max(axis=0))) for frame in frames]
        assert found == pytest.approx(places, abs=3)


@dataclass
class Host:
    """A server of pictures on loopback that answers what it is told to."""

    address: str
    answers: list[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    asked: list[tuple[float, str]] = field(default_factory=list)


def picture(width: int = 8, kind: str = "jpeg") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, width), "red").save(file, kind)
    return file.getvalue()


def deep(mode: str, kind: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (20, 20), 300).save(file, kind)
    return file.getvalue()


def sends(content: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return send


def dribbles(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b"x" * (1 << 16))
        handler.wfile.flush()
        time.sleep(0.05)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((time.monotonic(), self.path))
            answer = found.answers.pop(0) if len(found.answers) > 1 else found.answers[0]
            with suppress(ConnectionError):  # the client has had enough
                answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Host(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def fetched(
    folder: Path, host: Host, rows: str = "1,60,60,1,0,60000\n", **context: Any
) -> list[Shown | Rejection]:
    if not (folder / "1_s.fits").exists():
        write_frames(folder, 1, np.zeros((SIZE, SIZE)))
    own = {
        "address": host.address + "/{diaSourceId}?v={visit}",
        "seconds_between": 0,
        "timeout_s": 60,
    } | context
    settings = settings_for(folder, ROWS + rows, draw={"media": ["context"]}, media={"context": own})
    return shown(settings, folder)


def test_a_picture_by_address_is_asked_for_once(tmp_path: Path, host: Host) -> None:
    host.answers = [sends(picture())]
    for _ in range(2):
        (found,) = fetched(tmp_path, host)
        png = files_of(found)[0]
        assert png is not None
        assert png.startswith(b"\x89PNG")
        assert Image.open(io.BytesIO(png)).size == (8, 8)
    assert [path for _, path in host.asked] == ["/1?v=1"]


@pytest.mark.parametrize(
    ("answers", "says", "requests"),
    [
        (
            [sends(b"<html>Log in</html>")],
            "answers something that is no picture (it begins with '<html>Log in",
            1,
        ),
        ([sends(b"", 404)], "answers 404", 1),
        ([sends(b"", 503)], "answers 503", 3),
        ([sends(picture(600, "bmp"))], "sends more than 1000000 bytes", 1),
        ([dribbles], "0.3 s", 3),
        ([sends(picture(1, "png"))], "sends a picture of 1 x 1 pixels, which shows nothing", 1),
        ([sends(deep("I;16", "png"))], "of more than 8 bits a pixel", 1),
        ([sends(deep("F", "tiff"))], "of more than 8 bits a pixel", 1),
        ([sends(picture(600)[:700])], "answers something that is no picture", 1),
        ([sends(b"", 302, Location="/login"), sends(b"<html>")], "answers something that is no picture", 2),
        ([sends(b"", 200)], "answers something that is no picture", 1),
    ],
)
def test_servers_that_answer_badly_cost_the_panel_or_the_row(
    tmp_path: Path, host: Host, answers: list[Any], says: str, requests: int
) -> None:
    host.answers, longest_s = answers, 0.3 if dribbles in answers else 60.0
    (found,) = fetched(tmp_path, host, timeout_s=longest_s, max_bytes=1_000_000)
    assert isinstance(found, Shown)
    assert found.files == (None,)
    assert says in found.notes[0]
    assert len(host.asked) == requests
    (found,) = fetched(tmp_path, host, timeout_s=longest_s, max_bytes=1_000_000, required=True, attempts=1)
    assert isinstance(found, Rejection)
    assert says in found.reason


def test_a_server_that_is_busy_is_asked_again_when_it_says(tmp_path: Path, host: Host) -> None:
    host.answers = [sends(b"", 429, Retry_After="1"), sends(picture())]
    (found,) = fetched(tmp_path, host)
    assert files_of(found)[0] is not None
    (first, _), (second, _) = host.asked
    assert second - first >= 1


def test_requests_keep_their_distance(tmp_path: Path, host: Host) -> None:
    host.answers = [sends(picture())]
    rows = "1,60,60,1,0,60000\n2,60,60,1,0,60000\n3,60,60,1,0,60000\n"
    began = time.monotonic()
    assert len(fetched(tmp_path, host, rows, seconds_between=0.4)) == 3
    assert all(at - began >= 0.39 * number for number, (at, _) in enumerate(host.asked))


@pytest.mark.parametrize(
    ("ra", "columns"),
    [
        (150.25, {"ra": "10:01:00", "dec": "-30:00:00"}),
        (150.25, {"ra": 10.0167}),
        (-209.75, {}),
        (510.25, {}),
    ],
)
def test_positions_in_addresses_are_degrees_whatever_the_columns_are_in(
    tmp_path: Path, host: Host, ra: float, columns: dict[str, Any]
) -> None:
    host.answers = [sends(picture())]
    source = DiaSource(1, ra, -30.0, "t", "row 1", columns)
    PictureFetcher(host.address + "/{ra:.2f}/{dec:.1f}", 0, 60, 1, 10**6).picture(source)
    assert [path for _, path in host.asked] == ["/150.25/-30.0"]


def test_what_is_transparent_is_black(tmp_path: Path, host: Host) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(file, "png")
    host.answers = [sends(file.getvalue())]
    (found,) = fetched(tmp_path, host)
    assert grey(files_of(found)[0]).max() == 0


def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    host.answers = [sends(picture())]
    (found,) = fetched(tmp_path, host)
    assert isinstance(found, Shown)
    assert "set XDG_CACHE_HOME to a folder on a local disk" in found.notes[0]


def test_a_host_that_is_not_there(tmp_path: Path, host: Host) -> None:
    gone = Host("http://127.0.0.1:9")
    (found,) = fetched(tmp_path, gone, attempts=1)
    assert isinstance(found, Shown)
    assert found.notes == ("without a wider field: 127.0.0.1:9 cannot be reached (ConnectionError)",)


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ({"address": "http://h/{ra"}, "is malformed"),
        ({"address": "http://h/{0}"}, "only a column's name may stand there"),
        ({"address": "ftp://h/{ra}"}, "is not allowed"),
        ({"address": "http://me:word@h/{ra}"}, "holds a name or a password"),
        ({"timeout_s": 3}, "are for an address"),
    ],
)
def test_wrong_settings(tmp_path: Path, context: dict[str, Any], says: str) -> None:
    write_frames(tmp_path, 1, np.zeros((SIZE, SIZE)))
    settings = settings_for(tmp_path, ROWS, draw={"media": ["context"]}, media={"context": context})
    with pytest.raises(ConfigError, match=says):
        open_media(settings, tmp_path)


def test_a_column_that_the_address_needs_is_missing(tmp_path: Path, host: Host) -> None:
    (found,) = fetched(tmp_path, host, address=host.address + "/{nights}")
    assert isinstance(found, Shown)
    assert "it has no nights, which media.context.address needs" in found.notes[0]
    (found,) = fetched(tmp_path, host, address=host.address + "/{visit:{width}}")
    assert isinstance(found, Shown)
    assert "does not fit the value of a column" in found.notes[0]
