"""Pictures from addresses: kept once fetched, asked for one at a time, and never for long.

What a server answers is taken for a picture only when it can be decoded as one.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from zoocut.error_kinds import MalformedPattern, MissingColumn, NoContext, NotWritable
from zoocut.errors import InputError
from zoocut.files import write_whole
from zoocut.model import DiaSource

if TYPE_CHECKING:
    import requests
    from PIL.Image import Image as PillowImage

__all__ = ["PictureFetcher"]

TEMPORARY = (429, 500, 502, 503, 504)
"""Answers after which the same request may be asked again (RFC 9110, section 15)."""

LONGEST_WAIT_S = 60.0
FEWEST_PIXELS = 8
"""Smaller pictures stand for none: servers send a single pixel where they have no image."""

LARGEST_PIXELS = 50_000_000
"""Decoded size of the largest picture that is opened."""


PART_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request came to: the content, or what is wrong with it and whether asking again may help."""

    content: bytes = field(default=b"", repr=False)
    told: str = ""
    is_temporary: bool = False
    wait_s: float = 0.0


class PictureFetcher:
    """Fetches a picture for each source.

    Parameters
    ----------
    pattern : str
        The address, with {column} fields.
    seconds_between : float
        Least time between two requests to its host, over all processes of this machine.
    timeout_s : float
        Longest that one request may take.
    attempts : int
        How often it is asked for.
    max_bytes : int
        Largest answer.
    section : str
        Whose settings these are, for what is told.

    Raises
    ------
    ConfigError
        When the address has a malformed field.
    """

    def __init__(
        self,
        pattern: str,
        seconds_between: float,
        timeout_s: float,
        attempts: int,
        max_bytes: int,
        section: str = "media.context",
    ) -> None:
        _check(pattern, section)
        self._section = section
        self._pattern = pattern
        self._seconds_between = seconds_between
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._max_bytes = max_bytes
        self._folder = (
            Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zoocut" / "pictures"
        )

    def picture(self, source: DiaSource, _cutouts: object = None) -> bytes:
        """Return a source's picture as PNG.

        Raises
        ------
        InputError
            When its address cannot be made or what is there is no picture.
        """
        address = self._address(source)
        kept = self._folder / f"{hashlib.sha256(address.encode()).hexdigest()}.png"
        try:
            if kept.is_file():
                return kept.read_bytes()
            content = _as_png(self._fetched(address), urlsplit(address).netloc)
            write_whole(kept, content)
        except (OSError, NotImplementedError) as error:  # filelock raises the latter where there are no locks
            raise NotWritable(
                f"{self._folder}, where pictures are kept, cannot be used ({error}): set XDG_CACHE_HOME to a folder "
                "on a local disk"
            ) from error
        return content

    def _address(self, source: DiaSource) -> str:
        known: dict[str, object] = {**source.columns, "diaSourceId": source.dia_source_id}
        if source.ra_deg is not None and source.dec_deg is not None:
            # in degrees, whatever unit columns of the same names are in
            known |= {"ra": source.ra_deg % 360, "dec": source.dec_deg}
        names = {name for _, name, _, _ in Formatter().parse(self._pattern) if name}
        missing = sorted(name for name in names if known.get(name) is None)
        if missing:
            raise MissingColumn(f"it has no {', '.join(missing)}, which {self._section}.address needs")
        quoted = {name: _quoted(known[name]) for name in names}
        try:
            return self._pattern.format(**quoted)
        except (ValueError, KeyError, IndexError) as error:
            raise MissingColumn(
                f"{self._section}.address does not fit the value of a column ({error})"
            ) from None

    def _fetched(self, address: str) -> bytes:
        answer = Answer()
        for attempt in range(1, self._attempts + 1):
            answer = self._asked(address)
            if not answer.told:
                return answer.content
            if not answer.is_temporary:
                break
            if attempt < self._attempts:
                time.sleep(min(LONGEST_WAIT_S, answer.wait_s or 2.0 ** (attempt - 1)))
        raise NoContext(f"{urlsplit(address).netloc} {answer.told}")

    def _asked(self, address: str) -> Answer:
        """Ask once, when it is this process's turn."""
        import requests
        from urllib3.exceptions import ReadTimeoutError

        session = requests.Session()
        session.auth = _without_credentials
        with _turn(self._folder, urlsplit(address).netloc, self._seconds_between), session:
            try:
                with session.get(address, timeout=self._timeout_s, stream=True) as response:
                    return self._read(response)
            except requests.Timeout:
                return Answer(told=f"does not answer within {self._timeout_s:g} s", is_temporary=True)
            except requests.RequestException as error:
                if error.args and isinstance(
                    error.args[0], ReadTimeoutError
                ):  # amid the body it is no Timeout
                    return Answer(told=f"takes longer than {self._timeout_s:g} s", is_temporary=True)
                return Answer(told=f"cannot be reached ({type(error).__name__})", is_temporary=True)

    def _read(self, response: requests.Response) -> Answer:
        status = response.status_code
        if status != 200:
            wait_s = _seconds(response.headers.get("Retry-After"))
            return Answer(told=f"answers {status}", is_temporary=status in TEMPORARY, wait_s=wait_s)
        end = time.monotonic() + self._timeout_s
        content = bytearray()
        for part in response.iter_content(PART_BYTES):
            content += part
            if len(content) > self._max_bytes:
                return Answer(
                    told=f"sends more than {self._max_bytes} bytes: raise {self._section}.max_bytes"
                )
            if time.monotonic() > end:
                return Answer(told=f"takes longer than {self._timeout_s:g} s", is_temporary=True)
        return Answer(bytes(content))


@contextmanager
def _turn(folder: Path, host: str, seconds_between: float) -> Iterator[None]:
    """Wait until no other process asks the host and the last request lies far enough back."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    name = quote(host, safe="")
    last = folder / f"{name}.last"
    with FileLock(folder / f"{name}.lock"):
        since = time.time() - last.stat().st_mtime if last.exists() else seconds_between
        time.sleep(max(0.0, min(seconds_between, seconds_between - since)))
        try:
            yield
        finally:
            last.touch()


def _check(pattern: str, section: str) -> None:
    try:
        names = [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]
    except ValueError as error:
        raise MalformedPattern(
            f"{section}.address = {pattern!r} is malformed ({error}): write columns as {{ra}}"
        ) from None
    if "@" in urlsplit(pattern).netloc:
        raise MalformedPattern(
            f"{section}.address holds a name or a password, which the run would keep: use a server that asks for none"
        )
    wrong = next((name for name in names if not name.isidentifier()), None)
    if wrong is not None:
        raise MalformedPattern(
            f"{section}.address has a field {{{wrong}}}: only a column's name may stand there"
        )


def _quoted(value: object) -> object:
    return quote(value, safe="") if isinstance(value, str) else value


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.strip().isdecimal() else 0.0


def _without_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from looking into .netrc."""
    return request


def _on_black(image: PillowImage) -> PillowImage:
    """Return a picture without transparency, which would show what lies hidden there."""
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    above = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", above.size, "black"), above).convert("RGB")


def _as_png(content: bytes, host: str) -> bytes:
    """Decode a picture and write it as PNG."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > LARGEST_PIXELS:
                raise NoContext(
                    f"{host} sends a picture of {image.width} x {image.height} pixels: ask for a smaller one"
                )
            if min(image.size) < FEWEST_PIXELS:
                raise NoContext(
                    f"{host} sends a picture of {image.width} x {image.height} pixels, which shows nothing"
                )
            if image.mode[0] in "IF":  # converted it would be cut off at 255, and be white
                raise NoContext(
                    f"{host} sends a picture of more than 8 bits a pixel: ask for one of 8 bits, or JPEG"
                )
            file = io.BytesIO()
            _on_black(image).save(file, "png")
    except InputError:
        raise
    except Exception as error:  # decoders raise almost anything
        start = content[:40].decode("ascii", "replace").strip()
        raise NoContext(f"{host} answers something that is no picture (it begins with {start!r})") from error
    return file.getvalue()
