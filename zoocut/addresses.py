"""Addresses of images on hosts of one's own: what Zooniverse takes, and what an outsider gets from them."""

from __future__ import annotations

import hashlib
import ipaddress
import mimetypes
import posixpath
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

import requests

from zoocut.errors import ZooniverseError
from zoocut.zooniverse.credentials import is_loopback_host
from zoocut.zooniverse.prepared import PreparedSession
from zoocut.zooniverse.retrying import with_retries
from zoocut.zooniverse.store import contradiction, is_page
from zoocut.zooniverse.transport import Transport, foreign_errors

__all__ = [
    "SAMPLE",
    "Outsider",
    "Served",
    "form_problem",
    "in_threads",
    "is_loopback",
    "media_type",
    "sampled",
]

SAMPLE = 100
"""Addresses that a sample reads: a fault that 3 in 100 of them have is met with 95 % certainty."""

READ_S = 30.0
"""How long an outsider waits for the next bytes; Zooniverse's volunteers wait less."""

THREADS = 16
"""Requests to a host at once: hosts of static files bear it, and a hundred thousand addresses take minutes."""

ENDINGS = ("gif", "jpeg", "jpg", "json", "mp4", "png", "svg")
"""Ends of addresses that Panoptes' import takes for a type which volunteers' browsers show."""

LOCAL_NAMES = (".local", ".localdomain", ".lan", ".internal", ".intranet", ".home.arpa", ".localhost")
"""Names that only a local network knows (RFC 6762, RFC 8375, and what routers and clouds give out)."""

UNSAFE = re.compile(r"[^!-~]|[<>\\^`{|}\"]|%(?![0-9A-Fa-f]{2})|%00")
"""What an address may not hold as it is, by RFC 3986; %00 ends names on many hosts."""

Item = TypeVar("Item")
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Served:
    """An address and what it should serve.

    Parameters
    ----------
    address : str
        Where.
    md5 : str or None
        The checksum of the bytes, in hexadecimal; None when it is not known.
    """

    address: str
    md5: str | None


def media_type(address: str) -> str:
    """Return the type that the end of an address tells; empty when it tells none."""
    return mimetypes.guess_type(posixpath.basename(urlsplit(address).path))[0] or ""


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address."""
    return is_loopback_host((urlsplit(address).hostname or "").lower())


def form_problem(address: str, endpoint: str = "") -> str | None:
    """Return why Panoptes' import would not take an address, or volunteers' browsers would not; None if they do.

    Parameters
    ----------
    address : str
        As the manifest has it.
    endpoint : str
        The server it is for; empty when that is not known yet.
    """
    parts = _parts(address)
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or "" in (parts.hostname or "").rstrip(".").split(".")
    ):
        return f"{address} is no web address: set manifest.url_root and generate the run again"
    if "@" in parts.netloc:
        shown = address.replace(parts.netloc, f"...@{parts.netloc.rpartition('@')[2]}", 1)
        return f"{shown} holds a name or a password, which everybody would read: serve the images without a log-in"
    if "?" in address or "#" in address:
        return f"{address} has a query string, and Zooniverse reads the type from the end: serve the files without one"
    if UNSAFE.search(address) or {".", ".."} & set(parts.path.split("/")):
        return (
            f"{address!r} holds what no address may as it is, such as a lone % or /../, or a blank: write it as %20, "
            "and so on"
        )
    ending = posixpath.splitext(parts.path)[1].removeprefix(".")
    if ending not in ENDINGS:
        return (
            f"{address} ends in {'.' + ending if ending else 'no extension'}, from which Zooniverse reads no type: "
            f"rename the files so that they end in one of .{', .'.join(ENDINGS)}, in small letters"
        )
    return _reach_problem(address, parts, endpoint)


def _parts(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        return parts if parts.port != 0 else None  # reading the port looks at it
    except ValueError:
        return None


def _reach_problem(address: str, parts: SplitResult, endpoint: str) -> str | None:
    host = (parts.hostname or "").lower()
    if not endpoint or is_loopback(endpoint):
        return None
    if is_loopback_host(host):
        return f"{address} is on this machine, where neither Zooniverse nor its volunteers get at it: publish it first"
    if _is_local(host):
        return (
            f"{address} is in a local network, where neither Zooniverse nor its volunteers get at it: serve the images "
            "from a host that everybody reaches"
        )
    if endpoint.startswith("https:") and parts.scheme == "http":
        return f"{address} is http, which browsers do not load into Zooniverse's https pages: serve the images by https"
    return None


def _is_local(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        bare = host.rstrip(".")
        return "." not in bare or bare.endswith(LOCAL_NAMES) or bare.rpartition(".")[2].isdecimal()


class Outsider:
    """Somebody without an account at the host, who follows no redirect; any thread may ask.

    Parameters
    ----------
    read_s : float
        Longest wait for the next bytes, in seconds.
    """

    def __init__(self, read_s: float = READ_S) -> None:
        self._transport = Transport(read_s, connections=THREADS)
        self._session = PreparedSession(self._transport)

    def problem(self, served: Served) -> str | None:
        """Return what is wrong with what an address serves; None when it is right."""
        try:
            return str(with_retries(self._ask, served)) or None
        except ZooniverseError as error:
            return f"{served.address} cannot be had: {error}"

    def _ask(self, served: Served) -> str:
        address, digest, first = served.address, hashlib.md5(usedforsecurity=False), b""
        with (
            foreign_errors(urlsplit(address).netloc),
            self._transport.whole_exchange(),
            self._session.get(address, stream=True, allow_redirects=False) as answer,
        ):
            if answer.status_code != 200:
                return f"{address} {_refusal(answer)}"
            for chunk in answer.iter_content(1 << 16):
                first += chunk[: 64 - len(first)]
                digest.update(chunk)
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return _content_problem(served, kind, first, digest.hexdigest())


def _refusal(answer: requests.Response) -> str:
    status = answer.status_code
    if answer.is_redirect:
        where = urlsplit(answer.headers["Location"]).netloc or answer.headers["Location"]
        return f"redirects to {where}: serve the images at their own address, without a log-in"
    if status in (401, 403):
        return f"answers {status}: make the images readable for everybody, without a log-in"
    if status == 404:
        return "answers 404: it is not where manifest.url_root says; publish it, or correct url_root"
    return f"answers {status} to a GET: check the host's settings"


def _content_problem(served: Served, kind: str, first: bytes, md5: str) -> str:
    wanted, other = media_type(served.address), contradiction(kind, first)
    if other is not None and (served.md5 is None or is_page(kind, first)):
        return f"{served.address} {other}"
    if served.md5 is not None and md5 != served.md5:
        return f"{served.address} serves other bytes than the run has: publish the run again"
    if wanted and kind != wanted:
        return f"{served.address} is served as {kind or 'nothing'}, not as {wanted}: set the host's content types"
    return "" if first else f"{served.address} serves nothing: it is empty"


def sampled(served: Sequence[Item], check: str) -> Sequence[Item]:
    """Choose what is read back: `all`, a `sample` by chance, or `none`."""
    if check == "all":
        return served
    return random.sample(served, min(SAMPLE, len(served))) if check == "sample" else ()


def in_threads(
    work: Callable[[Item], Told], items: Iterable[Item], threads: int = THREADS
) -> Iterator[tuple[Item, Told]]:
    """Do work for each item in threads and give the results in order; a few hundred are under way at most."""
    waiting = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        while batch := list(islice(waiting, 16 * threads)):
            try:
                yield from zip(batch, pool.map(work, batch), strict=True)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
