"""Lists that move while they are read: what is there all the time is seen, and what errs is a doubt."""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable
from itertools import count
from threading import Barrier
from typing import ClassVar

import pytest

from zoocut.zooniverse.lists import MOST_AHEAD, Document, Page, Read, read_wanted
from zoocut.zooniverse.request_errors import Doubtful


def served(
    items: set[int], before_each: Callable[[], object], *, falling: bool = False, cap: int = 100
) -> Read:
    def read(number: int, size: int) -> Page:
        before_each()
        size = min(size, cap)
        found = sorted(items, reverse=falling)[(number - 1) * size : number * size]
        return Page([{"id": str(one)} for one in found], len(items), size)

    return read


def ids(read: Read, above: int | None = None) -> set[int]:
    return set(read_wanted(read, "subjects", lambda ids: ids, itself, above, first_pause_s=0.0).kept)


def itself(document: Document) -> Document:
    return document


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("cap", [25, 100, 200])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_there_all_the_time_is_seen(seed: int, cap: int, falling: bool) -> None:
    dice = random.Random(seed)
    items = set(dice.sample(range(1, 100_000), 700))
    stay = set(dice.sample(sorted(items), 400))
    going, coming = sorted(items - stay), iter(range(100_000, 101_000))

    def move() -> None:
        for _ in range(dice.randrange(3)):
            if going and dice.random() < 0.7:
                items.discard(going.pop(dice.randrange(len(going))))
            elif not going:
                return
            else:
                items.add(next(coming))

    found = ids(served(items, move, falling=falling, cap=cap), 0 if falling else None)
    assert stay <= found


@pytest.mark.parametrize("above", [0, 1, 99, 100, 101, 199, 200, 298, 299, 300])
def test_the_newest_are_those_above_a_number(above: int) -> None:
    items = set(range(1, 301))
    assert ids(served(items, lambda: None, falling=True), above) == {one for one in items if one > above}


@pytest.mark.parametrize("one", ["", None, "12a", [], str(2**63), str(-(2**64))])
def test_what_has_no_id_of_the_server_is_a_doubt(one: object) -> None:
    with pytest.raises(Doubtful, match="holds something without an id"):
        ids(lambda number, size: Page([{"id": "1"}, {"id": one}], 2, size))


@pytest.mark.parametrize("taken_out_after", [1, 2])
def test_a_member_taken_out_hides_no_other(taken_out_after: int) -> None:
    items, calls = set(range(1, 131)), iter(range(1000))

    def move() -> None:
        if next(calls) == taken_out_after:
            items.difference_update(range(1, 21))

    assert set(range(21, 131)) <= ids(served(items, move))


def test_a_list_that_skips_now_and_then_is_read_until_it_agrees() -> None:
    items, calls = set(range(1, 251)), iter(range(1000))

    def read(number: int, size: int) -> Page:
        whole = served(items, lambda: None)(number, size)
        kept = [one for one in whole.documents if one["id"] != "7"] if next(calls) == 0 else whole.documents
        return Page(kept, whole.count, whole.size)

    assert ids(read) == items


def test_a_list_that_never_comes_to_rest_is_a_doubt() -> None:
    dice = random.Random(1)
    all_of_them = range(1, 200)

    def read(number: int, size: int) -> Page:
        some = sorted(dice.sample(all_of_them, 90))
        return Page([{"id": str(one)} for one in some], 90, 100)

    with pytest.raises(Doubtful, match="what is not seen in it may be there"):
        read_wanted(read, "subjects", lambda ids: ids, itself, first_pause_s=0.0)


@pytest.mark.parametrize("falling", [False, True])
def test_a_long_list_is_read_several_pages_at_once_and_hardly_more_than_its_pages(falling: bool) -> None:
    calls = count()
    pair = Barrier(2)

    def meet() -> None:
        if 10 <= next(calls) < 42:  # no page of these comes unless another one is under way
            pair.wait(240)

    assert len(ids(served(set(range(1, 10_001)), meet, falling=falling), 0 if falling else None)) == 10_000
    assert next(calls) <= 2 * 100 * 1.15


class Counted(dict[str, str]):
    """A document of which it is known how many there are."""

    alive: ClassVar[set[int]] = set()
    most: ClassVar[int] = 0

    def __init__(self, number: int) -> None:
        super().__init__(id=str(number))
        self.alive.add(number_of := next(serial))
        Counted.most = max(Counted.most, len(self.alive))
        weakref.finalize(self, self.alive.discard, number_of)


serial = count()


@pytest.mark.parametrize("falling", [False, True])
def test_what_is_not_to_be_kept_goes_with_its_page(falling: bool) -> None:
    """However long a list is, no more documents are in memory than pages are asked for at once."""
    Counted.alive.clear()
    Counted.most = 0
    whole = served(set(range(1, 20_001)), lambda: None, falling=falling)

    def read(number: int, size: int) -> Page:
        page = whole(number, size)
        return Page([Counted(int(one["id"])) for one in page.documents], page.count, page.size)

    def every_thousandth(document: Document) -> str | None:
        return document["id"] if int(document["id"]) % 1000 == 0 else None

    above = 0 if falling else None
    found = read_wanted(read, "subjects", lambda ids: ids, every_thousandth, above, first_pause_s=0.0)
    assert list(found.kept) == sorted(range(1000, 20_001, 1000), reverse=falling)
    assert len(found.ids) == 20_000
    assert Counted.most <= (MOST_AHEAD + 1) * 100
    assert not Counted.alive


def test_what_only_the_first_pass_saw_is_not_kept() -> None:
    """The last of two passes that agree is what counts, as it is now."""
    seen = list[str]()

    def keep(document: Document) -> str:
        seen.append(document["id"])
        return f"{document['id']} as read {len(seen)}"

    found = read_wanted(served({1, 2}, lambda: None), "subjects", lambda ids: ids, keep, first_pause_s=0.0)
    assert (found.kept, seen) == ({1: "1 as read 1", 2: "2 as read 2"}, ["1", "2"])
