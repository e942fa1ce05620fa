"""How a command ends otherwise than it was asked to: codes Z002 to Z099 and Z501 to Z599."""

from zoocut.errors import VerificationFailed, ZoocutError

__all__ = ["AddressesDiffer", "ChangeNotSeen", "DemoFailed", "NoRoom", "SubjectsLeft"]


class NoRoom(ZoocutError):
    """The machine has no room for another thread."""

    code = "Z002"


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
