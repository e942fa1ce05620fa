"""How a command ends otherwise than it was asked to: codes Z002 to Z099 and Z501 to Z599."""

import errno

from zoocut.errors import VerificationFailed, ZoocutError, first_line

__all__ = ["AddressesDiffer", "ChangeNotSeen", "DemoFailed", "NoRoom", "SubjectsLeft", "no_room"]

REFUSED = ("failed to map segment", "cannot allocate memory", "can't start new thread")
"""What the system's loader and Python say, in errors of several classes, when they get no memory or thread."""


class NoRoom(ZoocutError):
    """The machine has no memory left, or no room for another thread."""

    code = "Z002"


def no_room(failure: BaseException) -> NoRoom | None:
    """Return what to tell where a failure is that this machine refused memory or a thread; None for others."""
    out_of_memory = isinstance(failure, MemoryError) or getattr(failure, "errno", None) == errno.ENOMEM
    if not out_of_memory and not any(one in str(failure).lower() for one in REFUSED):
        return None
    return NoRoom(
        f"this machine has no room for more ({first_line(failure)}): give --requests or -j a smaller number, or raise "
        "its limits; what was reached is safe, and the same command goes on"
    )


class DemoFailed(ZoocutError):
    """A step of the demonstration did not do what it should."""

    code = "Z003"


class ChangeNotSeen(VerificationFailed):
    """The server does not show a change that it took."""

    code = "Z501"


class AddressesDiffer(VerificationFailed):
    """Addresses do not serve the pictures that were published."""

    code = "Z502"


class SubjectsLeft(VerificationFailed):
    """Subjects are left at the server that only the ledger knows of."""

    code = "Z503"
