"""How bytes travel: time-outs on everything, connections that are used again, and failures with their meaning.

The library's `http_request` throws the status and body of a 5xx answer away and waits for ever; this adapter,
mounted on its session, raises what the answer means before the library sees it, and lets no exchange outlast
its limit, however slowly it drips.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.exceptions import NewConnectionError
from urllib3.util import Retry

from zoocut.logs import note_request
from zoocut.zooniverse.deadline import WATCHED_POOLS, Deadline
from zoocut.zooniverse.exchange import exchanged, written
from zoocut.zooniverse.request_errors import Busy, Doubtful, Unreachable

__all__ = [
    "ApiTransport",
    "Transport",
    "foreign_errors",
    "json_object",
    "own_words",
    "retry_after_s",
]

CONNECT_S = 10.0
READ_S = 120.0
"""The server cancels its own statements after 65 s; its front door may take a little longer."""

SIGN_INS = ("/users/sign_in", "/oauth/token")

SWITCHED_OFF = "Feature has been temporarily disabled"
"""What Panoptes itself answers 503 with; in any other 503 something in between speaks, and who knows what was done."""

LIMITS_OF_THIS_MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

WHOLE = 5.0
"""A whole exchange may take so many times what is waited for its next bytes."""


class Transport(HTTPAdapter):
    """The adapter that all requests of a server and of its store go through.

    Parameters
    ----------
    read_s : float
        Longest wait for the next bytes of an answer, in seconds.
    connections : int
        How many connections are kept open.
    """

    def __init__(self, read_s: float = READ_S, connections: int = 128) -> None:
        self._timeout = (min(CONNECT_S, read_s), read_s)
        self._deadline = Deadline(WHOLE * read_s)
        self._pools: dict[Hashable, Any] = {}
        super().__init__(pool_connections=8, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have every connection watched."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = WATCHED_POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Have connections through a proxy watched as well."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = WATCHED_POOLS
        return manager

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Return the connections to a server; which those are is settled once for each, until they are closed."""
        server = _server(request, verify, proxies, cert)
        known = self._pools.get(server)
        if known is None or known.pool is None:
            known = super().get_connection_with_tls_context(request, verify, proxies, cert)
            self._pools[server] = known
        return known

    def whole_exchange(self) -> AbstractContextManager[None]:
        """Hold what is sent and read inside to the limit of one exchange."""
        return self._deadline.kept()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request once, and read the answer's body unless it is to be streamed.

        Raises
        ------
        Busy
            For 503 in XML, as the store of images says it, and for Panoptes' own word that uploading is switched off.
        Doubtful
            For every other answer of 500 and above.
        """
        kwargs["timeout"] = self._timeout
        with self.whole_exchange(), _noted(request) as answers:
            response = None if args else self._on_open_connection(request, **kwargs)
            if response is None:
                response = super().send(request, *args, **kwargs)
            if not kwargs.get("stream"):
                _ = response.content  # requests keeps it
            answers.append(response)
        if response.status_code >= 500:
            with response:  # one that is streamed would keep its connection
                raise _server_fault(request, response)
        return response

    def _on_open_connection(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response | None:
        """Send a request on a connection that is open; None, and nothing was sent, where that cannot be."""
        if stream or (proxies and select_proxy(str(request.url), proxies)):
            return None
        pool, said = self._pools.get(_server(request, verify, proxies, cert)), written(request)
        if said is None or pool is None or pool.pool is None:
            return None
        connection = pool._get_conn()
        try:
            if connection.sock is None:
                return None
            connection.watch()
            return exchanged(self, connection, request, said, self._timeout[1])
        finally:
            pool._put_conn(connection)


def _server(request: requests.PreparedRequest, verify: Any, proxies: Any, cert: Any) -> Hashable:
    scheme, _, rest = str(request.url).partition("://")
    return scheme, rest.partition("/")[0], verify, cert, tuple((proxies or {}).items())


@contextmanager
def _noted(request: requests.PreparedRequest) -> Iterator[list[requests.Response]]:
    """Log the exchange of the block with the answer that is put into the list, or with what went wrong."""
    began, answers, failed = time.monotonic(), list[requests.Response](), "no answer"
    try:
        yield answers
    except Exception as error:
        failed = type(error).__name__
        raise
    finally:
        status = answers[0].status_code if answers else failed
        request_id = answers[0].headers.get("X-Request-Id") if answers else None
        address = _without_query(request.url)
        note_request(str(request.method), address, status, time.monotonic() - began, request_id)


class ApiTransport(Transport):
    """The adapter for requests that carry a password or a token: they follow no redirect.

    What is answered to a sign-in is judged here, because the library takes every refusal for a wrong password.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request once, as `Transport`.

        Raises
        ------
        Doubtful
            Also for a redirect: Panoptes sends none. And for an answer to a sign-in that is none of Panoptes'.
        Busy
            Also when a sign-in is to be tried again later.
        """
        response = super().send(request, *args, **kwargs)
        if response.status_code >= 400 and urlsplit(request.url or "").path.endswith(SIGN_INS):
            _require_verdict(response)
        if response.is_redirect:
            raise Doubtful(
                f"{_without_query(request.url)} sends us on to {_host(response.headers['Location'])}: is there a proxy "
                "or a log-in page in the way?"
            )
        return response


def _require_verdict(response: requests.Response) -> None:
    """Let Panoptes' own refusals of an account or a client pass, and a page that tells that Panoptes is not there."""
    status, document = response.status_code, json_object(response)
    if status in (404, 405, 410) or (status == 422 and not response.content):
        return
    if status == 401 and document is not None and "error" in document:
        return
    told = f"a sign-in was answered with {status}"
    if status in (409, 429):
        raise Busy(f"{told}: it is tried again", retry_after_s(response.headers))
    raise Doubtful(
        f"{told} by something that is not Zooniverse: check the endpoint, and whether a proxy or log-in page stands "
        "in the way",
        retry_after_s(response.headers),
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc or "another page"


def _server_fault(request: requests.PreparedRequest, response: requests.Response) -> Exception:
    where = f"{request.method} {_without_query(request.url)}"
    kind = response.headers.get("Content-Type", "")
    told = f"the server answered {response.status_code} to {where}"
    if response.status_code == 503 and ("xml" in kind or own_words(response) == SWITCHED_OFF):
        return Busy(f"{told}: it is busy or this feature is switched off", retry_after_s(response.headers))
    return Doubtful(told, retry_after_s(response.headers))


def json_object(response: requests.Response) -> dict[str, Any] | None:
    """Read an answer as a JSON object; None when it is none, or nested deeper than anything Panoptes sends."""
    try:
        document = response.json()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def own_words(response: requests.Response) -> str | None:
    """Read what Panoptes says about an error; None when the answer is not a JSON document of Panoptes' errors."""
    try:
        errors = (json_object(response) or {})["errors"]
        return ", ".join(str(error["message"]) for error in errors)
    except (KeyError, TypeError):
        return None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After`, in seconds or as a date; None when there is none that can be read."""
    said = headers.get("Retry-After")
    try:
        return None if said is None else float(Retry().parse_retry_after(said))
    except Exception:  # urllib3 raises its own InvalidHeader, and ValueError for odd dates
        return None


@contextmanager
def foreign_errors(where: str) -> Iterator[None]:
    """Turn what requests raises into what is known about the request's effect.

    Parameters
    ----------
    where : str
        The server, for the message.

    Raises
    ------
    Unreachable
        When no connection came about.
    Doubtful
        When a connection broke, stalled, or brought an answer that cannot be read. What is no JSON passes, for
        the caller to say what it was.
    """
    try:
        yield
    except requests.exceptions.JSONDecodeError:
        raise
    except requests.exceptions.InvalidURL as error:
        raise Unreachable(f"{where} is not an address that can be reached: correct the endpoint") from error
    except requests.exceptions.ConnectTimeout as error:
        raise Unreachable(f"{where} does not answer: check the network, then run again") from error
    except requests.exceptions.ConnectionError as error:
        reason = getattr(_first(error), "reason", None)
        if isinstance(reason, NewConnectionError):
            if getattr(reason.__cause__, "errno", None) in LIMITS_OF_THIS_MACHINE:
                raise Unreachable(
                    f"no further connection to {where} can be opened ({reason.__cause__}): raise the limit of open "
                    "files with `ulimit -n 1024`, or give --requests a smaller number"
                ) from error
            raise Unreachable(f"{where} cannot be reached: check the network and the endpoint") from error
        raise Doubtful(f"the connection to {where} broke") from error
    except requests.exceptions.Timeout as error:
        raise Doubtful(f"{where} did not answer in time") from error
    except requests.exceptions.RequestException as error:
        raise Doubtful(f"the answer of {where} cannot be read ({type(error).__name__})") from error


def _first(error: BaseException) -> object:
    return error.args[0] if error.args else None


def _without_query(url: str | None) -> str:
    return (url or "").partition("?")[0]
