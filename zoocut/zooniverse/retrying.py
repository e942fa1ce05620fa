"""Asking again where asking twice does no harm."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from threading import Event
from typing import Any, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_attempt,
    stop_after_delay,
    stop_all,
    wait_random_exponential,
)
from tenacity.stop import stop_base

from zoocut.zooniverse.request_errors import Busy, Doubtful, NotNow, Refused
from zoocut.zooniverse.session import Session

__all__ = ["retried_for", "signed_in", "with_retries"]

ATTEMPTS = 6
"""With pauses up to 0.2, 0.4 and so on to `LONGEST_WAIT_S` seconds: a restart of the server is waited out."""

SIGN_INS = 3
"""Fewer: an account whose password is wrong, or an address where nobody is, should be told soon."""

LONGEST_WAIT_S = 8.0
LONG_ENOUGH_TO_TELL_S = 1.0
GROWING = wait_random_exponential(multiplier=0.2, max=LONGEST_WAIT_S)
LONGEST_S = 60.0
"""After this nothing is asked again: a server that is silent for long has been waited for."""

Told = TypeVar("Told")


def with_retries(ask: Callable[..., Told], *words: Any, stop: Event | None = None) -> Told:
    """Ask something that comes to the same when repeated, again when it cannot be told now.

    Parameters
    ----------
    ask : callable
        Asks once.
    words : Any
        What it is given.
    stop : threading.Event, optional
        Wakes it from waiting.
    """
    return _trying(_may_pass, stop_after_attempt(ATTEMPTS) | stop_after_delay(LONGEST_S), stop=stop)(
        ask, *words
    )


def retried_for(ask: Callable[..., Told], patience_s: float, *words: Any) -> Told:
    """Ask something that comes to the same when repeated, again for so many seconds.

    Parameters
    ----------
    ask : callable
        Asks once.
    patience_s : float
        Within this time it is asked again, and a few times in any case.
    words : Any
        What it is given.
    """
    few_and_long = stop_all(stop_after_attempt(SIGN_INS), stop_after_delay(patience_s))
    return _trying(_may_pass, few_and_long)(ask, *words)


def signed_in(
    sign_in: Callable[[], Session],
    patience_s: float = 0.0,
    tell: Callable[[str], object] = lambda words: None,
) -> Session:
    """Sign in, again when the answer was lost; an address that nothing answers at may well be a wrong one.

    Parameters
    ----------
    sign_in : callable
        Tries once.
    patience_s : float
        Within this time it is tried again, and a few times in any case.
    tell : callable
        Told why it is tried again, before each long wait.
    """
    few_and_long = stop_all(stop_after_attempt(SIGN_INS), stop_after_delay(patience_s))
    return _trying(lambda error: isinstance(error, Busy | Doubtful), few_and_long, _told_to(tell))(sign_in)


def _told_to(tell: Callable[[str], object]) -> Callable[[RetryCallState], None]:
    def told(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        wait_s = state.next_action.sleep if state.next_action else 0.0
        if wait_s >= LONG_ENOUGH_TO_TELL_S:
            tell(f"{failure}; it is tried again in {wait_s:.0f} s")

    return told


def _trying(
    may_pass: Callable[[BaseException], bool],
    until: stop_base,
    before_sleep: Callable[[RetryCallState], None] | None = None,
    stop: Event | None = None,
) -> Retrying:
    return Retrying(
        retry=retry_if_exception(may_pass),
        stop=until,
        wait=_wait_s,
        sleep=sleep_using_event(stop or Event()),
        before_sleep=before_sleep,
        reraise=True,
    )


def _wait_s(state: RetryCallState) -> float:
    """Wait as long as is asked for, else longer each time."""
    failure = state.outcome.exception() if state.outcome else None
    asked = failure.retry_after_s if isinstance(failure, NotNow) else None
    return max(min(asked or 0.0, LONGEST_S), GROWING(state))


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, Refused):
        return error.status == HTTPStatus.CONFLICT  # the set was being changed
    return isinstance(error, NotNow)
