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
└── Interrupted          130   stopped by the user (143 when by SIGTERM)

A message says what is wrong, with which file, row or setting, and what to do next. It never holds a
password or a token.
"""

__all__ = [
    "ConfigError",
    "InputError",
    "Interrupted",
    "LedgerError",
    "NotPermitted",
    "QuotaReached",
    "SignInError",
    "VerificationFailed",
    "ZoocutError",
    "ZooniverseError",
]


class ZoocutError(Exception):
    """Base of all errors that zoocut explains to its user."""

    exit_code = 1


class ConfigError(ZoocutError):
    """A setting is missing, unknown or out of its range."""

    exit_code = 2


class InputError(ZoocutError):
    """A file or a row of the input cannot be used."""

    exit_code = 3


class LedgerError(ZoocutError):
    """The ledger is locked, was written by a newer zoocut, or contradicts the run folder."""

    exit_code = 4


class ZooniverseError(ZoocutError):
    """The Zooniverse server, or the way to it, failed; the same command may succeed later."""

    exit_code = 5


class SignInError(ZooniverseError):
    """There are no credentials, or the server refuses them."""

    exit_code = 7


class NotPermitted(ZooniverseError):
    """The account has no right to do this, or the thing does not exist for it."""

    exit_code = 7


class QuotaReached(ZooniverseError):
    """The account has uploaded as many subjects as it may."""

    exit_code = 8


class VerificationFailed(ZoocutError):
    """What the server holds differs from what the run says."""

    exit_code = 6


class Interrupted(ZoocutError):
    """The user stopped the command; the run is safe.

    Parameters
    ----------
    message : str
        What was reached and the command that goes on from there.
    exit_code : int
        130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, message: str, exit_code: int = 130) -> None:
        super().__init__(message)
        self.exit_code = exit_code
