"""One rule for ids, numbers and flags, however they are written."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoocut.values import exact_id, file_stem, flag_of, formatted, id_key, number_of, text_id


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("0", 0),
        (" 17 ", 17),
        ("9223372036854775807", 2**63 - 1),
        (2**63 - 1, 2**63 - 1),
        (12.0, 12),
        ("7", 7),
    ],
)
def test_ids(cell: Any, number: int) -> None:
    assert exact_id(cell) == number


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("", "is missing"),
        ("  ", "is missing"),
        (None, "is missing"),
        (float("nan"), "is missing"),
        ("1234_1", "id_kind = 'text'"),
        ("１２３", "id_kind = 'text'"),
        ("007", "without leading zeros"),
        ("+5", "digits alone"),
        ("5.0", "digits alone"),
        ("1e5", "digits alone"),
        ("0x1f", "digits alone"),
        ("1 2", "digits alone"),
        ("cand-0001", "id_kind = 'text'"),
        ("-5", "not between 0 and"),
        ("9223372036854775808", "not between 0 and"),
        ("9" * 5000, "not between 0 and"),
        (2**63, "not between 0 and"),
        (-1, "not between 0 and"),
        (2.0**53, "floating-point"),
        (1.5, "floating-point"),
        (True, "not a whole number"),
        (b"5", "not a whole number"),
    ],
)
def test_what_is_no_id(cell: Any, says: str) -> None:
    with pytest.raises(ValueError, match="its id") as caught:
        exact_id(cell)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5), ("-5", -5), ("+5", 5), ("007", 7), ("1.50", 1.5), ("1e5", 1e5), (".5", 0.5), (" 2. ", 2.0),
        ("170059034123456701", 170059034123456701), ("--", None), ("INDEF", None), ("masked", None), ("None", None),
        ("nan", None), ("inf", None), ("1_0", None), ("10,5", None), ("５", None), ("0x1", None), ("", None),
    ],
)  # fmt: skip
def test_numbers_written_as_text(text: str, number: float | None) -> None:
    found = number_of(text)
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        ("true", True), ("FALSE", False), ("1", True), ("0", False), ("T", True), ("no", False), (1, True),
        (False, False), (None, None), ("--", None), ("maybe", None),
    ],
)  # fmt: skip
def test_flags_written_as_text(value: Any, flag: bool | None) -> None:
    assert flag_of(value) is flag


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        ("007", "", "007"), ("7", "03d", "007"), ("7.0", "03d", "007"), ("7", "03", "007"), ("1.50", ".1f", "1.5"),
        ("1.50", "", "1.50"), ("r", ">3", "  r"), (7, "03d", "007"), ("12345.5", ",.1f", "12,345.5"), ("5", "+d", "+5"),
    ],
)  # fmt: skip
def test_formats_of_numbers_written_as_text(value: Any, form: str, text: str) -> None:
    assert formatted(value, form) == text


@pytest.mark.parametrize(("value", "form"), [("r", ".1f"), ("--", "03d"), ("x", "+d")])
def test_formats_that_do_not_fit(value: str, form: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        formatted(value, form)


@pytest.mark.parametrize(
    "name", ["cand-0001", "AT2024abc", str(uuid.UUID(int=7)), "007", "a b/c", "１２３", "12"]
)
def test_names_are_ids_as_they_are_written(name: str) -> None:
    assert text_id(f" {name} ") == name


@pytest.mark.parametrize("cell", ["", None, 1.0, "a\nb", "a\0b", "x" * 201, True])
def test_what_is_no_name(cell: Any) -> None:
    with pytest.raises(ValueError, match="its id"):
        text_id(cell)


names = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(names, min_size=2, max_size=30, unique=True))
def test_no_two_names_are_one_file_also_where_capitals_do_not_count(several: list[str]) -> None:
    found = [file_stem(name) for name in several]
    assert len({stem.lower() for stem in found}) == len(several)
    for stem in found:
        assert stem.isascii()
        assert set(stem) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AT2024abc", "at2024ABC"),
        ("a/b", "a_b"),
        ("a b", "a_b"),
        ("Straße", "Stra_e"),
        ("x" * 70, "x" * 70 + "y"),
    ],
)
def test_names_that_would_collide(one: str, other: str) -> None:
    assert file_stem(one).lower() != file_stem(other).lower()


def test_a_name_that_looks_like_a_made_one_does_not_meet_it() -> None:
    assert file_stem(file_stem("AT2024abc").lower()).lower() != file_stem("AT2024abc").lower()


@pytest.mark.parametrize("name", ["con", "nul.fits", ".hidden", "-option", "end.", "..", "aux"])
def test_names_that_some_systems_keep_are_changed(name: str) -> None:
    assert file_stem(name) != name
    assert file_stem(name)[0] not in ".-"


@pytest.mark.parametrize("name", ["cand-0001", "sn2024abc", "170059034123456789", "a_b.c"])
def test_plain_names_stay(name: str) -> None:
    assert file_stem(name) == name


def test_keys_of_numbers_are_themselves() -> None:
    assert id_key(2**63 - 1) == id_key(str(2**63 - 1)) == 2**63 - 1
    assert len({id_key("007"), id_key("7"), id_key("7.0"), id_key("seven")}) == 4
    assert 0 <= id_key("seven") < 2**63
