"""One request and its answer on a connection that is open already, with as little work as that takes.

requests, urllib3 and http.client make three objects of each answer, check each address three times and read headers
with a parser for mail: half of what a request costs. What is ordinary goes through here: a body whose length is known,
an answer in one piece that tells its own. They open the connections, and read each answer that is anything else, from
its first byte.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import ProtocolError
from urllib3.response import HTTPResponse as Urllib3Response

__all__ = ["PIECE_BYTES", "PLAIN_TARGET", "Written", "exchanged", "written"]

PLAIN_TARGET = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]++|%[0-9A-F]{2})*+")
"""What urllib3 sends as it is given: RFC 3986, sections 3.3 and 3.4, with escapes in capitals."""

ALWAYS_SENT = {"user-agent", "accept-encoding"}
NEVER_SENT = {"host", "transfer-encoding"}
"""Headers of requests that urllib3 would add, or would send in a way of its own."""

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: ([^\r\n]*))?\r\n")
HEADER_LINE = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n]*?)[ \t]*\r\n")
FOLDED = re.compile(r"\r\n[ \t]+")
LONGEST_LINE = 65_536
MOST_HEADERS = 100
"""As http.client reads lines and headers, which reads what is longer."""

WITHOUT_BODY = (204, 205, 304)
UNUSUAL = {"transfer-encoding", "content-encoding", "set-cookie", "upgrade", "trailer"}
"""Headers of answers that are not the bytes that follow, or that somebody has to keep: requests reads those."""

PIECE_BYTES = 1 << 16
"""A request is sent in pieces of so many bytes, each with a time-out of its own; most go out whole, with their header,
in one call of the system, which releases Python's lock once and not three times."""


@dataclass(frozen=True, slots=True)
class Written:
    """A request in bytes.

    Parameters
    ----------
    method : str
        Its verb.
    head, body : bytes
        Up to the empty line, and what follows.
    """

    method: str
    head: bytes
    body: bytes


class Connection(Protocol):
    """A connection of urllib3 that is open."""

    sock: Any

    def close(self) -> None:
        """End it."""


def written(request: requests.PreparedRequest) -> Written | None:
    """Write a request down; None where urllib3 has to see to it."""
    body: Any = request.body
    headers, parts = request.headers, urlsplit(str(request.url))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    content = body.getvalue() if type(body) is io.BytesIO and body.tell() == 0 else body or b""
    pairs = list(headers.items())
    names = {name.lower() for name, _ in pairs}
    told = headers.get("Content-Length", "0" if not content else "")
    ordinary = (
        isinstance(content, bytes)
        and told == str(len(content))
        and PLAIN_TARGET.fullmatch(target)
        and names.issuperset(ALWAYS_SENT)
        and names.isdisjoint(NEVER_SENT)
        and all(isinstance(value, str) and value.isascii() for _, value in pairs)
    )
    if not ordinary:
        return None
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in pairs]
    return Written(str(request.method), "\r\n".join([*lines, "", ""]).encode("ascii"), content)


def exchanged(
    adapter: requests.adapters.HTTPAdapter,
    connection: Connection,
    request: requests.PreparedRequest,
    said: Written,
    read_s: float,
) -> requests.Response:
    """Send a request once and read its answer whole; the connection is closed where it is of no more use.

    Parameters
    ----------
    adapter : HTTPAdapter
        Makes a response of what is not read here.
    connection : HTTPConnection
        Open, and nobody else's meanwhile.
    request, said : PreparedRequest, Written
        What is asked, twice.
    read_s : float
        Longest wait for the next bytes, in seconds.

    Raises
    ------
    requests.exceptions.ReadTimeout
        When that was not enough.
    requests.exceptions.ConnectionError
        When the connection broke, or what came is no HTTP.
    """
    try:
        if connection.sock.gettimeout() != read_s:
            connection.sock.settimeout(read_s)
        _send(connection.sock, said)
        return _answer(adapter, connection, request, said.method)
    except TimeoutError as error:
        connection.close()
        raise requests.exceptions.ReadTimeout(error, request=request) from error
    except (OSError, HTTPException) as error:
        connection.close()
        if isinstance(error, requests.RequestException):
            raise
        raise requests.exceptions.ConnectionError(
            ProtocolError("Connection aborted.", error), request=request
        ) from error
    except BaseException:
        connection.close()
        raise


def _send(sock: Any, said: Written) -> None:
    whole = memoryview(said.head + said.body)
    try:
        for at in range(0, len(whole), PIECE_BYTES):
            sock.sendall(whole[at : at + PIECE_BYTES])
    except (BrokenPipeError, ConnectionResetError):
        return  # a server may answer and hang up before it has heard all: what it said can still be read


def _answer(
    adapter: requests.adapters.HTTPAdapter,
    connection: Connection,
    request: requests.PreparedRequest,
    method: str,
) -> requests.Response:
    with connection.sock.makefile("rb") as file:
        lines = _head(file)
        pairs = _headers(lines)
        headers = {name.lower(): value for name, value in pairs}
        found = STATUS_LINE.fullmatch(lines[0])
        length = headers.get("content-length", "")
        if (
            found is None
            or len(headers) != len(pairs)
            or method == "HEAD"
            or int(found[1]) in WITHOUT_BODY
            or not (length.isascii() and length.isdecimal())
            or not UNUSUAL.isdisjoint(headers)
        ):
            return _unusual(adapter, connection, request, method, b"".join(lines), file)
        content = file.read(int(length))
        if len(content) < int(length):
            raise IncompleteRead(content, int(length) - len(content))
    if headers.get("connection", "keep-alive").lower() != "keep-alive":
        connection.close()
    return _response(request, found, pairs, content)


def _head(file: io.BufferedReader) -> list[bytes]:
    """Read to the empty line, or as far as it is none of ours."""
    lines = [file.readline(LONGEST_LINE + 1)]
    if not lines[0]:
        raise RemoteDisconnected("Remote end closed connection without response")
    while lines[-1].endswith(b"\r\n") and lines[-1] != b"\r\n" and len(lines) <= MOST_HEADERS:
        lines.append(file.readline(LONGEST_LINE + 1))
    return lines


def _headers(lines: list[bytes]) -> list[tuple[str, str]]:
    """Read names and values of headers; none where one of them is not to be understood."""
    found = [HEADER_LINE.fullmatch(line.decode("latin-1")) for line in lines[1:-1]]
    if lines[-1] != b"\r\n" or None in found:
        return []
    return [(one[1], one[2]) for one in found if one]


def _response(
    request: requests.PreparedRequest, status: re.Match[bytes], pairs: list[tuple[str, str]], content: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = int(status[1])
    response.reason = (status[2] or b"").decode("latin-1")
    response.headers = CaseInsensitiveDict(pairs)
    response.encoding = get_encoding_from_headers(response.headers)
    response.url, response.request = str(request.url), request
    response._content = content
    response._content_consumed = True  # type: ignore[attr-defined]  # as reading it would
    return response


def _unusual(
    adapter: requests.adapters.HTTPAdapter,
    connection: Connection,
    request: requests.PreparedRequest,
    method: str,
    seen: bytes,
    file: io.BufferedReader,
) -> requests.Response:
    """Have an answer read by those who know all kinds, from its first byte."""
    answer = HTTPResponse(_Again(seen, file), method=method)  # type: ignore[arg-type]  # all that it does with a socket
    answer.begin()
    raw = Urllib3Response(
        body=answer,
        headers=HTTPHeaderDict((name, FOLDED.sub(" ", value)) for name, value in answer.msg.items()),
        status=answer.status,
        version=answer.version,
        reason=answer.reason,
        preload_content=False,
        decode_content=False,
        original_response=answer,
        request_method=method,
    )
    response: requests.Response = adapter.build_response(request, raw)
    _ = response.content  # requests keeps it
    if answer.will_close:
        connection.close()
    return response


class _Again(io.RawIOBase):
    """Bytes that were read from a file, and then the file; stands for the socket that http.client reads from."""

    def __init__(self, seen: bytes, file: io.BufferedReader) -> None:
        self._seen, self._file = memoryview(seen), file

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return it buffered, as sockets do."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read on."""
        if not self._seen:
            return self._file.readinto1(buffer)
        count = min(len(buffer), len(self._seen))
        buffer[:count], self._seen = self._seen[:count], self._seen[count:]
        return count
