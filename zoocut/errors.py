"""Everything zoocut raises on purpose, as one tree; each class carries the exit code a script sees.

ZoocutError
├── ConfigError            2   a setting is missing, unknown or wrong
├── InputError             3   a file or a row cannot be used
├── LedgerError            4   the run's record is locked, newer or contradicts the run
├── ZooniverseError        5   the server failed; running again may succeed
│   ├── SignInError        7   no credentials, or refused ones
│   ├── NotPermitted       7   the account may not do this
│   └── QuotaReached       8   the account's upload limit is met
├── VerificationFailed     6   the server holds something else than the run
├── NightBusy              9   another `zoocut night` works on the same nights
├── NeedsDecision         10   a night stops for a person to look at it
├── NothingRecent         11   all that is new is older than night.max_age
└── Interrupted          130   stopped by the user (143 when by SIGTERM)

A message says what is wrong, with which file, row or setting, and what to do next. It never holds a
password or a token. Each class has a code, which the program writes behind the message: `docs/troubleshooting.md` has
an entry for every one. `zoocut.error_kinds` holds the kinds below these classes.
"""

from collections.abc import Iterable

__all__ = [
    "ConfigError",
    "InputError",
    "Interrupted",
    "LedgerError",
    "NeedsDecision",
    "NightBusy",
    "NotPermitted",
    "NothingRecent",
    "QuotaReached",
    "SignInError",
    "VerificationFailed",
    "ZoocutError",
    "ZooniverseError",
    "code_of",
    "did_you_mean",
    "first_line",
]

MOST_NAMED = 24
"""As many names still fit a message that people read to its end."""


class ZoocutError(Exception):
    """Base of all errors that zoocut explains to its user."""

    exit_code = 1
    code = "Z001"
    """Stable name of the kind of trouble, for people who look it up and programs that compare it."""


class ConfigError(ZoocutError):
    """A setting is missing, unknown or out of its range."""

    exit_code = 2
    code = "Z100"


class InputError(ZoocutError):
    """A file or a row of the input cannot be used."""

    exit_code = 3
    code = "Z200"


class LedgerError(ZoocutError):
    """The ledger is locked, was written by a newer zoocut, or contradicts the run folder."""

    exit_code = 4
    code = "Z300"


class ZooniverseError(ZoocutError):
    """The Zooniverse server, or the way to it, failed; the same command may succeed later."""

    exit_code = 5
    code = "Z400"


class SignInError(ZooniverseError):
    """There are no credentials, or the server refuses them."""

    exit_code = 7
    code = "Z410"


class NotPermitted(ZooniverseError):
    """The account has no right to do this, or the thing does not exist for it."""

    exit_code = 7
    code = "Z420"


class QuotaReached(ZooniverseError):
    """The account has uploaded as many subjects as it may."""

    exit_code = 8
    code = "Z430"


class VerificationFailed(ZoocutError):
    """What the server holds differs from what the run says."""

    exit_code = 6
    code = "Z500"


class NightBusy(ZoocutError):
    """Another `zoocut night` works on the same nights."""

    exit_code = 9
    code = "Z601"


class NeedsDecision(ZoocutError):
    """A night holds more than its configuration lets pass unseen."""

    exit_code = 10
    code = "Z602"


class NothingRecent(ZoocutError):
    """All that is new is older than the configuration allows."""

    exit_code = 11
    code = "Z603"


class Interrupted(ZoocutError):
    """The user stopped the command; the run is safe.

    Parameters
    ----------
    message : str
        What was reached and the command that goes on from there.
    exit_code : int
        130 for Ctrl-C, 143 for SIGTERM.
    """

    code = "Z700"

    def __init__(self, message: str, exit_code: int = 130) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def code_of(error: BaseException) -> str:
    """Return the code of the kind of trouble; that of a row that cannot be used where an error has none."""
    return getattr(error, "code", InputError.code)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its kind when it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "it has") -> str:
    """Return advice for a name that is not known: the nearest one, else what there is.

    Parameters
    ----------
    name : str
        What was given.
    known : iterable of str
        What could have been given.
    otherwise : str
        The words before the list of what there is, when nothing is near.
    """
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]}?"
    more = len(names) - MOST_NAMED
    return f"{otherwise} {', '.join(names[:MOST_NAMED]) or 'none'}" + (
        f" and {more} more" if more > 0 else ""
    )
