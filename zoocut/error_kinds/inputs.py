"""What is wrong with files, catalogs, images and runs: codes Z201 to Z299."""

from zoocut.errors import InputError

__all__ = [
    "BadExport",
    "BadId",
    "BadList",
    "BadManifest",
    "BadPacket",
    "BadPosition",
    "BadStamp",
    "BadWcs",
    "CatalogUnreachable",
    "FileMissing",
    "FolderInUse",
    "FolderTaken",
    "MissingColumn",
    "NewerRun",
    "NoContext",
    "NoDataset",
    "NoFootprint",
    "NoHistory",
    "NoImage",
    "NotARun",
    "NotDrawable",
    "NotPublishable",
    "NotReplaceable",
    "NotWritable",
    "NothingCounted",
    "NothingDrawn",
    "NothingInside",
    "RecordDamaged",
    "RepeatedColumn",
    "SandboxData",
    "SeveralServers",
    "UnreadableFile",
    "UnreadableText",
    "WorkersLost",
    "WrongOutput",
    "WrongSubjects",
    "WrongUnit",
]


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


class NotDrawable(InputError):
    """One picture that a function was asked for cannot be drawn.

    Parameters
    ----------
    message : str
        What is wrong and what would help.
    code : str, optional
        The kind of trouble, where it is one of those that rows are rejected for.
    """

    code = "Z238"

    def __init__(self, message: str, code: str = code) -> None:
        super().__init__(message)
        self.code = code


class NewerRun(InputError):
    """A run was begun by a newer zoocut, which writes pictures otherwise."""

    code = "Z239"


class WrongUnit(InputError):
    """A column is in a unit that it cannot be converted from."""

    code = "Z231"


class BadList(InputError):
    """A list of sources to leave out holds something that is no id."""

    code = "Z232"


class WrongOutput(InputError):
    """The file that would be written has no form that is known, or is the input itself."""

    code = "Z233"


class SeveralServers(InputError):
    """The runs went to several servers, and one is meant."""

    code = "Z234"


class NothingCounted(InputError):
    """No vote of an export counts."""

    code = "Z235"


class NotReplaceable(InputError):
    """A run cannot take the place of another."""

    code = "Z236"


class SandboxData(InputError):
    """The sandbox cannot use the folder that it keeps its state in."""

    code = "Z237"


class BadId(ValueError):
    """The id of a row is missing or cannot be one."""

    code = "Z215"


class BadPosition(ValueError):
    """The position of a row is missing or is none on the sky."""

    code = "Z216"
