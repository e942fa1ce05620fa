"""The requests that everything asked of Panoptes is made of, sorted by whether repeating one comes to the same.

`unrepeatable` sends once, whoever asks; all others may be sent again, and a `RetryingApi` does so where the server is
busy, the answer is lost or the set was being changed. Which of the two a function holds stands in its signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import Any

from zoocut.errors import Interrupted
from zoocut.zooniverse.clock import Clock
from zoocut.zooniverse.lists import Keep, Kept, Listed, Page, Report, Wanted, read_wanted
from zoocut.zooniverse.request_errors import Doubtful, NotNow, malformed_is_doubtful
from zoocut.zooniverse.retrying import with_retries
from zoocut.zooniverse.session import Answer, Session

__all__ = ["PAGE_SIZE", "Api", "Document", "RetryingApi", "single"]

PAGE_SIZE = 100
"""Every deployment serves pages of at least this size."""

Document = dict[str, Any]


class Api:
    """One server under one account, asked once; any thread may call it.

    Parameters
    ----------
    session : Session
        Signed in.
    stop : threading.Event, optional
        When it is set nothing is asked again.
    """

    def __init__(self, session: Session, stop: Event | None = None) -> None:
        self._session, self._stop = session, stop or Event()

    def stopped_by(self, stop: Event) -> Api:
        """Return the same server and account, asked again until `stop` is set."""
        return Api(self._session, stop)

    def retrying(self) -> RetryingApi:
        """Return the same server and account, asked again where asking twice does no harm."""
        return RetryingApi(self._session, self._stop)

    @property
    def endpoint(self) -> str:
        """The server's normalised address."""
        return self._session.endpoint

    @property
    def clock(self) -> Clock:
        """The time of this process, and the server's."""
        return self._session.clock

    def unrepeatable(self, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        """Send a request that would do something else, or do it twice, when sent again."""
        return self._session.request(method, path, body=body)

    def repeatable(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        etag: str | None = None,
    ) -> Answer:
        """Send a request that comes to the same when it is sent again, and again where this object does so."""
        return self._asked(method, path, params, body, etag)

    def _asked(self, *words: Any) -> Answer:
        return self._session.request(*words)

    def one(self, path: str, kind: str) -> Document:
        """Read one record."""
        return single(self.repeatable("GET", path), kind)

    def page(self, path: str, kind: str, params: Mapping[str, str]) -> list[Document]:
        """Read one page of a list."""
        return _list(self.repeatable("GET", path, params), kind)

    def page_and_count(self, path: str, kind: str, params: Mapping[str, str]) -> tuple[list[Document], int]:
        """Read one page of a list and how long the whole list is."""
        answer = self.repeatable("GET", path, params)
        with malformed_is_doubtful(kind):
            return _list(answer, kind), int(_meta(answer, kind)["count"])

    def pages(
        self, path: str, kind: str, params: Mapping[str, str], above: int | None = None
    ) -> list[Document]:
        """Read a whole list, or what of it has ids above a number; in doubt rather than with something missing."""
        return list(
            self.listed(path, kind, params, lambda ids: ids, lambda whole: whole, above).kept.values()
        )

    def listed(
        self,
        path: str,
        kind: str,
        params: Mapping[str, str],
        wanted: Wanted,
        keep: Keep[Kept],
        above: int | None = None,
        report: Report = lambda read, length: None,
    ) -> Listed[Kept]:
        """Read the ids of a list as `pages` does, and what is to be kept of the documents that are wanted."""

        def read(number: int, size: int) -> Page:
            order = "id" if above is None else "-id"
            asked = {**params, "sort": order, "page_size": str(size), "page": str(number)}
            answer = self.repeatable("GET", path, asked)
            meta = _meta(answer, kind)
            with malformed_is_doubtful(kind):
                return Page(_list(answer, kind), int(meta["count"]), min(size, int(meta["page_size"])))

        return read_wanted(read, kind, wanted, keep, above, report)

    def count(self, path: str, kind: str, params: Mapping[str, str]) -> int:
        """Count a list, which is fresh where counters of other records are not."""
        answer = self.repeatable("GET", path, {**params, "page_size": "1"})
        with malformed_is_doubtful(kind):
            return int(_meta(answer, kind)["count"])


class RetryingApi(Api):
    """One server under one account, asked again where asking twice does no harm."""

    def _asked(self, *words: Any) -> Answer:
        """Send a request, again when the server is busy, the answer is lost or the set was being changed.

        Raises
        ------
        Interrupted
            When it was to stop before there was an answer.
        """
        return with_retries(self._answer_to, *words, stop=self._stop)

    def _answer_to(self, *words: Any) -> Answer:
        self._go_on()
        try:
            return self._session.request(*words)
        except NotNow:
            self._go_on()
            raise

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Interrupted("stopped; the run is safe: run the same command again")


def single(answer: Answer, kind: str) -> Document:
    """Return the one record of an answer.

    Raises
    ------
    Doubtful
        When it holds none, or several.
    """
    found = _list(answer, kind)
    if len(found) != 1 or "id" not in found[0]:
        raise Doubtful(f"an answer about one of {kind} does not hold it: run again")
    return dict(found[0])


def _list(answer: Answer, kind: str) -> list[Document]:
    found = (answer.document or {}).get(kind)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Doubtful(f"an answer about {kind} holds none: run again")
    return found


def _meta(answer: Answer, kind: str) -> Document:
    told = (answer.document or {}).get("meta")
    meta = told.get(kind) if isinstance(told, dict) else None
    if not isinstance(meta, dict):
        raise Doubtful(f"a list of {kind} does not say how long it is: run again")
    return meta
