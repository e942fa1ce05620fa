"""Metadata of subjects: columns, formatted numbers and links."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoocut.errors import ConfigError
from zoocut.generating.metadata_text import check_words, metadata_of, steering_keys
from zoocut.metadata_words import columns_named
from zoocut.model import DiaSource, Value

COLUMNS: dict[str, Value] = {
    "diaSourceId": 2**60 + 1, "diaObjectId": 2**60 + 3, "snr": 12.3456, "band": "r", "objectId": "ZTF 17/aa",
    "ssObjectId": 0, "empty": None, "a.b": 5,
}  # fmt: skip


def text(words: str, **columns: Any) -> str | None:
    return metadata_of(COLUMNS | columns, {"k": words}).get("k")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("diaSourceId", str(2**60 + 1)),
        ("snr", "12.3456"),
        ("empty", None),
        ("{snr:.1f}", "12.3"),
        ("S/N {snr:.1f} in {band}", "S/N 12.3 in r"),
        ("{empty} nJy", None),
        ("{{{band}}}", "{r}"),
        ("{a.b:03d}", "005"),
        ("https://host/{diaObjectId}", f"https://host/{2**60 + 3}"),
        ("https://host/{objectId}?b={band}", "https://host/ZTF%2017%2Faa?b=r"),
        ("https://host/{ssObjectId}", None),
        ("object {objectId}", "object ZTF 17/aa"),
    ],
)
def test_words(words: str, expected: str | None) -> None:
    check_words(DiaSource(1, None, None, "list", "row 1", COLUMNS), {"k": words})
    assert text(words) == expected


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("{snr", "is malformed"),
        ("{}", "is malformed"),
        ("{snr!r}", "is malformed"),
        ("snr}", "is malformed"),
        ("{sn:.1f}", "did you mean snr"),
        ("sn", "did you mean snr"),
        ("{band:.1f}", r"the format '\.1f' does not fit the column band, which holds 'r'"),
    ],
)
def test_wrong_words_are_told_before_anything_is_drawn(words: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_words(DiaSource(1, None, None, "list", "row 1", COLUMNS), {"k": words})


def test_a_later_value_of_another_kind_stays_as_it_is() -> None:
    assert text("{snr:.1f}", snr="saturated") == "saturated"


def test_columns_are_those_that_are_named() -> None:
    assert columns_named({"a": "snr", "b": "{band} {snr:.2f}", "c": "{{x}}"}) == ["snr", "band"]


@given(
    st.text(),
    st.dictionaries(st.sampled_from(["a", "b"]), st.none() | st.integers() | st.floats() | st.text()),
)
def test_any_words_are_written_or_refused(words: str, columns: dict[str, Any]) -> None:
    try:
        made = metadata_of(columns, {"k": words})
    except ConfigError:
        return
    assert set(made) <= {"k"}


def test_what_steers_volunteers_is_named() -> None:
    shown = {
        "diaSourceId": "diaSourceId", "Link": "https://host/{band}", "S/N": "{snr:.1f}", "RA": "ra",
        "%reliability": "reliability", "brightness": "{magpsf:.2f} mag", "flux": "psfFlux", "class": "classification",
    }  # fmt: skip
    assert steering_keys(shown) == list(shown)
    assert steering_keys({f"!{key}": words for key, words in shown.items()}) == []
    assert steering_keys({f"#{key}": words for key, words in shown.items()}) == []
    assert steering_keys({"night": "visit", "band": "band", "filter": "{band} band"}) == []
