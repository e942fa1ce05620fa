"""Which rows go to which set, and which of the ledger's targets a name or an id means."""

from __future__ import annotations

import pytest

from zoocut.errors import ConfigError
from zoocut.ledger import Target
from zoocut.run.manifest import ManifestRow
from zoocut.uploading.goals import Goal, Share, resolve, shares


def row(name: str, **metadata: str) -> ManifestRow:
    return ManifestRow(name, ("1.png",), {key.replace("_", "#", 1): value for key, value in metadata.items()})


def test_each_value_has_a_set_whatever_hides_it() -> None:
    rows = [row("1", band="g"), row("2", _Band="r"), row("3", band="g", _band=" g ")]
    found = shares(rows, "Band", "Night {Band}")
    assert found == {"Night g": Share("Band", "g"), "Night r": Share("Band", "r")}
    held = [[share.holds(one.metadata) for one in rows] for share in found.values()]
    assert held == [[True, False, True], [False, True, False]]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (row("7", band="g", _band="r"), "row 7 has several values of band"),
        (row("7", other="g"), "row 7 has no band"),
        (row("7", band=" "), "row 7 has no band"),
    ],
)
def test_a_row_without_one_value_belongs_to_no_set(bad: ManifestRow, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        shares([row("1", band="g"), bad], "band", "Night {band}")


def test_a_name_that_does_not_tell_sets_apart() -> None:
    with pytest.raises(ConfigError, match="must hold"):
        shares([row("1", band="g")], "band", "Night")


TARGETS = [
    Target(1, "https://x.example", "1", "a/b", "5", "Night"),
    Target(2, "https://x.example", "1", "a/b", "6", "5"),
    Target(3, "https://y.example", "1", "c/d", "7", "Night"),
]


@pytest.mark.parametrize(
    ("goal", "number"),
    [
        (Goal("", None, "id:5"), 1),
        (Goal("", None, "id:6"), 2),
        (Goal("", None, "6"), 2),
        (Goal("https://y.example", None, None), 3),
        (Goal("", "c/D", None), 3),
        (Goal("https://x.example", "id:1", "Night"), 1),
        (Goal("", None, "id:Night"), None),
        (Goal("", "a/b", "night"), None),
        (Goal("https://z.example", None, None), None),
    ],
)
def test_which_target_is_meant(goal: Goal, number: int | None) -> None:
    found = resolve(TARGETS, goal)
    assert (None if found is None else found.number) == number


@pytest.mark.parametrize("goal", [Goal("", None, "5"), Goal("", None, "Night"), Goal("", None, None)])
def test_what_could_be_several_is_refused_with_all(goal: Goal) -> None:
    with pytest.raises(ConfigError, match=r"--set id:\d is .*; .*--set id:\d is "):
        resolve(TARGETS, goal)
