"""What a request can come to when it does not succeed, sorted by what is known about its effect."""

from __future__ import annotations

from zoocut.errors import ZooniverseError

__all__ = ["Busy", "Doubtful", "Refused", "Unreachable"]


class Unreachable(ZooniverseError):
    """The request never left or never arrived: nothing happened at the server."""


class Doubtful(ZooniverseError):
    """The answer was lost or makes no sense: whether the request had its effect is unknown."""


class Busy(ZooniverseError):
    """The server sent the request away for now: nothing happened.

    Parameters
    ----------
    message : str
        What it said.
    retry_after_s : float or None
        How long it asks to be left alone.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Refused(ZooniverseError):
    """The server understood the request and will not do it: nothing happened.

    Parameters
    ----------
    message : str
        What it said.
    status : int
        The HTTP status, 400 to 499.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
