"""The publication in order: what there is to publish, what is there, what is missing, what an outsider sees."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from zoocut.addresses import Outsider, Served, form_problem, in_threads, media_type, sampled
from zoocut.destinations import Destination, Stored
from zoocut.error_kinds import AddressesDiffer, NotPublishable
from zoocut.ledger import Ledger
from zoocut.ledger.published import PublishedFile, PublishedFiles
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow

__all__ = ["File", "Publication", "files_of", "plan_publication", "publish"]

GROUP = 200
"""Files between two records in the ledger: a kill costs a comparison of so many, never a put."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the run and the address that it will have.

    Parameters
    ----------
    path : str
        Relative to the run folder, and to the destination.
    address : str
        Where it will be served.
    """

    path: str
    address: str


@dataclass(frozen=True, slots=True)
class Publication:
    """How a publication ended, or would.

    Parameters
    ----------
    to : str
        The destination.
    files, sent, kept, sent_bytes : int
        Files in all, those that were put (or would be), those that were there already, and the bytes put.
    failed : tuple of (str, str)
        Files that cannot be published, and why.
    checked : int
        How many addresses were read as an outsider.
    unserved : tuple of str
        What is wrong with those that did not serve what they should.
    """

    to: str
    files: int
    sent: int = 0
    kept: int = 0
    sent_bytes: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    checked: int = 0
    unserved: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut publish --json`."""
        return {
            "version": 1,
            "to": self.to,
            "files": self.files,
            "sent": self.sent,
            "kept": self.kept,
            "sent_bytes": self.sent_bytes,
            "failed": [{"path": path, "reason": why} for path, why in self.failed],
            "checked": self.checked,
            "unserved": list(self.unserved),
        }

    def raise_for_unserved(self) -> None:
        """Let a script end where addresses do not serve what they should.

        Raises
        ------
        VerificationFailed
            When some do not.
        """
        if self.unserved:
            raise AddressesDiffer(
                f"{len(self.unserved)} of {self.checked} addresses that were read do not serve what was published to "
                f"{self.to}, first: {self.unserved[0]}"
            )


def files_of(run: Run) -> list[File]:
    """List what a run publishes: each file of its rows by both of its manifests.

    Raises
    ------
    InputError
        When a manifest is missing, the two do not belong together, or an address is none that Zooniverse takes.
    """
    files = list[File]()
    for row, addressed in zip_longest(run.rows(), run.by_addresses().rows()):
        if row is None or addressed is None or not _same(row, addressed):
            raise NotPublishable(
                f"{run.manifest} and {run.urls_manifest.name} do not have the same rows: generate the run again, which "
                "draws nothing twice"
            )
        files += map(File, row.locations, addressed.locations)
    _require_addresses(files)
    return files


def _same(row: ManifestRow, addressed: ManifestRow) -> bool:
    """Whether two rows are one row of both manifests."""
    return row.external_id == addressed.external_id and len(row.locations) == len(addressed.locations)


def _require_addresses(files: Sequence[File]) -> None:
    problems = [problem for file in files if (problem := form_problem(file.address))]
    if problems:
        raise NotPublishable(
            f"{len(problems)} of {len(files)} files would have no usable address, first: {problems[0]}"
        )


def publish(
    run: Run,
    to: str,
    destination: Destination,
    ledger: Ledger,
    check: str,
    report: Callable[[int, int | None], None],
) -> Publication:
    """Put a run's files where they are served from; what is there already stays. Run it again and it goes on.

    Parameters
    ----------
    run : Run
        The run.
    to, destination : str, Destination
        Where, as the user names it and opened.
    ledger : Ledger
        Keeps what was published.
    check : str
        Which addresses are read back as an outsider: all, sample or none.
    report : callable
        Told how many files are done, and of how many.

    Raises
    ------
    ZoocutError
        When the destination cannot be used; what was put stays, and the same call goes on.
    """
    files = files_of(run)
    unique, books = _without_repeats(files), PublishedFiles(ledger)
    put = partial(_published, run.path, destination, destination.stored(), destination.put)
    ended, done, results = Publication(to, len(unique) + 1), 0, in_threads(put, unique)
    while group := list(islice(results, GROUP)):
        books.keep(destination.address, [result for _, result in group if isinstance(result, PublishedFile)])
        ended = _counted(ended, group)
        done += len(group)
        report(done, len(unique))
    ended = _counted(ended, [(_manifest(run), put(_manifest(run)))])  # last: who finds it finds what it names
    books.note(destination.address, run.settings.manifest.url_root or "")
    return _checked(ended, run, files, check)


def _without_repeats(files: Sequence[File]) -> list[File]:
    return list({file.path: file for file in files}.values())


def plan_publication(run: Run, to: str, destination: Destination) -> Publication:
    """Return what `publish` would do; nothing is written.

    Raises
    ------
    ZoocutError
        When it could not begin.
    """
    files = [*_without_repeats(files_of(run)), _manifest(run)]
    look = partial(_published, run.path, destination, destination.stored(), _put_nothing)
    return _counted(Publication(to, len(files)), list(in_threads(look, files)))


def _put_nothing(_path: str, _content: bytes, _mime: str) -> None:
    return


def _manifest(run: Run) -> File:
    return File(run.urls_manifest.name, "")


def _compared(
    folder: Path, destination: Destination, there: dict[str, Stored], file: File
) -> tuple[bytes | str, bool]:
    """Read a file and tell whether it is missing or differs at the destination; or say why it cannot be read."""
    path = os.path.realpath(folder / file.path)
    if not Path(path).is_relative_to(os.path.realpath(folder)):
        return f"{file.path} leads out of the run folder: only files inside it are published", False
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        return (
            f"{file.path} cannot be read ({error.strerror}): restore it, then run the same command again",
            False,
        )
    known, md5 = there.get(file.path), _md5(content)
    if known is None or known.size != len(content):
        return content, True
    return content, (known.md5 or destination.md5(file.path)) != md5


def _published(
    folder: Path,
    destination: Destination,
    there: dict[str, Stored],
    put: Callable[[str, bytes, str], None],
    file: File,
) -> PublishedFile | str:
    content, differs = _compared(folder, destination, there, file)
    if isinstance(content, str):
        return content
    if differs:
        put(file.path, content, media_type(file.path) or "application/octet-stream")
    return PublishedFile(file.path, len(content), _md5(content), differs)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _counted(ended: Publication, group: Sequence[tuple[File, PublishedFile | str]]) -> Publication:
    done = [result for _, result in group if isinstance(result, PublishedFile)]
    sent = [result for result in done if result.sent]
    return replace(
        ended,
        sent=ended.sent + len(sent),
        kept=ended.kept + len(done) - len(sent),
        sent_bytes=ended.sent_bytes + sum(result.size for result in sent),
        failed=(*ended.failed, *((file.path, why) for file, why in group if isinstance(why, str))),
    )


def _checked(ended: Publication, run: Run, files: Sequence[File], check: str) -> Publication:
    """Read addresses as an outsider would."""
    failed = {path for path, _ in ended.failed}
    chosen = sampled([file for file in files if file.path not in failed], check)
    outsider = Outsider()

    def look(file: File) -> str | None:
        return outsider.problem(Served(file.address, _md5((run.path / file.path).read_bytes())))

    problems = [problem for _, problem in in_threads(look, chosen) if problem]
    return replace(ended, checked=len(chosen), unserved=tuple(problems))
