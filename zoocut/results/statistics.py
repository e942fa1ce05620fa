"""Fractions of votes, their binomial intervals, and what most volunteers say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["INTERVAL", "Counts", "Floats", "agreement", "consensus", "fractions", "interval"]

INTERVAL = "wilson"
"""Wilson (1927): holds its level also for few votes and for fractions of 0 and 1, unlike the normal one."""

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def fractions(votes: Counts, answered: Counts) -> Floats:
    """Return the fraction of classifications that chose an answer; NaN where nobody answered.

    Parameters
    ----------
    votes, answered : (n,) array of int
        How many chose the answer, and how many answered the task.
    """
    given: Floats = np.divide(votes, answered, out=np.full(votes.shape, np.nan), where=answered > 0)
    return given


def interval(votes: Counts, answered: Counts, confidence: float) -> tuple[Floats, Floats]:
    """Return the bounds of the Wilson score interval of a fraction; NaN where nobody answered.

    Parameters
    ----------
    votes, answered : (n,) array of int
        As for `fractions`.
    confidence : float
        Its level, 0 to 1.
    """
    from astropy.stats import binom_conf_interval

    low, high = np.full(votes.shape, np.nan), np.full(votes.shape, np.nan)
    some = answered > 0
    if some.any():
        low[some], high[some] = binom_conf_interval(
            votes[some], answered[some], confidence_level=confidence, interval=INTERVAL
        )
    return low, high


def agreement(votes: Counts, answered: Counts) -> Floats:
    """Return the largest fraction of each row; NaN where nobody answered.

    Parameters
    ----------
    votes : (n, answers) array of int
        Of every answer.
    answered : (n,) array of int
        How many answered the task.
    """
    most = votes.max(axis=1) if votes.shape[1] else np.zeros_like(answered)
    return fractions(most, answered)


def consensus(votes: Counts, keys: Sequence[str]) -> list[str | None]:
    """Name the answer with the most votes; None where there are no votes, or several have as many.

    Parameters
    ----------
    votes : (n, answers) array of int
        Of every answer.
    keys : sequence of str
        The answers' keys.
    """
    if not keys:
        return [None] * len(votes)
    most = votes.max(axis=1)
    alone = (votes == most[:, np.newaxis]).sum(axis=1) == 1
    decided = alone & (most > 0)
    return [keys[at] if sure else None for at, sure in zip(votes.argmax(axis=1), decided, strict=True)]
