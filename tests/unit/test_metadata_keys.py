"""Metadata keys mean the same thing under every prefix, and a run's subjects are told by their key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoocut.metadata_keys import (
    SubjectKey,
    bare_name,
    index_name,
    seen_by,
    sent_name,
    source_of,
    values_of,
)


@pytest.mark.parametrize(
    "key", ["Band", "#band", "//BAND", "!Band", "%band", "&band", "# band", "%#Band", " band "]
)
def test_prefix_and_capitals_are_no_part_of_a_name(key: str) -> None:
    assert bare_name(key) == "band"
    assert values_of({"other": "x", key: " g "}, "Band") == values_of({key: "g"}, "#band") == ["g"]


@pytest.mark.parametrize(
    ("metadata", "values"),
    [
        ({}, []),
        ({"band": " "}, []),
        ({"bands": "g", "#bands": "g"}, []),
        ({"band": "g", "#Band": "g "}, ["g"]),
        ({"band": "g", "#Band": "r"}, ["g", "r"]),
        ({"band": 7}, ["7"]),
    ],
)
def test_the_values_of_a_key(metadata: dict[str, object], values: list[str]) -> None:
    assert values_of(metadata, "Band") == values


@pytest.mark.parametrize(
    ("metadata", "external_id", "source"),
    [
        ({"#diasourceid": "170"}, "mine", "170"),
        ({"!diaSourceId": " 170 "}, "", "170"),
        ({"diaSourceId": 170, "#DIASOURCEID": "170"}, "mine", "170"),
        ({"diaSourceId": "170", "#diaSourceId": "171"}, "mine", "mine"),
        ({"diaSourceId": ""}, "mine", "mine"),
        ({"source": "170"}, "", ""),
    ],
)
def test_which_source_a_subject_shows(metadata: dict[str, object], external_id: str, source: str) -> None:
    assert source_of(metadata, external_id) == source


@pytest.mark.parametrize(
    ("key", "sent", "index", "who"),
    [
        ("%band", "band", "band", "everyone"),
        ("%%band", "band", "band", "everyone"),
        ("band%", "band%", None, "everyone"),
        ("#band", "#band", None, "nobody"),
        ("//band", "//band", None, "nobody"),
        ("!band", "!band", None, "talk"),
        ("/band", "/band", None, "everyone"),
    ],
)
def test_what_zooniverse_gets_and_who_sees_it(key: str, sent: str, index: str | None, who: str) -> None:
    assert (sent_name(key), index_name(key), seen_by(key)) == (sent, index, who)


words = st.text(st.characters(exclude_characters="/", exclude_categories=("Cs",)), min_size=1)


@given(
    run_id=words, set_id=st.integers(1, 10**9).map(str), name=st.text(), sha256=st.text("0123456789abcdef")
)
def test_a_key_is_read_as_it_was_written(run_id: str, set_id: str, name: str, sha256: str) -> None:
    key = SubjectKey.of(run_id, set_id, name, sha256)
    read = SubjectKey.read(str(key))
    assert read == key
    assert read.belongs_to(run_id, set_id)
    assert not read.belongs_to(run_id, set_id + "0")
    assert not read.belongs_to(run_id + "0", set_id)
    assert str(key).startswith(SubjectKey.start(run_id, set_id))


@pytest.mark.parametrize("text", ["", "x", "a/5", "a/5/1700", "a/b/1700/abc", "/5/1700/abc", "a//1700/abc"])
def test_what_is_no_key(text: str) -> None:
    assert SubjectKey.read(text) is None


def test_a_key_with_slashes_in_its_row() -> None:
    key = SubjectKey.read("r1/5/a/b/c/0123456789ab")
    assert key == SubjectKey("r1", "5", "a/b/c", "0123456789ab")


def test_a_key_without_a_value_tells_nothing() -> None:
    """As an import stores empty cells."""
    assert values_of({"diaSourceId": None, "#diasourceid": "7"}, "diaSourceId") == ["7"]
    assert source_of({"!diaSourceId": None}, "12") == "12"
    assert values_of({"band": None}, "band") == []
