"""Read a list to its end, whatever comes, goes or shifts meanwhile.

The API knows pages by number and no lower bound. A subject that is taken out while the pages are read moves all
later ones forward, and one of them over the border between two pages, where nobody sees it. So each page begins
at or before the last id that was seen: its offset is chosen by the size of the page, and one that begins later is
read again from further back. What is there from the beginning to the end of a pass is then seen in that pass,
because the list is sorted by id. A list that is behind, or leaves something out, is told by a second pass: only
what two of them agree about counts, or what a list shows of which nothing ever vanishes and comes back.

Pages are asked for ahead, several at once: that one begins at or before the end of another holds whichever was read
first, since ids alone say it.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, count, pairwise
from types import TracebackType
from typing import Any, Generic, TypeVar

from zoocut.id_set import IdSet
from zoocut.zooniverse.request_errors import Doubtful

__all__ = ["Keep", "Kept", "Listed", "Page", "Report", "Wanted", "read_wanted"]

SIZE = 200
"""What Zooniverse serves at most; staging cuts it to 100, workflows to 25, and each answer tells its own."""

MOST_PASSES = 6
"""A list that has not come to rest by then is told as a doubt: what is not seen in it may still be there."""

MOVING = 4
"""After as many passes a list of which nothing ever came back is held to be honest and merely busy: what the last two
passes saw together is taken for it, so that steady work of other hands is no doubt."""

MOST_STEPS_BACK = 50
"""Pages that are read again in one pass, beside those that the list has: one without an end is not read for ever."""

FIRST_PAUSE_S = 0.1
"""Between passes that do not agree; doubles, so that six passes of a short list span three seconds."""

AHEAD = 32
"""Pages asked for at once: half of what an upload asks for, so that a list of 100,000 takes seconds, not minutes."""

MOST_AHEAD = 64
"""As many while pages come as quickly as the first: 100,000 members at 100 ms a page then took 7.2 s instead of 9.3."""

SLOWED = 3.0
"""A page that takes this many times the quickest one has waited for others, at the server or for this processor."""

Wanted = Callable[[Sequence[int]], Iterable[int]]
"""Tells which of some ids something is to be kept of."""

Document = dict[str, Any]

Kept = TypeVar("Kept")

Keep = Callable[[Document], Kept | None]
"""Tells what is kept of a document that is wanted: a whole one takes some 5 kB; None where it is nothing."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Parameters
    ----------
    documents : list of dict
        Sorted by id.
    count : int
        How long the whole list is.
    size : int
        How many documents a page may hold, which may be fewer than were asked for.
    """

    documents: list[Document]
    count: int
    size: int


Read = Callable[[int, int], Page]
"""Reads the page of a number, counted from 1, at a size."""

Report = Callable[[int, int], object]
"""Told how much of a list is read, and how long it is; a list is read twice at least, each time from its beginning."""


def _unreported(read: int, length: int) -> None:
    """Tell nobody."""


def _nothing(ids: Sequence[int]) -> Iterable[int]:
    """Want none."""
    return ()


@dataclass(frozen=True, slots=True)
class Listed(Generic[Kept]):
    """A list that was read to its end.

    Parameters
    ----------
    ids : IdSet
        Of all that it holds.
    kept : mapping of int to object
        What was to be kept of those that were wanted, by their ids, in the list's order.
    """

    ids: IdSet
    kept: Mapping[int, Kept]


def read_wanted(
    read: Read,
    what: str,
    wanted: Wanted,
    keep: Keep[Kept],
    above: int | None = None,
    report: Report = _unreported,
    first_pause_s: float = FIRST_PAUSE_S,
) -> Listed[Kept]:
    """Read a list until two passes agree; of what is not wanted only the ids are kept.

    Parameters
    ----------
    read : callable
        Reads a page, sorted by id: rising, or falling when `above` is given.
    what : str
        For the message.
    wanted : callable
        Which of some ids something is to be kept of.
    keep : callable
        What that is, told of each document where its page is read, by several threads.
    above : int, optional
        Read the newest first, as far as ids are above this one.
    report : callable
        Told the progress.
    first_pause_s : float
        Between the first passes that do not agree, in seconds; doubles with each further one.

    Raises
    ------
    Doubtful
        When it does not come to rest.
    """
    passes: list[IdSet] = []
    before: Mapping[int, Kept] = {}
    for attempt in range(MOST_PASSES):
        # the first pass alone is never believed, so nothing but its ids is used
        with _Ahead(read, what, wanted if passes else _nothing, keep) as pages:
            found, told = _Pass(pages, what, above, report).run()
        passes.append(found.ids)
        if above is not None or len(found.ids) >= told:
            if _agree(passes):
                return found
            if attempt + 1 >= MOVING and not _came_back(passes):
                both = IdSet(chain(passes[-2], found.ids))
                return Listed(both, {**before, **found.kept})
        before = found.kept
        if attempt:
            time.sleep(first_pause_s * 2.0**attempt)
    raise Doubtful(
        f"the list of {what} told something else each of the {MOST_PASSES} times it was read, so what is not seen in "
        "it may be there: run the same command again later"
    )


def _agree(passes: Sequence[IdSet]) -> bool:
    """Whether the last pass saw the same as the one before, but for what is newer than all that was there then."""
    if len(passes) < 2:
        return False
    before, found = passes[-2:]
    return found.begins_as(before)


def _came_back(passes: Sequence[IdSet]) -> bool:
    """Whether something that one pass had seen was missing from the next and there again later: a list that errs."""
    gone: set[int] = set()
    for before, found in pairwise(passes):
        gone |= before.without(found)
        if any(number in found for number in gone):
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Extract(Generic[Kept]):
    """What is kept of a page: all ids, and what `keep` told of those that are wanted."""

    ids: list[int]
    kept: Mapping[int, Kept]
    count: int
    size: int


class _Ahead(Generic[Kept]):
    """Reads pages, and has those that will be wanted next read meanwhile.

    Documents that nobody wants go where they were read: kept until their page's turn comes, those of 128 pages cost
    the garbage collector as much time as reading them.
    """

    def __init__(self, read: Read, what: str, wanted: Wanted, keep: Keep[Kept]) -> None:
        self._read, self._what, self._wanted, self._keep = read, what, wanted, keep
        self._workers: ThreadPoolExecutor | None = None
        self._asked: dict[tuple[int, int], Future[_Extract[Kept]]] = {}
        self._quickest_s = self._latest_s = float("inf")
        self._room = _room()

    def __enter__(self) -> _Ahead[Kept]:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if self._workers is not None:
            self._workers.shutdown(wait=kind is None, cancel_futures=True)

    def page(self, number: int, size: int) -> _Extract[Kept]:
        """Return a page, which may have been asked for before."""
        asked = self._asked.pop((number, size), None)
        return self._extract(number, size) if asked is None else asked.result()

    @property
    def most(self) -> int:
        """How many pages may be asked for at once."""
        return self._room if self._latest_s < SLOWED * self._quickest_s else AHEAD

    def _extract(self, number: int, size: int) -> _Extract[Kept]:
        began = time.monotonic()
        page = self._read(number, size)
        self._latest_s = time.monotonic() - began
        self._quickest_s = min(self._quickest_s, self._latest_s)
        try:
            ids = array("q", [int(document["id"]) for document in page.documents]).tolist()
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise Doubtful(f"a list of {self._what} holds something without an id: run again") from error
        wanted = set(self._wanted(ids))
        kept = {
            one: told
            for one, document in zip(ids, page.documents, strict=True)
            if one in wanted and (told := self._keep(document)) is not None
        }
        return _Extract(ids, kept, page.count, page.size)

    def expect(self, covered: int, size: int, length: int, most: int) -> None:
        """Ask for the pages that follow when `covered` documents are seen and every page is full."""
        wanted: list[tuple[int, int]] = []
        while covered < length and len(wanted) < most:
            number, largest = _window(covered - 1, size)
            wanted.append((number, largest))
            covered = number * largest
        if len(wanted) < 2:  # a thread for one page is of no use
            return
        if self._workers is None:
            self._workers = ThreadPoolExecutor(MOST_AHEAD, thread_name_prefix="zoocut-list")
        for window in wanted:
            if window not in self._asked:
                self._asked[window] = self._workers.submit(self._extract, *window)


def _room() -> int:
    """Return `MOST_AHEAD` where four times as many files may be open: two lists are read at once, beside all else."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST_AHEAD
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_AHEAD if most == resource.RLIM_INFINITY or most >= 4 * MOST_AHEAD else AHEAD


class _Pass(Generic[Kept]):
    """One way through a list."""

    def __init__(self, pages: _Ahead[Kept], what: str, above: int | None, report: Report) -> None:
        self._pages, self._what, self._above, self._report = pages, what, above, report
        self._ids_seen = array("q")
        self._found: dict[int, Kept] = {}
        self._edge: int | None = None
        self._covered = 0
        self._overlap = 1
        self._size = SIZE
        self._ahead = AHEAD if above is None else 1

    def run(self) -> tuple[Listed[Kept], int]:
        """Go to the end; tell what was found, and how long the server says that the list is."""
        for asked in count():
            number, size = _window(self._covered - self._overlap, self._size)
            page = self._pages.page(number, size)
            if asked > MOST_STEPS_BACK + 4 * page.count // page.size:
                break
            offset = (number - 1) * size
            if page.size < size:  # the server's pages are smaller
                self._size, self._covered, offset = page.size, 0, (number - 1) * page.size
                if number > 1:
                    self._edge = None
                    continue
            self._require_sorted(page)
            if offset and self._begins_too_late(page.ids):
                self._overlap = min(self._covered, 4 * self._overlap)
                continue
            if self._take(page, offset):
                return Listed(IdSet(self._ids_seen), self._found), page.count
            self._report(self._covered, page.count)
            self._pages.expect(self._covered, self._size, page.count, self._ahead)
            # the newest may be few, and their end is not known before
            self._ahead = min(self._pages.most, 2 * self._ahead)
        raise Doubtful(
            f"the list of {self._what} shrinks or grows faster than it can be read: run again later"
        )

    def _require_sorted(self, page: _Extract[Kept]) -> None:
        # a list of one page needs no order, and some have none
        one_page = page.count <= len(page.ids) and not self._covered
        if not one_page and page.ids != sorted(page.ids, reverse=self._above is not None):
            raise Doubtful(f"a list of {self._what} is not sorted by id, as it was asked for: run again")

    def _begins_too_late(self, ids: list[int]) -> bool:
        """Whether something may lie between what was seen and what this page begins with."""
        if self._edge is None:
            return False
        return not ids or (ids[0] > self._edge if self._above is None else ids[0] < self._edge)

    def _take(self, page: _Extract[Kept], offset: int) -> bool:
        """Take a page in; tell whether the list ends here."""
        ids = page.ids if self._above is None else [number for number in page.ids if number > self._above]
        self._ids_seen.extend(ids)
        self._found.update((number, page.kept[number]) for number in ids if number in page.kept)
        self._overlap = 1
        self._covered = offset + len(ids)
        self._edge = ids[-1] if ids else None
        return len(ids) < max(page.size, len(page.ids))


@lru_cache(maxsize=8 * MOST_AHEAD)  # each is asked for as often as pages are read ahead
def _window(start: int, largest: int) -> tuple[int, int]:
    """Choose number and size of the page that begins at or before `start` and ends as late as it can."""
    if start <= 0:
        return 1, largest
    size = max(range(largest, largest // 2, -1), key=lambda size: start // size * size + size)
    return start // size + 1, size
