"""What is wrong with a ledger, or at Zooniverse: codes Z301 to Z499."""

from zoocut.errors import LedgerError, NotPermitted, SignInError, ZooniverseError

__all__ = [
    "AccountBanned",
    "CredentialsMissing",
    "CredentialsRefused",
    "CredentialsUnsafe",
    "ExportFailed",
    "ExportNotReady",
    "ImportRefused",
    "ImportUnread",
    "LedgerDamaged",
    "LedgerInUse",
    "LedgerNewer",
    "LedgerUnwritable",
    "NoRole",
    "NotFoundThere",
    "NotPanoptes",
    "OtherCopy",
    "OtherProject",
    "OtherServer",
    "RowChanged",
    "RowsRefused",
    "ServerStalled",
]


class LedgerInUse(LedgerError):
    """Another zoocut uploads this run, or into this set."""

    code = "Z301"


class LedgerDamaged(LedgerError):
    """The file of the ledger is not whole."""

    code = "Z302"


class LedgerNewer(LedgerError):
    """The ledger was written by a newer zoocut."""

    code = "Z303"


class OtherCopy(LedgerError):
    """The set holds subjects of this run that this ledger does not know."""

    code = "Z304"


class RowChanged(LedgerError):
    """A row changed after its upload had begun."""

    code = "Z305"


class OtherServer(LedgerError):
    """The server is not the one that the ledger knows."""

    code = "Z306"


class LedgerUnwritable(LedgerError):
    """The ledger cannot be written where it lies."""

    code = "Z307"


class ExportFailed(ZooniverseError):
    """The server makes no export, or does not send it whole."""

    code = "Z406"


class ExportNotReady(ZooniverseError):
    """The server is still making an export."""

    code = "Z408"


class ServerStalled(ZooniverseError):
    """The server answers so little that going on would do no good."""

    code = "Z407"


class CredentialsMissing(SignInError):
    """No account is known for the server."""

    code = "Z411"


class CredentialsRefused(SignInError):
    """The server refuses the account."""

    code = "Z412"


class CredentialsUnsafe(SignInError):
    """The place where accounts are kept cannot be used."""

    code = "Z413"


class NotFoundThere(NotPermitted):
    """The server has no such project, set or workflow that the account may see."""

    code = "Z421"


class OtherProject(NotPermitted):
    """A set or a workflow belongs to another project."""

    code = "Z422"


class NoRole(NotPermitted):
    """The account has no role that allows this."""

    code = "Z423"


class AccountBanned(NotPermitted):
    """Zooniverse drops what the account uploads."""

    code = "Z424"


class RowsRefused(NotPermitted):
    """The server refused many rows one after the other."""

    code = "Z425"


class NotPanoptes(ZooniverseError):
    """What answers at the address does not answer as Zooniverse does."""

    code = "Z409"


class ImportRefused(NotPermitted):
    """The server refuses to import a manifest."""

    code = "Z426"


class ImportUnread(ZooniverseError):
    """The server could not read the manifest of an import from its address."""

    code = "Z427"
