"""Exports of classifications: asking for one, and what the server says of it.

Panoptes makes an export in a job of its own and keeps one a workflow, replacing the last. A job is started at
most once a day; what is asked for sooner is thrown away without a word, and the export says `creating` for ever
(`RateLimitDumpWorker` in Panoptes). So whoever waits looks at the time it was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from zoocut.error_kinds import NoRole
from zoocut.zooniverse.api import Document, single
from zoocut.zooniverse.request_errors import Doubtful, Refused, malformed_is_doubtful
from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["Export", "ExportAdmin"]


@dataclass(frozen=True, slots=True)
class Export:
    """An export as the server holds it.

    Parameters
    ----------
    state : str
        `creating`, `ready`, `failed` or `requeued`.
    updated_at : float
        When it was asked for or made, in seconds of the server's clock since 1970.
    url : str
        A signed address of the file, good for minutes; it holds the last export until the new one is ready.
    """

    state: str
    updated_at: float
    url: str = field(repr=False)

    @property
    def ready(self) -> bool:
        """Whether the file is the one that was asked for."""
        return self.state == "ready"


class ExportAdmin:
    """What those ask of a Panoptes server who have a project's exports made.

    Parameters
    ----------
    sets : SetAdmin
        The server, for what looking after sets asks of it.
    """

    def __init__(self, sets: SetAdmin) -> None:
        self.sets = sets
        self._api = sets.panoptes.api

    def now(self) -> float:
        """Return this process's time in seconds since 1970."""
        return self._api.clock.now()

    def export(self, workflow_id: str) -> Export | None:
        """Read what there is of a workflow's classification export; None when it was never asked for.

        Raises
        ------
        Refused
            When this account may not have it.
        """
        try:
            return _export(self._api.one(_path(workflow_id), "media"))
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def ask_for_export(self, workflow_id: str) -> Export | None:
        """Ask for a new classification export of a workflow.

        Returns
        -------
        Export or None
            What the server answers; None when the answer was lost, so that looking again has to tell.

        Raises
        ------
        NotPermitted
            When this account may not ask.
        Refused
            When the server will make none now; its words say when.
        """
        body = {"media": {"content_type": "text/csv"}}
        try:
            return _export(single(self._api.unrepeatable("POST", _path(workflow_id), body), "media"))
        except Doubtful:
            return None
        except Refused as error:
            if error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
                raise NoRole(
                    f"this account may not ask for exports of workflow {workflow_id} ({error}): that takes an owner "
                    "or collaborator of its project"
                ) from error
            raise

    def workflow_versions(self, workflow_id: str) -> Iterator[Mapping[str, Any]]:
        """Yield the tasks and texts of each version of a workflow that the server tells.

        Yields
        ------
        mapping
            `major_number`, `minor_number`, `tasks` and `strings`.
        """
        try:
            yield from self._api.pages(
                "/workflow_versions", "workflow_versions", {"workflow_id": workflow_id}
            )
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            yield _present_version(self._api.one(f"/workflows/{workflow_id}", "workflows"))


def _path(workflow_id: str) -> str:
    return f"/workflows/{workflow_id}/classifications_export"


@malformed_is_doubtful("an export")
def _export(document: Document) -> Export:
    state = str(document["metadata"].get("state") or "")
    return Export(state, datetime.fromisoformat(document["updated_at"]).timestamp(), str(document["src"]))


@malformed_is_doubtful("a workflow")
def _present_version(document: Document) -> Mapping[str, Any]:
    major, _, minor = str(document["version"]).partition(".")
    return {"major_number": major, "minor_number": minor or "0", "tasks": document["tasks"], "strings": {}}
