"""What is wrong with a configuration, or with what a command was asked: codes Z101 to Z199."""

from zoocut.errors import ConfigError

__all__ = [
    "DestinationMissing",
    "ImportUnfit",
    "MalformedPattern",
    "MissingPackage",
    "NameTaken",
    "NightsUnclear",
    "NotConfirmed",
    "NotThere",
    "OtherSettings",
    "PluginFailed",
    "RightsUnclear",
    "SandboxOptions",
    "SeveralMeant",
    "UnreadableConfig",
    "UnsplitSet",
    "WrongArguments",
    "WrongEndpoint",
    "WrongLook",
    "WrongOption",
    "WrongSetting",
    "WrongShare",
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
    """`--part` names no share of a run, or none that can be drawn now."""

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


class WrongOption(ConfigError):
    """An option has a value that it does not take, or lacks another option that it needs."""

    code = "Z120"


class WrongArguments(ConfigError):
    """What a function is given does not make up sources and their images."""

    code = "Z121"
