"""What a request can come to when it does not succeed, sorted by what is known about its effect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from zoocut.errors import ZooniverseError

__all__ = ["Busy", "Doubtful", "LocalTrouble", "NotNow", "Refused", "Unreachable", "malformed_is_doubtful"]


class NotNow(ZooniverseError):
    """What was asked cannot be told now; asking again later may succeed.

    Parameters
    ----------
    message : str
        What was met.
    retry_after_s : float or None
        How long whoever answered asks to be left alone.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LocalTrouble(NotNow):
    """Something on this machine stands in the way for now: too many open files, a file system that went away."""

    code = "Z405"


class Unreachable(NotNow):
    """The request never left or never arrived: nothing happened at the server."""

    code = "Z401"


class Doubtful(NotNow):
    """The answer was lost or makes no sense: whether the request had its effect is unknown."""

    code = "Z402"


class Busy(NotNow):
    """The server sent the request away for now: nothing happened."""

    code = "Z403"


class Refused(ZooniverseError):
    """The server understood the request and will not do it: nothing happened.

    Parameters
    ----------
    message : str
        What it said.
    status : int
        The HTTP status, 400 to 499.
    """

    code = "Z404"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def malformed_is_doubtful(kind: str) -> Iterator[None]:
    """Hold what is read from an answer inside to its form; also to be put before a function.

    Parameters
    ----------
    kind : str
        What the answer is about.

    Raises
    ------
    Doubtful
        When something is missing or is of another kind than Panoptes sends.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise Doubtful(
            f"an answer about {kind} cannot be understood: run again; is there a proxy in the way?"
        ) from error
