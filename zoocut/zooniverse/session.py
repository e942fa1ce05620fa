"""A signed-in session: one shared token, one renewal at a time, one attempt a request.

panoptes-client signs in, keeps the token and sends; it is always used through an explicit client object,
because `Panoptes.client()` in another thread is a new anonymous client of the production site.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from zoocut.error_kinds import CredentialsRefused, NoRole, NotPanoptes
from zoocut.zooniverse.clock import Clock
from zoocut.zooniverse.credentials import Credentials
from zoocut.zooniverse.prepared import PreparedSession
from zoocut.zooniverse.request_errors import Busy, Doubtful, Refused, Unreachable
from zoocut.zooniverse.transport import (
    Transport,
    foreign_errors,
    json_object,
    own_words,
    retry_after_s,
)


@contextmanager
def _logging_left_alone() -> Iterator[None]:
    """Undo the `logging.basicConfig` that importing panoptes_client does: at DEBUG it writes request bodies."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


with _logging_left_alone():
    from panoptes_client import Panoptes
    from panoptes_client.panoptes import PanoptesAPIException

__all__ = ["Answer", "Session"]


SILENT = (401, 403)
"""What Panoptes answers with an empty body: a token that has ended, or that lacks the scope."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer.

    Parameters
    ----------
    document : dict or None
        The JSON body; None when the body is empty.
    etag : str or None
        As the server gave it, to be sent back as it is.
    """

    document: dict[str, Any] | None
    etag: str | None


class _Client(Panoptes):  # type: ignore[misc]  # the library is untyped
    """The library's client with this program's transport, and its token renewed by one thread at a time."""

    def __init__(self, endpoint: str, credentials: Credentials, transport: Transport) -> None:
        self._prepared = PreparedSession(transport)
        self._renewing = threading.RLock()
        super().__init__(
            endpoint=endpoint,
            username=credentials.username,
            password=credentials.password,
            client_id=credentials.client_id,
            client_secret=credentials.client_secret,
        )

    def login(self, *args: Any, **kwargs: Any) -> Any:
        self.session = self._prepared
        return super().login(*args, **kwargs)

    def get_bearer_token(self) -> Any:
        if self.valid_bearer_token():  # as it is for hours: threads need not wait for each other
            return self.bearer_token
        with self._renewing:
            return super().get_bearer_token()


class Session:
    """A session at one server; any thread may call `request`.

    Parameters
    ----------
    endpoint : str
        The server, normalised.
    credentials : Credentials
        Kept for signing in again after a long pause.
    clock : Clock
        Told the server's time by every answer of Panoptes'.
    transport : Transport
        What requests go through.

    Raises
    ------
    SignInError
        When the server refuses the credentials.
    ZooniverseError
        When it cannot be reached or is no Panoptes.
    """

    def __init__(self, endpoint: str, credentials: Credentials, clock: Clock, transport: Transport) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self._credentials = credentials
        self._transport = transport
        self._renewing = threading.Lock()
        self._client = self._sign_in()

    def _sign_in(self) -> _Client:
        with self._library_errors():
            client = _Client(self.endpoint, self._credentials, self._transport)
            client.get_bearer_token()
        return client

    @contextmanager
    def _library_errors(self) -> Iterator[None]:
        try:
            with foreign_errors(self.endpoint):
                yield
        except PanoptesAPIException as error:
            raise CredentialsRefused(
                f"{self.endpoint} refuses the account {self._credentials.username or 'of the client id'} "
                f"({error}), found in {self._credentials.source or 'what was given'}: correct it there, or set "
                "PANOPTES_USERNAME and PANOPTES_PASSWORD"
            ) from None
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            raise NotPanoptes(
                f"{self.endpoint} does not answer a sign-in as Zooniverse does: check the endpoint, and whether "
                "a proxy or log-in page stands in the way"
            ) from None

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        etag: str | None = None,
    ) -> Answer:
        """Send one request once; a token that the server no longer takes is renewed and the request repeated.

        Parameters
        ----------
        method, path : str
            The verb in capitals, and the path below `/api`.
        params, body : mapping, optional
            The query and the JSON body.
        etag : str, optional
            Sent as `If-Match`.

        Raises
        ------
        SignInError
            When signing in again is refused.
        NotPermitted
            When the token lacks the scope.
        Busy, Refused, Doubtful, Unreachable
            As `zoocut.zooniverse.request_errors` says.
        """
        client = self._with_token()
        response = self._send(client, method, path, params, body, etag)
        if response.status_code == 401 and _is_panoptes(response):
            response = self._send(self._renewed(client), method, path, params, body, etag)
        return self._read(response, f"{method} {path}")

    def _with_token(self) -> _Client:
        """Return a client whose token is good for another two minutes; whatever fails here, nothing was sent."""
        client = self._client
        try:
            with foreign_errors(self.endpoint):
                client.get_bearer_token()
        except Doubtful as error:
            raise Unreachable(f"no token could be had: {error}") from error
        except (PanoptesAPIException, AttributeError, KeyError, TypeError, ValueError, RecursionError):
            return self._renewed(client)
        return client

    def _renewed(self, used: _Client) -> _Client:
        with self._renewing:
            if self._client is used:
                try:
                    self._client = self._sign_in()
                except Doubtful as error:
                    raise Unreachable(f"signing in again failed: {error}") from error
            return self._client

    def _send(
        self,
        client: _Client,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        etag: str | None,
    ) -> requests.Response:
        with foreign_errors(self.endpoint):
            answer: requests.Response = client.http_request(
                method, path, params=dict(params or {}), json=body, etag=etag
            )
        return answer

    def _read(self, response: requests.Response, what: str) -> Answer:
        status = response.status_code
        if status < 400:
            return Answer(self._document(response, what), response.headers.get("ETag"))
        if status == 429 and not _is_page(response):
            raise Busy(f"{self.endpoint} asks for fewer requests", retry_after_s(response.headers))
        if not _is_panoptes(response):
            raise Doubtful(
                f"{what} was answered with {status} by something that is not Panoptes: is a proxy in the way?",
                retry_after_s(response.headers),
            )
        self.clock.heard(response.headers.get("Date"))
        if status == 401:
            raise Busy(f"{self.endpoint} does not take the token that it has just given")
        if status == 403 and not response.content:
            raise NoRole(f"{self.endpoint} does not let this account do {what}: its token lacks the scope")
        raise Refused(own_words(response) or f"{what} was answered with {status}", status)

    def _document(self, response: requests.Response, what: str) -> dict[str, Any] | None:
        if not response.content:
            return None
        document = json_object(response)
        if document is None:
            raise Doubtful(
                f"{self.endpoint} answered {what} with something that is not JSON: is there a proxy or a log-in "
                "page in the way?"
            )
        self.clock.heard(response.headers.get("Date"))
        return document


def _is_page(response: requests.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "")


def _is_panoptes(response: requests.Response) -> bool:
    """Whether an error is told by Panoptes itself: what anything else says leaves open what was done."""
    if not response.content:
        return response.status_code in SILENT
    return own_words(response) is not None
