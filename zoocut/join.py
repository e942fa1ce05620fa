"""The way back: a classification export of Zooniverse gets each row's diaSourceId and catalog columns.

The export is read and written as a stream, so its length does not matter; the sources are kept as encoded
lines in a temporary file. Ids are compared as text, never as floating-point numbers.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoocut.delimited import DelimitedText
from zoocut.error_kinds import BadExport, MissingColumn, NothingInside, UnreadableFile, WrongOutput
from zoocut.files import appear_whole
from zoocut.ledger.uploaded import as_uploaded, uploaded_subjects
from zoocut.metadata_keys import bare_name
from zoocut.run.folder import Run
from zoocut.run.known import known_columns, read_known
from zoocut.text_store import TextStore
from zoocut.values import exact_id

__all__ = ["Joined", "Sources", "join", "load_sources"]

SUBJECT_COLUMNS = ("subject_ids", "subject_id")
ADDED = ("diaSourceId", "join")
JOINED = "joined"
MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of some runs, to be looked up.

    Parameters
    ----------
    columns : tuple of str
        The catalog's columns, without the id.
    lines : mapping of str to str
        The id to its columns as CSV text.
    subjects : mapping of str to str
        The subject's id to the diaSourceId it was uploaded for, as the ledgers know.
    numbered : bool
        Whether all ids are whole numbers.
    """

    columns: tuple[str, ...]
    lines: Mapping[str, str] = field(repr=False)
    subjects: Mapping[str, str] = field(repr=False)
    numbered: bool = True


@dataclass(slots=True)
class Joined:
    """What came of it.

    Parameters
    ----------
    outcomes : Counter of str
        How many rows by outcome: `joined`, or why not.
    unread_lines : list of int
        Lines with another number of cells than the header, which are left out: the first ones.
    recognised : str
        How the export is written, where that is not UTF-8 separated by commas.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    unread_lines: list[int] = field(default_factory=list)
    recognised: str = ""

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return self.outcomes.total()

    @property
    def whole(self) -> bool:
        """Whether every row found its source."""
        return self.outcomes[JOINED] == self.rows


class _Line:
    """Takes one encoded CSV line at a time from a csv.writer."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def load_sources(runs: Sequence[Run], wanted: Sequence[str] = (), endpoint: str | None = None) -> Sources:
    """Read what the runs know about their sources and subjects.

    Parameters
    ----------
    runs : sequence of Run
        Where a source is in several, the first one counts.
    wanted : sequence of str
        The catalog columns to take; all when empty.
    endpoint : str, optional
        The server that the export comes from; needed only when the runs went to several, whose subject ids
        have nothing to do with each other.

    Raises
    ------
    InputError
        When a run has no sources, a wanted column is not there, or the server is ambiguous.
    """
    runs = [as_uploaded(run) for run in runs]
    columns = _columns(runs, wanted)
    line = _Line()
    encoder = csv.writer(line, lineterminator="")
    lines, numbered = TextStore(), True
    names: dict[Path, dict[str, str]] = {}
    for run in runs:
        for row in read_known(run):
            encoder.writerow([_text(row.columns.get(name)) for name in columns])
            lines.add(row.dia_source_id, line.text)
            numbered = numbered and row.dia_source_id.isascii() and row.dia_source_id.isdecimal()
            if row.external_id != row.dia_source_id:
                names.setdefault(run.ledger, {})[row.external_id] = row.dia_source_id
    if not lines:
        raise NothingInside(
            f"{runs[0].path} has no rows: give a run that has sources, or a manifest with rows"
        )
    return Sources(columns, lines, _subjects(runs, names, endpoint), numbered)


def _columns(runs: Sequence[Run], wanted: Sequence[str]) -> tuple[str, ...]:
    known = dict.fromkeys(name for run in runs for name in known_columns(run))
    for name in wanted:
        if name not in known:
            raise MissingColumn(f"the runs have no column {name}: choose from {', '.join(known)}")
    return tuple(wanted or known)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _subjects(
    runs: Sequence[Run], names: Mapping[Path, Mapping[str, str]], endpoint: str | None
) -> TextStore:
    """Return the source of each uploaded subject, which a manifest may call its row by another name than."""
    found = TextStore()
    for one in uploaded_subjects([run.ledger for run in runs], endpoint):
        found.add(one.subject_id, names.get(one.ledger, {}).get(one.external_id, one.external_id))
    return found


def join(
    classifications: Path,
    output: Path,
    sources: Sources,
    key: str = "diaSourceId",
    encoding: str | None = None,
) -> Joined:
    """Write the export again with three kinds of columns added: the id, how it was found, the catalog's.

    A row whose source cannot be told keeps its cells, gets empty ones, and says why in the column `join`.

    Parameters
    ----------
    classifications : Path
        A classification export of Zooniverse (CSV), or any CSV with a column `subject_ids` or `subject_id`.
    output : Path
        The file to make or replace.
    sources : Sources
        As `load_sources` gives them.
    key : str
        The metadata key that holds the id, without prefix; capitals do not matter.
    encoding : str, optional
        The export's encoding, where it is neither UTF-8 nor UTF-16.

    Raises
    ------
    InputError
        When the export is missing, has none of the needed columns, or is also the output.
    """
    if output.exists() and output.samefile(classifications):
        raise WrongOutput(f"{output} is the export itself: give another file to write to")
    try:
        with DelimitedText(classifications, encoding) as export:
            joined = Joined(recognised=export.told)
            finder = _Finder(classifications, export.header, sources, key)
            with appear_whole(output) as part, part.open("w", encoding="utf-8", newline="") as file:
                file.writelines(_lines(export, finder, sources, joined))
    except OSError as error:
        raise UnreadableFile(
            f"{classifications} cannot be read ({error.strerror}): give the export's file"
        ) from error
    return joined


def _lines(export: DelimitedText, finder: _Finder, sources: Sources, joined: Joined) -> Iterator[str]:
    header = export.header
    line = _Line()
    encoder = csv.writer(line, lineterminator="")
    encoder.writerow([*header, *_distinct([*ADDED, *sources.columns], header)])
    yield line.text + "\n"
    nothing = "," * (len(sources.columns) - 1)
    for row in export.lines():
        if len(row.cells) != len(header):
            _note_unread(joined, row.number)
            continue
        identity, problem = finder.identify(row.cells)
        tail = sources.lines.get(identity)
        outcome = problem or (JOINED if tail is not None else "diaSourceId is not in the run")
        joined.outcomes[outcome] += 1
        encoder.writerow([*row.cells, identity, outcome])
        yield f"{line.text},{tail or nothing}\n" if sources.columns else f"{line.text}\n"


def _distinct(added: Iterable[str], header: Sequence[str]) -> list[str]:
    return [f"catalog_{name}" if name in header else name for name in added]


def _note_unread(joined: Joined, line: int) -> None:
    joined.outcomes["the row has another number of cells than the header: left out"] += 1
    if len(joined.unread_lines) < MOST_LINES:
        joined.unread_lines.append(line)


class _Finder:
    """Tells which source a row of the export is about."""

    def __init__(self, path: Path, header: Sequence[str], sources: Sources, key: str) -> None:
        self._data_at = header.index("subject_data") if "subject_data" in header else None
        self._subject_at = next((header.index(name) for name in SUBJECT_COLUMNS if name in header), None)
        self._subjects = sources.subjects
        self._known = sources.lines
        self._takes_names = not sources.numbered
        self._key = bare_name(key)
        self._decode = json.JSONDecoder(parse_float=str).decode
        if self._data_at is None and self._subject_at is None:
            raise BadExport(
                f"{path} has neither subject_data nor subject_ids in its first line: give a classification "
                "export"
            )

    def identify(self, row: Sequence[str]) -> tuple[str, str]:
        """Return the id as text, empty when unknown, and what is wrong, empty when nothing is."""
        uploaded = self._uploaded(row)
        told, problem = self._told(row)
        if uploaded and told and uploaded != told:
            return "", "subject_data names another source than the ledger"
        return (uploaded, "") if uploaded else (told, problem)

    def _uploaded(self, row: Sequence[str]) -> str:
        return "" if self._subject_at is None else self._subjects.get(row[self._subject_at].strip(), "")

    def _told(self, row: Sequence[str]) -> tuple[str, str]:
        if self._data_at is None:
            return "", "subject is not in the ledger"
        try:
            subjects = self._decode(row[self._data_at])
            found = {
                str(value).strip()
                for metadata in subjects.values()
                for name, value in metadata.items()
                if bare_name(name) == self._key and value is not None
            }
        except (ValueError, AttributeError, RecursionError):
            return "", "subject_data is broken"
        return self._only(found, len(subjects))

    def _only(self, found: set[str], subjects: int) -> tuple[str, str]:
        if len(found) > 1 or subjects > 1:
            return "", "several subjects or ids in one row"
        if not found or found == {""}:
            return "", "subject has no diaSourceId"
        (identity,) = found
        if identity in self._known or self._takes_names:
            return identity, ""
        try:
            return str(exact_id(identity)), ""
        except ValueError:
            return "", "diaSourceId is not a whole number"
