"""Replays what a proxy recorded and counts what an upload must never do; it knows nothing of zoocut's insides.

made again unasked: a second create of a row although the server had not said no to the first, and no look that
    began when absence counts was told that it is not there;
under a linked subject: bytes that the store took for a subject that was in a set already;
unconditional: bytes sent without `If-None-Match: *`;
linked unproved: a subject in a link request one of whose images was neither confirmed by checksum nor read back;
two at once: creates or links for one set by an actor after another one had begun and before that one's last.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from proxy import Exchange, Reply, md5_of

SLACK_S = 0.5
"""A request reaches the proxy a little after its client has noted when it was sent."""

SWITCHED_OFF = "Feature has been temporarily disabled"


@dataclass
class Findings:
    """Counts of what must not be, and how much was looked at."""

    made_again_unasked: list[str] = field(default_factory=list)
    after_an_older_ledger: int = 0
    under_a_linked_subject: list[str] = field(default_factory=list)
    unconditional: int = 0
    linked_unproved: list[str] = field(default_factory=list)
    two_at_once: list[str] = field(default_factory=list)
    requests: int = 0
    creates: int = 0
    doubts_waited_for: int = 0
    links: int = 0
    stores: int = 0

    def counts(self) -> dict[str, int]:
        return {name: len(value) if isinstance(value, list) else value for name, value in vars(self).items()}

    @property
    def wrong(self) -> int:
        return (
            len(self.made_again_unasked)
            + len(self.under_a_linked_subject)
            + self.unconditional
            + len(self.linked_unproved)
            + len(self.two_at_once)
        )


def audit(
    exchanges: Sequence[Exchange],
    checksums: Mapping[str, Sequence[str]],
    settle_s: float,
    restored: Sequence[float] = (),
) -> Findings:
    """Replay a record.

    Parameters
    ----------
    exchanges : sequence of Exchange
        All of a run, whoever sent them.
    checksums : mapping
        The images of each row by external_id, as the store writes checksums.
    settle_s : float
        How long the clients were told to wait before absence counts.
    restored : sequence of float
        When the ledger was put back to an older copy.
    """
    found = Findings(requests=len(exchanges))
    _creates(exchanges, settle_s, restored, found)
    _stores(exchanges, found)
    _links(exchanges, checksums, found)
    _turns(exchanges, found)
    return found


def key_of(exchange: Exchange) -> str:
    """Read which row a create is for."""
    subject = exchange.sent.get("subjects")
    return str((subject.get("metadata") or {}).get("#zoocut", "")) if isinstance(subject, dict) else ""


def made_by(exchange: Exchange) -> list[str]:
    """Name the subjects that the server made for a create."""
    return [str(one["id"]) for _, reply in exchange.done if reply.status == 201 for one in _subjects(reply)]


def _subjects(reply: Reply | None) -> list[dict[str, Any]]:
    document = reply.document() if reply is not None else None
    return list((document or {}).get("subjects") or [])


def _said_no(exchange: Exchange) -> bool:
    told = exchange.told
    if told is None or not 400 <= told.status < 600:
        return False
    document = told.document() or {}
    messages = [str(one.get("message")) for one in document.get("errors") or [] if isinstance(one, dict)]
    if told.status >= 500:
        return messages == [SWITCHED_OFF]
    return bool(messages) or (told.status in (401, 403) and not told.body)


def _keys_in(reply: Reply | None) -> set[str]:
    return {str((one.get("metadata") or {}).get("#zoocut", "")) for one in _subjects(reply)}


def _creates(
    exchanges: Sequence[Exchange], settle_s: float, restored: Sequence[float], found: Findings
) -> None:
    by_key: dict[str, list[Exchange]] = defaultdict(list)
    looks = [one for one in exchanges if one.kind == "list" and "upload_user_id" in one.query]
    for exchange in exchanges:
        if exchange.kind == "create" and key_of(exchange):
            by_key[key_of(exchange)].append(exchange)
            found.creates += 1
    for key, sent in by_key.items():
        for before, again in pairwise(sent):
            if _said_no(before):
                continue
            if any(before.began < at < again.began for at in restored):
                found.after_an_older_ledger += 1
            elif _told_absent(key, before, again, looks, settle_s):
                found.doubts_waited_for += 1
            else:
                found.made_again_unasked.append(f"{key}: {before.number} and {again.number}")


def _told_absent(
    key: str, before: Exchange, again: Exchange, looks: Iterable[Exchange], settle_s: float
) -> bool:
    due = [
        one
        for one in looks
        if one.began >= before.began + settle_s - SLACK_S and (one.answered or again.began + 1) <= again.began
    ]
    whole = [one for one in due if one.told is not None and one.told.status == 200 and _is_first(one)]
    return bool(whole) and not any(key in _keys_in(one.told) for one in due)


def _is_first(look: Exchange) -> bool:
    return look.query.get("page", ["1"]) == ["1"]


def _stores(exchanges: Sequence[Exchange], found: Findings) -> None:
    owner = _owners(exchanges)
    linked = _linked_at(exchanges)
    for exchange in exchanges:
        if exchange.kind != "store":
            continue
        found.stores += 1
        found.unconditional += exchange.headers.get("if-none-match") != "*"
        subject = owner.get(_name(exchange.path), "")
        for at, reply in exchange.done:
            if reply.status == 201 and at > linked.get(subject, float("inf")):
                found.under_a_linked_subject.append(f"{subject}: {exchange.number}")


def _owners(exchanges: Iterable[Exchange]) -> dict[str, str]:
    """Tell whose each image's name is."""
    return {
        _name(url.partition("?")[0]): str(one["id"])
        for exchange in exchanges
        for _, reply in exchange.done
        if exchange.path.startswith("/api/subjects")
        for one in _subjects(reply)
        for location in one.get("locations") or []
        for url in location.values()
    }


def _names(exchanges: Iterable[Exchange]) -> dict[str, tuple[str, list[str]]]:
    """Tell each subject's row and its images' names in order."""
    return {
        str(one["id"]): (
            str(one.get("external_id")),
            [_name(str(url).partition("?")[0]) for location in one["locations"] for url in location.values()],
        )
        for exchange in exchanges
        if exchange.kind == "create"
        for _, reply in exchange.done
        if reply.status == 201
        for one in _subjects(reply)
    }


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _linked_at(exchanges: Iterable[Exchange]) -> dict[str, float]:
    linked: dict[str, float] = {}
    for exchange in exchanges:
        if exchange.kind == "link":
            for at, reply in exchange.done:
                for subject in exchange.sent.get("subjects") or [] if reply.status == 200 else []:
                    linked.setdefault(str(subject), at)
    return linked


def _links(exchanges: Sequence[Exchange], checksums: Mapping[str, Sequence[str]], found: Findings) -> None:
    rows, proved = _names(exchanges), _proofs(exchanges)
    for exchange in exchanges:
        if exchange.kind != "link":
            continue
        found.links += 1
        for subject in map(str, exchange.sent.get("subjects") or []):
            external_id, names = rows.get(subject, ("", []))
            if external_id not in checksums:
                continue  # other hands
            wanted = zip(names, checksums[external_id], strict=True)
            if not all(_by(proved.get(pair, []), exchange.began) for pair in wanted):
                found.linked_unproved.append(f"{subject}: {exchange.number}")


def _by(moments: Iterable[float], at: float) -> bool:
    return any(moment <= at for moment in moments)


def _proofs(exchanges: Iterable[Exchange]) -> dict[tuple[str, str], list[float]]:
    """Tell when which checksum was confirmed or read for which image, as the clients were told."""
    proofs: dict[tuple[str, str], list[float]] = defaultdict(list)
    for exchange in exchanges:
        told = exchange.told
        if told is None or exchange.answered is None:
            continue
        if exchange.kind == "store" and told.status == 201:
            proofs[_name(exchange.path), told.header("Content-MD5") or ""].append(exchange.answered)
        elif exchange.kind == "fetch" and told.status == 200:
            proofs[_name(exchange.path), md5_of(told.body)].append(exchange.answered)
    return proofs


def _turns(exchanges: Iterable[Exchange], found: Findings) -> None:
    sent: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        if exchange.kind == "create" and key_of(exchange):
            sent[key_of(exchange).split("/")[1]].append(exchange)
        elif exchange.kind == "link":
            sent[exchange.path.split("/")[3]].append(exchange)
    for set_id, those in sent.items():
        last = {one.actor: one.number for one in those}
        for at, one in enumerate(those):
            earlier = {other.actor for other in those[:at]} - {one.actor, "other hands"}
            if one.actor != "other hands" and any(last[actor] > one.number for actor in earlier):
                found.two_at_once.append(f"set {set_id}: {one.actor} at {one.number}")


def strays(exchanges: Sequence[Exchange], members: set[str], restored: Sequence[float] = ()) -> Counter[str]:
    """Sort the subjects that were made for rows and are in no set by what made them."""
    causes: Counter[str] = Counter()
    creates = [one for one in exchanges if one.kind == "create" and key_of(one)]
    looks = [one for one in exchanges if one.kind == "list" and one.fault]
    for exchange in creates:
        for subject in made_by(exchange):
            if subject not in members:
                causes[_cause(exchange, looks, restored)] += 1
    return causes


def _cause(exchange: Exchange, looks: Iterable[Exchange], restored: Sequence[float]) -> str:
    if exchange.fault in ("504, done too late", "sent twice"):
        return exchange.fault
    key = key_of(exchange)
    hidden = [
        one.fault
        for one in looks
        if key not in _keys_in(one.told) and any(key in _keys_in(reply) for _, reply in one.done)
    ]
    if hidden:
        return f"a list that {hidden[0]}"
    behind = [one for one in looks if one.fault == "behind" and one.began > exchange.began]
    if behind:
        return "a list that is behind"
    if any(at > exchange.began for at in restored):
        return "an older ledger"
    return exchange.fault or "the server was honest"
