"""A limit for whole exchanges: the time-outs of sockets begin anew with every byte, so a drip would never end.

A thread watches the connections that are in use and shuts down those whose time is over; whoever waits on one
then meets its end as if the other side had closed it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from requests.exceptions import ReadTimeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from zoocut.zooniverse.exchange import PIECE_BYTES

__all__ = ["WATCHED_POOLS", "Deadline"]

LOOKS = 20
"""Looks in the time of the limit: an exchange outlasts it by a twentieth at most."""


@dataclass(eq=False, slots=True)
class _Exchange:
    """What a thread is at: when it must have ended, and the socket it uses, once there is one."""

    ends_at: float
    connection: _Watched | None = None
    ended: bool = False

    def end(self) -> None:
        """Wake whoever waits on the socket; the TLS layer is passed by, whose farewell would wait as well."""
        self.ended = True
        used = self.connection and (self.connection.answering or self.connection.sock)
        if used:
            try:
                socket.socket.shutdown(used, socket.SHUT_RDWR)
            except OSError:
                return


_exchange: ContextVar[_Exchange | None] = ContextVar("exchange", default=None)


class _Watched(HTTPConnection):
    """A connection that tells its thread's exchange about itself."""

    answering: socket.socket | None = None
    """The socket that an answer is read from: the connection itself lets go of it early."""

    _gathered: bytearray | None = None
    """The beginning of a request that is not sent yet, while one is being written."""

    def watch(self) -> None:
        """Tell of the socket, where the connection is open and used as it is."""
        self.answering = self.sock
        exchange = _exchange.get()
        if exchange is not None:
            exchange.connection = self

    def request(self, *args: Any, **kwargs: Any) -> None:
        self.answering = None
        exchange = _exchange.get()
        if exchange is not None:
            exchange.connection = self
        self._gathered = bytearray()
        super().request(*args, **kwargs)
        self._send_gathered()

    def send(self, data: Any) -> None:
        if self._gathered is None:
            super().send(data)
            return
        self._gathered += data
        if len(self._gathered) >= PIECE_BYTES:
            self._send_gathered()
            self._gathered = bytearray()

    def _send_gathered(self) -> None:
        waiting, self._gathered = self._gathered, None  # what connecting to a proxy sends goes out at once
        if waiting:
            super().send(waiting)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        self.answering = self.sock
        return super().getresponse()


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


WATCHED_POOLS = {"http": _Pool, "https": _TlsPool}
"""What a urllib3 pool manager makes its pools of, so that a deadline knows their connections."""


class Deadline:
    """Ends exchanges that take longer than a limit.

    Parameters
    ----------
    limit_s : float
        For one exchange, in seconds.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._running: set[_Exchange] = set()
        self._changing = threading.Lock()
        self._watcher: threading.Thread | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Hold what this thread sends and reads inside to the limit; such a block inside another has no say.

        Raises
        ------
        requests.exceptions.ReadTimeout
            When it took longer; what was read until then may look whole and is not.
        """
        if _exchange.get() is not None:
            yield
            return
        exchange = _Exchange(time.monotonic() + self._limit_s)
        token = _exchange.set(exchange)
        self._watch(exchange)
        try:
            yield
        finally:
            _exchange.reset(token)
            with self._changing:
                self._running.remove(exchange)
            if exchange.ended:
                raise ReadTimeout(f"not through within {self._limit_s:.0f} s")

    def _watch(self, exchange: _Exchange) -> None:
        with self._changing:
            self._running.add(exchange)
            if self._watcher is None:
                watcher = threading.Thread(target=self._end_the_late, name="zoocut-deadline", daemon=True)
                watcher.start()  # before it is named: where there is no room for it, the next call tries again
                self._watcher = watcher

    def _end_the_late(self) -> None:
        while True:
            time.sleep(self._limit_s / LOOKS)
            with self._changing:
                for exchange in self._running:
                    if exchange.ends_at <= time.monotonic():
                        exchange.end()
