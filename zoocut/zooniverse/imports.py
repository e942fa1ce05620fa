"""Server-side imports of manifests, and the pages of a set that prove them."""

from __future__ import annotations

from dataclasses import dataclass

from zoocut.zooniverse.api import PAGE_SIZE, Document, single
from zoocut.zooniverse.panoptes import Panoptes
from zoocut.zooniverse.records import Subject
from zoocut.zooniverse.request_errors import malformed_is_doubtful

__all__ = ["ImportAdmin", "ImportDocument"]

PATH, KIND = "/subject_set_imports", "subject_set_imports"


@dataclass(frozen=True, slots=True)
class ImportDocument:
    """An import as the server tells of it; its counts may be stale.

    Parameters
    ----------
    import_id, source_url : str
        Its number, and the manifest it was asked to read.
    rows, done, failed : int
        Rows of the manifest, those that were gone through, and those of them that failed.
    """

    import_id: str
    source_url: str
    rows: int
    done: int
    failed: int

    @property
    def finished(self) -> bool:
        """Whether the server says that all rows were gone through."""
        return 0 < self.rows <= self.done


class ImportAdmin:
    """Imports at one server.

    Parameters
    ----------
    panoptes : Panoptes
        The server.
    """

    def __init__(self, panoptes: Panoptes) -> None:
        self._panoptes, self._retrying = panoptes, panoptes.retrying()

    def create(self, set_id: str, source_url: str) -> ImportDocument:
        """Ask for one import, once.

        Raises
        ------
        Refused
            403 with the limit in its words when there are too many rows, 422 when the manifest is not to be had.
        NotNow
            As `zoocut.zooniverse.request_errors` says; after `Doubtful` the import may have begun.
        """
        body = {"source_url": source_url, "links": {"subject_set": set_id}}
        return _document(single(self._panoptes.api.unrepeatable("POST", PATH, {KIND: body}), KIND))

    def of_set(self, set_id: str) -> list[ImportDocument]:
        """List the imports into a set."""
        return [_document(one) for one in self._retrying.api.pages(PATH, KIND, {"subject_set_id": set_id})]

    def find(self, import_id: str) -> ImportDocument:
        """Read one import."""
        return _document(self._retrying.api.one(f"{PATH}/{import_id}", KIND))

    def members(self, set_id: str, page: int) -> tuple[list[Subject], int]:
        """Read one page of a set by id, counted from 1, and how many subjects the set has."""
        params = {"subject_set_id": set_id, "sort": "id", "page": str(page), "page_size": str(PAGE_SIZE)}
        documents, count = self._retrying.api.page_and_count("/subjects", "subjects", params)
        return [self._retrying.subject_of(one) for one in documents], count


@malformed_is_doubtful("an import")
def _document(document: Document) -> ImportDocument:
    return ImportDocument(
        str(int(document["id"])),
        str(document["source_url"]),
        int(document["manifest_count"]),
        int(document["imported_count"]),
        int(document["failed_count"]),
    )
