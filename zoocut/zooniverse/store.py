"""The store of images: bytes go to signed addresses and are proved by the checksum that comes back."""

from __future__ import annotations

import base64
import hashlib
import io
from http import HTTPStatus
from typing import NoReturn

import requests

from zoocut.zooniverse.panoptes import Address, Subject
from zoocut.zooniverse.prepared import PreparedSession
from zoocut.zooniverse.request_errors import Busy, Doubtful, Refused
from zoocut.zooniverse.retrying import with_retries
from zoocut.zooniverse.transport import Transport, foreign_errors, retry_after_s

__all__ = ["OCCUPIED", "Store", "contradiction", "is_page"]

OCCUPIED = (400, 409, 412)
"""What stores refuse bytes with where something is already; 400 and 409 were seen, Azure documents 412 as well."""

PAGES = (b"<!doctype html", b"<html")
BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/jpeg": (b"\xff\xd8\xff",),
    "application/json": (b"{", b"[", b" ", b"\t", b"\r", b"\n"),
}
"""What files of a type begin with; of others nothing is known."""


class Store:
    """Where images are kept; any thread may call it.

    Parameters
    ----------
    transport : Transport
        What requests go through.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._session = PreparedSession(transport)

    def put(self, address: Address, content: bytes, mime: str, md5: str | None = None) -> None:
        """Store bytes where nothing is yet, and have the store confirm their checksum; repeating it does no harm.

        An image is never exchanged under a subject: the request is conditional, so bytes that are there stay.

        Parameters
        ----------
        address : Address
            Signed, for one object.
        content : bytes
            All of the image.
        mime : str
            The type it is served as.
        md5 : str, optional
            Of the content, in hexadecimal, where it is known: taking it costs as much as a third of the request. The
            store compares it with what it has got, and refuses where it is another's.

        Raises
        ------
        Refused
            403 when the signature has ended, 413 when the image is too large; one of `OCCUPIED` when something may
            be there already: what is served tells.
        NotNow
            As `zoocut.zooniverse.request_errors` says; putting again is safe.
        """
        digest = bytes.fromhex(md5) if md5 else hashlib.md5(content, usedforsecurity=False).digest()
        checksum = base64.b64encode(digest).decode()
        headers = {
            "x-ms-blob-type": "BlockBlob",
            "Content-Type": mime,
            "Content-MD5": checksum,
            "If-None-Match": "*",
        }
        with foreign_errors("the store of images"):
            body = io.BytesIO(content)  # sent piece by piece, each with a time-out of its own
            response = self._session.request("PUT", address.url, data=body, headers=headers)
        if response.status_code == 429:
            raise Busy("the store of images asks for fewer requests", retry_after_s(response.headers))
        if response.status_code >= 400:
            raise Refused(f"the store of images refused it with {response.status_code}", response.status_code)
        if response.status_code != 201 or response.headers.get("Content-MD5") != checksum:
            _unconfirmed(response)

    def checksums(self, subject: Subject) -> tuple[str | None, ...]:
        """Read the checksum of what each address of a subject serves, in hexadecimal; None where nothing is.

        Raises
        ------
        NotNow
            When it cannot be told now, though it was asked again.
        """
        return tuple(self._checksum(address.url) for address in subject.addresses)

    def _checksum(self, url: str) -> str | None:
        try:
            told: str = with_retries(self.fetch, url)[2]
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return told

    def holds_retrying(self, url: str, md5: str | None) -> bool:
        """Return the same as `holds`, asked again when it cannot be told now."""
        told: bool = with_retries(self.holds, url, md5)
        return told

    def holds(self, url: str, md5: str | None) -> bool:
        """Return whether exactly the bytes of this checksum are served at a public address.

        Parameters
        ----------
        url : str
            The public address.
        md5 : str or None
            In hexadecimal; nothing has the checksum None.

        Raises
        ------
        NotNow
            When it cannot be told now.
        Refused
            When the store refuses for another reason than that nothing is there.
        """
        try:
            return self.fetch(url)[2] == md5
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise

    def fetch(self, url: str) -> tuple[str, int, str]:
        """Read a public address to its end.

        Returns
        -------
        tuple of (str, int, str)
            The content type, the length in bytes and the MD5 in hexadecimal.

        Raises
        ------
        Refused
            When nothing is there.
        NotNow
            When it cannot be told now.
        """
        return self._read(url)[:3]

    def fetch_media(self, url: str) -> tuple[str, int, str]:
        """Read a public address that is to show an image, as `fetch` does.

        Raises
        ------
        Refused
            Also when it is empty, a page, or begins otherwise than its type does.
        NotNow
            When it cannot be told now.
        """
        kind, length, md5, first = self._read(url)
        problem = "serves nothing: it is empty" if not length else contradiction(kind, first)
        if problem is not None:
            raise Refused(f"{url} {problem}", HTTPStatus.OK)
        return kind, length, md5

    def _read(self, url: str) -> tuple[str, int, str, bytes]:
        digest, length, first = hashlib.md5(usedforsecurity=False), 0, b""
        _require_address(url)
        with (
            foreign_errors(url.partition("?")[0]),
            self._transport.whole_exchange(),
            self._answer(url) as response,
        ):
            if response.status_code != 200:
                raise Refused(f"{url} answers {response.status_code}", response.status_code)
            for chunk in response.iter_content(1 << 16):
                digest.update(chunk)
                length += len(chunk)
                first += chunk[: 64 - len(first)]
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return kind, length, digest.hexdigest(), first

    def _answer(self, url: str) -> requests.Response:
        try:
            return self._session.get(url, stream=True)
        except requests.TooManyRedirects as error:
            if error.response is not None:
                error.response.close()
            raise Refused(f"{url} redirects without end", HTTPStatus.LOOP_DETECTED) from error


def is_page(kind: str, first: bytes) -> bool:
    """Whether an answer of some type that begins so is a page for people, whatever its type says."""
    return kind == "text/html" or first.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGES)


def contradiction(kind: str, first: bytes) -> str | None:
    """Return what the first bytes of an answer say against its type; None when nothing.

    Parameters
    ----------
    kind : str
        The content type that the host tells.
    first : bytes
        Some dozens of them.
    """
    if is_page(kind, first):
        return "answers a page, perhaps a log-in, not an image: serve the image itself"
    if kind in BEGINNINGS and not first.startswith(BEGINNINGS[kind]):
        return f"is served as {kind}, and what it serves is none: serve the image itself"
    return None


def _require_address(url: str) -> None:
    try:
        requests.Request("GET", url).prepare()
    except (requests.RequestException, ValueError) as error:
        raise Refused(f"{url} is no address that anything can be read from: correct it", 400) from error


def _unconfirmed(response: requests.Response) -> NoReturn:
    raise Doubtful(f"the store of images answered {response.status_code} without confirming the checksum")
