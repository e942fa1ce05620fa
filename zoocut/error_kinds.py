"""Kinds of trouble, each with the code that its message ends with and an entry in `docs/troubleshooting.md`.

A kind exits as the class of `zoocut.errors` that it belongs to. A code stays what it is once it was released: a kind
that is no longer met leaves a gap.
"""

from zoocut.errors import (
    ConfigError,
    InputError,
    LedgerError,
    NotPermitted,
    SignInError,
    ZooniverseError,
)

__all__ = [
    "AccountBanned",
    "BadExport",
    "BadId",
    "BadManifest",
    "BadPacket",
    "BadPosition",
    "BadStamp",
    "BadWcs",
    "CatalogUnreachable",
    "CredentialsMissing",
    "CredentialsRefused",
    "CredentialsUnsafe",
    "DestinationMissing",
    "ExportFailed",
    "ExportNotReady",
    "FileMissing",
    "FolderInUse",
    "FolderTaken",
    "ImportUnfit",
    "LedgerDamaged",
    "LedgerInUse",
    "LedgerNewer",
    "LedgerUnwritable",
    "MalformedPattern",
    "MissingColumn",
    "MissingPackage",
    "NameTaken",
    "NightsUnclear",
    "NoContext",
    "NoDataset",
    "NoFootprint",
    "NoHistory",
    "NoImage",
    "NoRole",
    "NotARun",
    "NotConfirmed",
    "NotFoundThere",
    "NotPublishable",
    "NotThere",
    "NotWritable",
    "NothingDrawn",
    "NothingInside",
    "OtherCopy",
    "OtherProject",
    "OtherServer",
    "OtherSettings",
    "PluginFailed",
    "RecordDamaged",
    "RepeatedColumn",
    "RightsUnclear",
    "RowChanged",
    "RowsRefused",
    "SandboxOptions",
    "ServerStalled",
    "SeveralMeant",
    "UnreadableConfig",
    "UnreadableFile",
    "UnreadableText",
    "UnsplitSet",
    "WorkersLost",
    "WrongEndpoint",
    "WrongLook",
    "WrongSetting",
    "WrongShare",
    "WrongSubjects",
]


class UnreadableConfig(ConfigError):
    """The configuration file is not there, or is not TOML."""

    code = "Z101"


class WrongSetting(ConfigError):
    """A setting is not known, or its value is none that it takes."""

    code = "Z102"


class MissingPackage(ConfigError):
    """What was asked for needs a package that is not installed."""

    code = "Z103"


class PluginFailed(ConfigError):
    """What another package offers cannot be loaded or is not what it says."""

    code = "Z104"


class MalformedPattern(ConfigError):
    """A pattern of paths, names or metadata cannot be filled in."""

    code = "Z105"


class OtherSettings(ConfigError):
    """The run was made with other settings than those that are given now."""

    code = "Z106"


class WrongShare(ConfigError):
    """`--part` names no share of a run."""

    code = "Z107"


class WrongLook(ConfigError):
    """A font, colour, stretch or interval is none that can be drawn with."""

    code = "Z108"


class RightsUnclear(ConfigError):
    """Nothing says why what would be shown may be public."""

    code = "Z109"


class NotConfirmed(ConfigError):
    """What was asked for needs a yes."""

    code = "Z110"


class DestinationMissing(ConfigError):
    """Nothing says which project, set or subjects are meant."""

    code = "Z111"


class SeveralMeant(ConfigError):
    """A name or a run stands for several things."""

    code = "Z112"


class NotThere(ConfigError):
    """There is nothing of that name to choose."""

    code = "Z113"


class NameTaken(ConfigError):
    """A set cannot have this name."""

    code = "Z114"


class UnsplitSet(ConfigError):
    """The name of the set and `--set-by` do not fit each other."""

    code = "Z115"


class WrongEndpoint(ConfigError):
    """The address of the server cannot be used."""

    code = "Z116"


class SandboxOptions(ConfigError):
    """The sandbox cannot be started so, or knows no such fault."""

    code = "Z117"


class NightsUnclear(ConfigError):
    """What the configuration says of nights cannot be followed."""

    code = "Z118"


class ImportUnfit(ConfigError):
    """An import by the server would not be safe for this set."""

    code = "Z119"


class FileMissing(InputError):
    """A file or folder is not there."""

    code = "Z201"


class UnreadableFile(InputError):
    """A file is there and cannot be read."""

    code = "Z202"


class NotWritable(InputError):
    """A file cannot be written: no space, no rights."""

    code = "Z203"


class UnreadableText(InputError):
    """A table of text has an encoding, a header or lines that cannot be told."""

    code = "Z204"


class MissingColumn(InputError):
    """A column or field that is needed is not there."""

    code = "Z205"


class RepeatedColumn(InputError):
    """Several columns have one name."""

    code = "Z206"


class NothingInside(InputError):
    """A file or a run holds no rows."""

    code = "Z207"


class CatalogUnreachable(InputError):
    """A database or a Butler repository cannot be opened or asked."""

    code = "Z208"


class NoDataset(InputError):
    """The Butler repository does not hold what is asked for."""

    code = "Z209"


class BadPacket(InputError):
    """A file of alert packets is damaged, or holds none."""

    code = "Z210"


class BadStamp(InputError):
    """A stamp of a packet cannot be used."""

    code = "Z211"


class NoImage(InputError):
    """A file or an object holds no image where one should be."""

    code = "Z212"


class BadWcs(InputError):
    """Nothing tells where on the sky an image lies, or two images do not fit each other."""

    code = "Z213"


class NoFootprint(InputError):
    """The footprint of a source cannot be used."""

    code = "Z214"


class NoHistory(InputError):
    """A source has no history that can be drawn."""

    code = "Z217"


class NoContext(InputError):
    """The picture of a wider field cannot be had."""

    code = "Z218"


class NotARun(InputError):
    """A folder is no run, or lacks what a run has."""

    code = "Z221"


class BadManifest(InputError):
    """The first line of a manifest, or one of its lines, cannot be understood."""

    code = "Z222"


class FolderInUse(InputError):
    """Another zoocut works in the folder."""

    code = "Z223"


class FolderTaken(InputError):
    """What would be made is there already."""

    code = "Z224"


class WorkersLost(InputError):
    """A process or a machine that draws has ended or cannot be reached."""

    code = "Z225"


class NothingDrawn(InputError):
    """No source could be drawn."""

    code = "Z226"


class BadExport(InputError):
    """A file is no whole export of Zooniverse."""

    code = "Z227"


class WrongSubjects(InputError):
    """Subjects are named that are not there or not unique."""

    code = "Z228"


class NotPublishable(InputError):
    """Files cannot be published or imported as they are."""

    code = "Z229"


class RecordDamaged(InputError):
    """A file in which zoocut keeps what it has done cannot be read."""

    code = "Z230"


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


class BadId(ValueError):
    """The id of a row is missing or cannot be one."""

    code = "Z215"


class BadPosition(ValueError):
    """The position of a row is missing or is none on the sky."""

    code = "Z216"
