"""Media that are attached to a subject beside its own: what its Talk page shows as ancillary data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from zoocut.zooniverse.api import PAGE_SIZE, Api, Document, single
from zoocut.zooniverse.request_errors import Refused, malformed_is_doubtful

__all__ = ["Medium", "SubjectMedia"]

KEY = "zoocut"
"""The key of a medium's metadata that tells whose it is."""


@dataclass(frozen=True, slots=True)
class Medium:
    """A medium of a subject.

    Parameters
    ----------
    media_id : str
        Its number at the server.
    key : str
        Whose it is; empty for what others have attached.
    address : str
        Where it is served; right after it was made, where its bytes are put.
    """

    media_id: str
    key: str
    address: str


class SubjectMedia:
    """What a Panoptes server has attached to subjects; each request is sent once.

    Parameters
    ----------
    api : Api
        The server.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def attached_to(self, subject_id: str) -> list[Medium]:
        """List what is attached to a subject."""
        path, params = _path(subject_id), {"page_size": str(PAGE_SIZE)}
        try:
            return [_medium(one) for one in self._api.page(path, "media", params)]
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:  # which is how the server says that there is none
                return []
            raise

    def attach(self, subject_id: str, mime: str, key: str) -> Medium:
        """Make room for a medium; its bytes go to the address that comes back, which is told only here.

        Raises
        ------
        Refused
            With status 404 when the subject is gone or not this account's to change.
        NotNow
            When it cannot be told whether it was made, or it surely was not.
        """
        body: Mapping[str, Any] = {"media": {"content_type": mime, "metadata": {KEY: key}}}
        return _medium(single(self._api.unrepeatable("POST", _path(subject_id), body), "media"))

    def detach(self, subject_id: str, media_id: str) -> None:
        """Take a medium away; one that is gone is fine."""
        path = f"{_path(subject_id)}/{media_id}"
        try:
            etag = self._api.repeatable("GET", path).etag
            self._api.repeatable("DELETE", path, etag=etag)
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise


def _path(subject_id: str) -> str:
    return f"/subjects/{subject_id}/attached_images"


@malformed_is_doubtful("attached media")
def _medium(document: Document) -> Medium:
    metadata = document.get("metadata") or {}
    return Medium(str(int(document["id"])), str(metadata.get(KEY, "")), str(document["src"]))
