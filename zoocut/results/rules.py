"""Which classifications count, and what their votes are counted for: the user's choices, with their defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from zoocut.error_kinds import WrongOption
from zoocut.results.workflow import Version

__all__ = ["Reason", "Rules", "Unit", "VersionRule", "parse_version"]


class Unit(StrEnum):
    """What a row of the results is about."""

    SOURCE = "source"
    SUBJECT = "subject"
    OBJECT = "object"


class Reason(StrEnum):
    """Why a classification that can be read is left out; the first that holds counts."""

    WORKFLOW = "of another workflow"
    VERSION = "of another version of the workflow"
    BEFORE_LAUNCH = "made before the project was launched"
    ALREADY_SEEN = "by a volunteer who had seen the subject already"
    GOLD_STANDARD = "gold standard, counted apart"
    TRAINING = "of a training subject, counted apart"
    SEVERAL = "about several subjects"
    CONFLICT = "subject_data names another source than the ledger"
    UNKNOWN = "about a subject that no run knows"
    NO_OBJECT = "of a source without an object"
    NO_ANSWER = "without an answer to a question or drop-down task"
    REPEATED_VOTE = "a further one by the same volunteer of the same subject"
    REPEATED_ROW = "a row with the classification_id of an earlier row"


@dataclass(frozen=True, slots=True)
class VersionRule:
    """Which versions of the workflow count.

    Parameters
    ----------
    major, minor : int or None
        The version; None for any. Without a major version and with `newest` it is the newest one that has
        classifications.
    newest : bool
        Whether only the newest major version counts.
    apart : bool
        Whether major versions get rows of their own.
    """

    major: int | None = None
    minor: int | None = None
    newest: bool = True
    apart: bool = False

    def accepts(self, version: Version) -> bool:
        """Whether classifications of a version count, once the newest one is known by its number."""
        return self.major in (None, version[0]) and self.minor in (None, version[1])

    @property
    def words(self) -> str:
        """The choice as it is typed."""
        if self.major is None:
            return "newest" if self.newest else "each" if self.apart else "all"
        return f"{self.major}" if self.minor is None else f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class Rules:
    """The choices.

    Parameters
    ----------
    workflow : str or None
        The workflow's id or name; may be left out where the export is about one only.
    version : VersionRule
        Which versions of it.
    unit : Unit
        What the rows of the results are about.
    all_votes : bool
        Whether all classifications of a signed-in volunteer and a subject count; else the first one.
    drop_anonymous_repeats : bool
        Whether of classifications from one network without sign-in, of one subject, the first one counts;
        else all do, as a classroom shares a network.
    before_launch, already_seen : bool
        Whether classifications count that were made before the project was launched, or by volunteers who had
        seen the subject already.
    confidence : float
        The level of the intervals, 0 to 1.
    """

    workflow: str | None = None
    version: VersionRule = VersionRule()
    unit: Unit = Unit.SOURCE
    all_votes: bool = False
    drop_anonymous_repeats: bool = False
    before_launch: bool = False
    already_seen: bool = False
    confidence: float = 0.6827


WRITTEN_VERSION = re.compile(r"(\d+)(?:\.(\d+))?", re.ASCII)


def parse_version(text: str) -> VersionRule:
    """Read a choice of versions: `newest`, `all`, `each`, `12` or `12.34`.

    Raises
    ------
    ConfigError
        When it is none of them.
    """
    fixed = {
        "newest": VersionRule(),
        "all": VersionRule(newest=False),
        "each": VersionRule(newest=False, apart=True),
    }
    if text in fixed:
        return fixed[text]
    match = WRITTEN_VERSION.fullmatch(text)
    if match is None:
        raise WrongOption(
            f"{text!r} is no workflow version: give newest, all, each, or one such as 12 or 12.34"
        )
    minor = None if match[2] is None else int(match[2])
    return VersionRule(int(match[1]), minor, newest=False)
