"""Reasons that differ in what is a row's own are counted as one, and keep their remedy."""

from __future__ import annotations

from zoocut.reasons import Reasons

BREAKS_OFF = "{} breaks off before its packet, or names its id otherwise: set images.id_fields, or fetch the file again"


def test_paths_are_left_out_and_the_remedy_stays() -> None:
    rows = [(str(n), BREAKS_OFF.format(f"/night/{n}/packet-{n}.avro")) for n in range(92)]
    (reason,) = Reasons(rows)
    assert (reason.count, str(reason)) == (92, BREAKS_OFF.format("..."))
    assert reason.named == ["0", "1", "2"]


def test_what_all_rows_share_is_kept() -> None:
    text = "its cutout of 300 x {} pixels does not fit a panel of 194: set draw.panel_pix to 300 or more"
    (reason,) = Reasons([("1", text.format(200)), ("2", text.format(210))])
    assert str(reason) == text.format("...")


def test_one_row_is_told_whole() -> None:
    text = BREAKS_OFF.format("/night/1.avro")
    (reason,) = Reasons([("1", text)])
    assert str(reason) == text


def test_neighbouring_words_of_its_own_become_one_gap() -> None:
    text = "it lies off the frame, at x {} y {} of 256 x 256: check its exposure"
    (reason,) = Reasons([("1", text.format(1.5, 2.5)), ("2", text.format(9.0, 8.0))])
    assert str(reason) == text.format("...", "...")
    quoted = Reasons([("1", "its id 'a' 'b' is no number"), ("2", "its id 'c' 'd' is no number")])
    assert [str(one) for one in quoted] == ["its id ... is no number"]


def test_the_most_frequent_come_first_and_others_stay_apart() -> None:
    rows = [("1", "no image: fetch it"), ("2", "no position: give one"), ("3", "no position: give one")]
    reasons = Reasons(rows)
    assert [(one.count, str(one)) for one in reasons] == [
        (2, "no position: give one"),
        (1, "no image: fetch it"),
    ]
    assert reasons.total() == 3
    assert reasons.counted() == {"no position: give one": 2, "no image: fetch it": 1}


def test_an_empty_reason_is_one_too() -> None:
    assert [(one.count, str(one)) for one in Reasons([("1", ""), ("2", "")])] == [(2, "")]
