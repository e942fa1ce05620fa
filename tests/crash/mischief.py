"""What the campaign's proxy does to requests: each fault by name, what it is done to, and how it is chosen.

A fault's name ends with what became of the request: "done", "not done", "done late" (before absence counts),
"done too late" (after it). Only the last of these, and a request that something sends twice, may leave a stray.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from proxy import Exchange, Fault, Hop, Reply, page, told_json

BUSY = {"errors": [{"message": "Attempted to update a stale object: SubjectSet."}]}
GATEWAY = {"message": "Endpoint request timed out"}
LEAVES_A_STRAY = ("504, done too late", "sent twice")
YEARS = 10 * 365.25 * 86_400


def done_then(told: Callable[[], Reply | None]) -> Fault:
    """Have it done and tell something else."""

    def fault(hop: Hop) -> Reply | None:
        hop.carry_out()
        return told()

    return fault


def instead(told: Callable[[], Reply | None]) -> Fault:
    """Tell something and do nothing."""
    return lambda hop: told()


def done_after(seconds: float) -> Fault:
    """Tell of a time-out, and have it done later."""

    def fault(hop: Hop) -> Reply | None:
        hop.carry_out_later(seconds)
        return page(504)

    return fault


def cut() -> None:
    """Cut the connection."""


def half(hop: Hop) -> Reply | None:
    """Tell half of the answer's body, as if it were whole."""
    reply = hop.carry_out()
    return Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2])


def twice(hop: Hop) -> Reply | None:
    """Send it twice and tell the second answer."""
    hop.carry_out()
    return hop.carry_out()


def without_checksum(hop: Hop) -> Reply | None:
    reply = hop.carry_out()
    return Reply(reply.status, [h for h in reply.headers if h[0].lower() != "content-md5"], reply.body)


def other_checksum(hop: Hop) -> Reply | None:
    reply = hop.carry_out()
    kept = [h for h in reply.headers if h[0].lower() != "content-md5"]
    return Reply(reply.status, [*kept, ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")], reply.body)


def lost(hop: Hop) -> Reply | None:
    """Confirm bytes and forget them."""
    from proxy import md5_of

    return Reply(201, [("Content-MD5", md5_of(hop.exchange.body))], b"")


def wrong_date(hop: Hop) -> Reply | None:
    reply = hop.carry_out()
    kept = [h for h in reply.headers if h[0].lower() != "date"]
    off = YEARS if hop.exchange.number % 2 else -YEARS
    return Reply(reply.status, [*kept, ("Date", formatdate(time.time() + off, usegmt=True))], reply.body)


def gateway_with_a_wrong_clock() -> Reply:
    return page(502, {"Date": formatdate(time.time() + YEARS, usegmt=True)})


def without_key(hop: Hop) -> Reply | None:
    reply = hop.carry_out()
    document = reply.document() or {}
    for subject in document.get("subjects", []):
        subject.get("metadata", {}).pop("#zoocut", None)
    return Reply(reply.status, reply.headers, json.dumps(document).encode())


def skips(dice: random.Random) -> Fault:
    """Leave one entry out of a page."""

    def fault(hop: Hop) -> Reply | None:
        reply = hop.carry_out()
        document = reply.document()
        if not document or not document.get("subjects"):
            return reply
        document["subjects"].pop(dice.randrange(len(document["subjects"])))
        return Reply(reply.status, reply.headers, json.dumps(document).encode())

    return fault


class Lagging:
    """Answers a list as it was a while ago."""

    def __init__(self, behind_s: float) -> None:
        self.behind_s = behind_s
        self._known: dict[str, list[tuple[float, Reply]]] = {}

    def see(self, exchange: Exchange, reply: Reply) -> None:
        self._known.setdefault(self._name(exchange), []).append((time.monotonic(), reply))

    def __call__(self, hop: Hop) -> Reply | None:
        known = self._known.get(self._name(hop.exchange), [])
        young = [reply for at, reply in known if time.monotonic() - at < self.behind_s]
        if young:
            return young[0]
        reply = hop.carry_out()
        self.see(hop.exchange, reply)
        return reply

    def _name(self, exchange: Exchange) -> str:
        return f"{exchange.path} {sorted(exchange.query.items())}"


def faults_of(dice: random.Random, settle_s: float) -> dict[str, dict[str, Fault]]:
    """Give every fault by the kind of request that it is done to."""
    create: dict[str, Fault] = {
        "503 in JSON, done": done_then(lambda: told_json(503, GATEWAY)),
        "408 page, done": done_then(lambda: page(408)),
        "403 page, done": done_then(lambda: page(403)),
        "409 page, done": done_then(lambda: page(409)),
        "422 page, done": done_then(lambda: page(422)),
        "504, done": done_then(lambda: page(504)),
        "empty 201, done": done_then(lambda: Reply(201, [], b"")),
        "cut, done": done_then(cut),
        "half, done": half,
        "401 page, done": done_then(lambda: page(401)),
        "cut, not done": instead(cut),
        "409 in JSON, not done": instead(lambda: told_json(409, BUSY)),
        "502 with a wrong clock, not done": instead(gateway_with_a_wrong_clock),
        "418 page, not done": instead(lambda: page(418)),
        "429, not done": instead(lambda: told_json(429, BUSY, {"Retry-After": "1"})),
        "504, done late": done_after(dice.uniform(0.1, 0.5) * settle_s),
        "504, done too late": done_after(2.2 * settle_s),
        "sent twice": twice,
    }
    sign_in: dict[str, Fault] = {
        "409 in JSON": instead(lambda: told_json(409, BUSY)),
        "429": instead(lambda: page(429, {"Retry-After": "1"})),
        "403 page": instead(lambda: page(403)),
        "502": instead(lambda: page(502)),
    }
    make_set: dict[str, Fault] = {
        "409 in JSON": instead(lambda: told_json(409, BUSY)),
        "429": instead(lambda: page(429, {"Retry-After": "1"})),
        "403 page": instead(lambda: page(403)),
        "504, done": done_then(lambda: page(504)),
        "502": instead(lambda: page(502)),
    }
    link: dict[str, Fault] = {
        "409 in JSON": instead(lambda: told_json(409, BUSY)),
        "504, done": done_then(lambda: page(504)),
        "cut, done": done_then(cut),
        "422 page": instead(lambda: page(422)),
        "403 page, done": done_then(lambda: page(403)),
        "sent twice": twice,
    }
    store: dict[str, Fault] = {
        "503": instead(lambda: page(503)),
        "cut": instead(cut),
        "cut, done": done_then(cut),
        "403 page": instead(lambda: page(403)),
        "no checksum, done": without_checksum,
        "another checksum, done": other_checksum,
        "confirmed and lost": lost,
        "sent twice": twice,
    }
    lists: dict[str, Fault] = {
        "skips one": skips(dice),
        "behind": Lagging(0.4 * settle_s),
        "502": instead(lambda: page(502)),
        "cut": instead(cut),
        "half": half,
        "200 page": instead(lambda: page(200)),
    }
    anything: dict[str, Fault] = {
        "wrong date": wrong_date,
        "502 with a wrong clock": instead(gateway_with_a_wrong_clock),
    }
    return {
        "create": create,
        "sign in": sign_in,
        "make set": make_set,
        "link": link,
        "store": store,
        "list": lists,
        "fetch": {"502": instead(lambda: page(502)), "cut": instead(cut)},
        "renew": {
            "409 in JSON": instead(lambda: told_json(409, BUSY)),
            "504, done": done_then(lambda: page(504)),
        },
        "note": {
            "409 in JSON": instead(lambda: told_json(409, BUSY)),
            "504, done": done_then(lambda: page(504)),
        },
        "other": anything,
        "any": {"wrong date": wrong_date},
        "attach": {name: fault for name, fault in create.items() if name not in LEAVES_A_STRAY},
        "attached": {
            name: fault for name, fault in lists.items() if name not in ("skips one", "behind")
        },  # a list that hides a medium leaves a stray, as one that hides a subject does
    }


class Mischief:
    """Chooses what is done to each request: a few faults a run, each with its own probability.

    Parameters
    ----------
    seed : int
        Of all its choices.
    settle_s : float
        How long the client waits before absence counts.
    """

    def __init__(self, seed: int, settle_s: float) -> None:
        self._dice = random.Random(seed)
        self.on = True
        self._chances: dict[str, list[tuple[str, float, Fault]]] = {}
        for kind, known in faults_of(self._dice, settle_s).items():
            chosen = self._dice.sample(sorted(known), min(len(known), self._dice.randint(1, 4)))
            self._chances[kind] = [(name, self._chance(kind), known[name]) for name in chosen]

    def _chance(self, kind: str) -> float:
        return self._dice.uniform(0.005, 0.05) if kind in ("any", "other") else self._dice.uniform(0.01, 0.12)

    def __call__(self, exchange: Exchange) -> tuple[str, Fault] | None:
        if not self.on or not exchange.path.startswith(("/api", "/public", "/users", "/oauth", "/subject_")):
            return None
        for name, chance, fault in [*self._chances.get(exchange.kind, []), *self._chances["any"]]:
            if self._dice.random() < chance:
                return name, fault
        return None

    def told(self) -> dict[str, Any]:
        """Name the faults of this run."""
        return {kind: [name for name, *_ in chosen] for kind, chosen in self._chances.items()}
