"""Ids and texts by the million, against what Python's own set and dict say."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from zoocut.id_set import IdSet
from zoocut.text_store import TextStore

SOME = st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 9))
NUMBERS = SOME | SOME.map(sorted) | SOME.map(lambda some: sorted(some, reverse=True))


@given(NUMBERS, NUMBERS, st.integers(0, 12))
def test_ids(some: list[int], others: list[int], bound: int) -> None:
    known = IdSet(array("q", some)) if bound % 2 else IdSet(some)
    assert list(known) == sorted(set(some))
    assert (len(known), known.highest) == (len(set(some)), max(some, default=0))
    assert [number in known for number in others] == [number in set(some) for number in others]
    assert list(known.lacking(others)) == [number for number in others if number not in set(some)]
    assert not known.lacking(sorted(set(some), reverse=True)[bound:])
    assert known.begins_as(IdSet(others)) == (
        {one for one in some if not others or one <= max(others)} == set(others)
    )
    assert known.begins_as(IdSet(sorted(set(some))[:bound])) == (bound > 0 or not some)
    assert known.without(IdSet(others)) == set(some) - set(others)
    assert (known == IdSet(others)) == (set(some) == set(others))
    assert "7" not in known


NAMES = st.sampled_from(["7", "07", "٧", "", "x", "9" * 18, "9" * 30, "ZTF18abc", "\udc80"]) | st.text()


@given(st.lists(st.tuples(NAMES, st.text())), st.lists(st.tuples(NAMES, st.text())), NAMES)
def test_texts(first: list[tuple[str, str]], later: list[tuple[str, str]], asked: str) -> None:
    store = TextStore()
    known: dict[str, str] = {}
    for some in (first, later):  # what is read in between hinders no adding
        for name, text in some:
            if "\0" not in name:
                store.add(name, text)
                known.setdefault(name, text)
        assert store.get(asked) == known.get(asked)
        assert {name: store[name] for name in known} == known
    assert (asked in store) == (asked in known)
    assert list(dict.fromkeys(store)) == list(known)
