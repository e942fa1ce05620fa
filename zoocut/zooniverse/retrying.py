"""Asking again where asking twice does no harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from zoocut.zooniverse.request_errors import Busy, Doubtful, NotNow, Refused
from zoocut.zooniverse.session import Session

__all__ = ["signed_in", "with_retries"]

ATTEMPTS = 6
SIGN_INS = 3
LONGEST_WAIT_S = 8.0
LONGEST_S = 60.0
"""After this nothing is asked again: a server that is silent for long has been waited for."""

Told = TypeVar("Told")

BEING_CHANGED = 409


def with_retries(ask: Callable[..., Told], *words: Any) -> Told:
    """Ask something that comes to the same when repeated, again when it cannot be told now.

    Parameters
    ----------
    ask : callable
        Asks once.
    words : Any
        What it is given.
    """
    return _trying(_may_pass, ATTEMPTS)(ask, *words)


def signed_in(sign_in: Callable[[], Session]) -> Session:
    """Sign in, again when the answer was lost; an address that nothing answers at may well be a wrong one.

    Parameters
    ----------
    sign_in : callable
        Tries once.
    """
    return _trying(lambda error: isinstance(error, Busy | Doubtful), SIGN_INS)(sign_in)


def _trying(may_pass: Callable[[BaseException], bool], attempts: int) -> Retrying:
    return Retrying(
        retry=retry_if_exception(may_pass),
        stop=stop_after_attempt(attempts) | stop_after_delay(LONGEST_S),
        wait=wait_random_exponential(multiplier=0.2, max=LONGEST_WAIT_S),
        reraise=True,
    )


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, Refused):
        return error.status == BEING_CHANGED
    return isinstance(error, NotNow)
