"""What was published of a run, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zoocut.ledger.book import Ledger

__all__ = ["PublishedFile", "PublishedFiles"]


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file that is at its destination.

    Parameters
    ----------
    path : str
        Relative to the run folder, and to the destination.
    size : int
        Its bytes.
    md5 : str
        Its checksum.
    sent : bool
        Whether it was put now; else it was there.
    """

    path: str
    size: int
    md5: str
    sent: bool


class PublishedFiles:
    """The part of a ledger that knows what was published.

    Parameters
    ----------
    ledger : Ledger
        Open; to be written to for `keep` and `note`.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def keep(self, destination: str, files: Iterable[PublishedFile]) -> None:
        """Note files that are at a destination."""
        with self._ledger.transaction() as write:
            write.executemany(
                "INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?)",
                [(destination, file.path, file.size, file.md5) for file in files],
            )

    def note(self, destination: str, url_root: str) -> None:
        """Note that everything was published, to be served at `url_root`."""
        with self._ledger.transaction() as write:
            write.execute("INSERT OR REPLACE INTO publications VALUES (?, ?)", (destination, url_root))

    def destination(self, url_root: str) -> str | None:
        """Return where what is served at `url_root` was published to; None when it was not."""
        found = self._ledger.query(
            "SELECT destination FROM publications WHERE url_root = ? ORDER BY rowid DESC LIMIT 1", url_root
        )
        return str(found[0][0]) if found else None
