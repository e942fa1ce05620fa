"""Where a night's images are published and served: in a folder of the night's own, below the configured ones."""

from __future__ import annotations

from collections.abc import Callable

from zoocut.config.settings import Settings
from zoocut.error_kinds import NightsUnclear, NotPublishable
from zoocut.run.folder import Run

__all__ = ["publish_run", "require_root", "served_from"]


def require_root(settings: Settings) -> None:
    """Refuse to send addresses where nothing tells them.

    Raises
    ------
    NightsUnclear
        When `manifest.url_root` is missing.
    """
    if settings.night.send != "images" and settings.manifest.url_root is None:
        raise NightsUnclear(
            f"night.send = '{settings.night.send}' needs manifest.url_root: the address that night.publish is served at"
        )


def served_from(settings: Settings, folder: str, send: str) -> Settings:
    """Return the settings of a night whose folder is served below `manifest.url_root`.

    Parameters
    ----------
    settings : Settings
        Of all nights.
    folder : str
        The name of the night's run folder.
    send : str
        How its images are sent.
    """
    root = settings.manifest.url_root
    if send == "images" or root is None:
        return settings
    manifest = settings.manifest.model_copy(update={"url_root": f"{root.rstrip('/')}/{folder}"})
    return settings.model_copy(update={"manifest": manifest})


def publish_run(run: Run, to: str, tell: Callable[[str], None]) -> int:
    """Put a run's images where they are served from; return how many files are there.

    Raises
    ------
    NotPublishable
        When some of them cannot be read.
    VerificationFailed
        When some are not served as they were put.
    ZoocutError
        When they may not be public, or the destination cannot be used.
    """
    from zoocut.destinations import open_destination
    from zoocut.ledger import Ledger, sole_uploader
    from zoocut.publishing import publish
    from zoocut.rights import require_rights

    for note in require_rights(run).notes:
        tell(note)
    destination, told = open_destination(to)
    if told:
        tell(told)
    with sole_uploader(run.ledger), Ledger.open(run.ledger, run.run_id) as ledger:
        ended = publish(run, to, destination, ledger, "sample", lambda done, of: None)
    if ended.failed:
        why = ended.failed[0][1]
        raise NotPublishable(
            f"{len(ended.failed)} of {ended.files} files of {run.path} were not published: {why}"
        )
    ended.raise_for_unserved()
    return ended.files
