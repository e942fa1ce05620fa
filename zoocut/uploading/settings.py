"""Which settings an upload goes by: options, a configuration file given now, or the copy that the run keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from zoocut.config.load import checked, differences, load_run_settings
from zoocut.config.upload import UploadSettings
from zoocut.error_kinds import OtherSettings
from zoocut.files import typed
from zoocut.run.folder import Run

__all__ = ["settings_of", "with_configuration"]

TAKEN = ("upload", "rights")
"""The sections that an upload reads."""

WHERE = ("project", "subject_set")
"""The settings that decide where subjects go: whose copy is gone by must be known."""


def with_configuration(run: Run, path: Path, tell: Callable[[str], object]) -> Run:
    """Return the run with the sections of a configuration file that an upload reads; nothing is written.

    Raises
    ------
    ConfigError
        When the file is wrong, or addresses the images otherwise than the run's manifest does.
    """
    given = load_run_settings(path)
    other = differences(run.settings, given, "manifest")
    if other:
        raise OtherSettings(
            f"{path} addresses the images otherwise than the run ({'; '.join(other)}): run "
            f"`zoocut generate {typed(path)} -o {typed(run.path)}` first, which draws nothing twice"
        )
    for change in differences(run.settings, given, *TAKEN):
        tell(f"the run takes over a changed setting: {change}")
    taken = {"upload": given.upload, "rights": given.rights}
    return replace(run, settings=run.settings.model_copy(update=taken))


def settings_of(run: Run, given: Mapping[str, object], tell: Callable[[str], object]) -> UploadSettings:
    """Put options over the `[upload]` that the run keeps; say when that copy decides where to.

    Parameters
    ----------
    run : Run
        The run.
    given : mapping
        Options by the names of the settings; None where one was not given.
    tell : callable
        Told where the settings are from.

    Raises
    ------
    ConfigError
        When one of them is not allowed.
    """
    kept = run.settings.upload.model_dump(exclude_defaults=True)
    options = {key: value for key, value in given.items() if value is not None}
    used = [f"{key} = {kept[key]!r}" for key in WHERE if key in kept and key not in options]
    if used:
        tell(
            f"from the copy of the configuration in {run.path / 'run.toml'}: {', '.join(used)}; --config FILE takes a "
            "newer one"
        )
    return checked(UploadSettings, {**kept, **options}, "the options")
