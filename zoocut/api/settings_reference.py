"""Every setting that there is, with its meaning."""

from __future__ import annotations

from zoocut.config.reference import Setting, settings_of
from zoocut.config.settings import Settings
from zoocut.media.registry import media_sections

__all__ = ["every_setting"]


def every_setting() -> list[Setting]:
    """Return all keys that a configuration may have, those of zoocut's own media at the end.

    Returns
    -------
    list of Setting
        The sections in alphabetical order of their first part, each in the order of its model.
    """
    own = [one for one in settings_of(Settings) if one.key != "media"]
    media = [one for name, model in media_sections() for one in settings_of(model, f"media.{name}.")]
    return sorted([*own, *media], key=lambda one: one.key.partition(".")[0])
