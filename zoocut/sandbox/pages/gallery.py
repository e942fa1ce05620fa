"""What the pages for people show, read from the sandbox's state a screenful at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.store import Row, Store

__all__ = ["MEMBERS", "PROJECTS", "SETS", "SUBJECTS", "Card", "Entry", "Picture", "SetCard", "Span",
           "attached", "entries", "pictures", "project_cards", "set_card", "span",
           "subject_cards"]  # fmt: skip

PROJECTS = "SELECT id FROM projects WHERE active = ?"
SETS = "SELECT id FROM subject_sets WHERE project_id = ?"
SUBJECTS = "SELECT id FROM subjects WHERE +project_id = ?"
"""All subjects of a project; the sign makes SQLite read them by id, one page, instead of sorting them all."""
MEMBERS = "SELECT subject_id AS id FROM set_member_subjects WHERE subject_set_id = ?"

SAMPLE = 3
"""Subjects whose picture the card of a set shows."""

SEEN_BY = {"//": "nobody", "#": "nobody", "!": "talk", "%": "index"}
"""Who sees a metadata key, by its beginning; volunteers see all others while they classify."""


@dataclass(frozen=True)
class Span:
    """The ids on one page of a list, and where other pages begin.

    Attributes
    ----------
    ids : list of int
        What the page shows, ascending.
    total : int
        How many the whole list has.
    previous, following : int or None
        First id of the page before and after; None at the ends.
    last : int or None
        First id of the last page; None on that page.
    """

    ids: list[int]
    total: int
    previous: int | None
    following: int | None
    last: int | None


@dataclass(frozen=True)
class Picture:
    """One medium: where it is, its type, and whether its bytes are `here`, `elsewhere` or `missing`."""

    address: str
    mime: str
    state: str

    @property
    def drawn(self) -> bool:
        """Whether a page can show it."""
        return self.state == "here" and self.mime.startswith("image/")

    @property
    def is_plot(self) -> bool:
        """Whether it is the data of a plot."""
        return self.state == "here" and self.mime == "application/json"


@dataclass(frozen=True)
class Card:
    """A subject in a list, with its first medium, if any."""

    id: int
    external_id: str
    active: bool
    picture: Picture | None


@dataclass(frozen=True)
class SetCard:
    """A set in a list: the members it has, and the count the API tells meanwhile."""

    id: int
    name: str
    members: int
    told: int
    sample: list[Card]


@dataclass(frozen=True)
class Entry:
    """One metadata value as text, and who sees it: `everyone`, `talk`, `index` or `nobody`."""

    key: str
    text: str
    seen_by: str


def span(store: Store, source: str, owner: int, start: int, size: int) -> Span:
    """Read one page of a list of ids.

    Parameters
    ----------
    store : Store
        The sandbox's state.
    source : str
        One of the lists of this module.
    owner : int
        Whose list: the id of a project or a set.
    start : int
        The least id the page may show.
    size : int
        How many it shows at most.
    """
    found = store.rows(f"SELECT id FROM ({source}) WHERE id >= ? ORDER BY id LIMIT ?", owner, start, size + 1)
    ids = [row[0] for row in found]
    following = ids[size] if len(ids) > size else None
    return Span(
        ids=ids[:size],
        total=store.value(f"SELECT count(*) FROM ({source})", owner),
        previous=_page_before(store, source, owner, ids[0] if ids else start, size),
        following=following,
        last=None if following is None else _page_before(store, source, owner, 2**63 - 1, size),
    )


def _page_before(store: Store, source: str, owner: int, end: int, size: int) -> int | None:
    page = f"SELECT id FROM ({source}) WHERE id < ? ORDER BY id DESC LIMIT ?"
    first: int | None = store.value(f"SELECT min(id) FROM ({page})", owner, end, size)
    return first


def project_cards(store: Store, ids: list[int]) -> list[Row]:
    """Read some projects with their numbers of `sets` and `subjects`, by id."""
    return store.rows(
        "SELECT p.*, (SELECT count(*) FROM subject_sets WHERE project_id = p.id) AS sets, "
        "(SELECT count(*) FROM subjects WHERE project_id = p.id) AS subjects "
        "FROM projects p WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        json.dumps(ids),
    )


def subject_cards(store: Store, ids: list[int]) -> list[Card]:
    """Read the cards of some subjects, by id."""
    query = "SELECT * FROM subjects WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
    return [_card(store, row) for row in store.rows(query, json.dumps(ids))]


def _card(store: Store, row: Row) -> Card:
    media = list(pictures(store, row))
    first = next((one for one in media if one.drawn), media[0] if media else None)
    return Card(row["id"], row["external_id"] or "", bool(row["active"]), first)


def pictures(store: Store, subject: Row) -> Iterator[Picture]:
    """Yield the media of a subject in their order."""
    for item in json.loads(subject["locations"]):
        if "url" in item:
            yield Picture(item["url"], item["mime"], "elsewhere")
        else:
            yield _stored(store, item["path"], item["mime"])


def plots(instance: Instance, media: Iterable[Picture]) -> list[str]:
    """Read the data of plots as text that a script element can hold; what is no JSON is `null`."""
    return [_data(instance, one.address.removeprefix("/sandbox/media/")) for one in media if one.is_plot]


def _data(instance: Instance, path: str) -> str:
    try:
        content = json.loads(instance.blob_file(path).read_bytes())
        text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    except (OSError, ValueError):
        return "null"
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def attached(store: Store, subject_id: int) -> list[Picture]:
    """Read the images attached to a subject beside its own."""
    query = (
        "SELECT path, content_type FROM media WHERE linked_type = 'subjects' AND linked_id = ? "
        "AND type = 'subject_attached_image' ORDER BY id"
    )
    return [_stored(store, path, mime) for path, mime in store.rows(query, subject_id)]


def _stored(store: Store, path: str, mime: str) -> Picture:
    is_here = store.one("SELECT 1 FROM blobs WHERE path = ?", path) is not None
    return Picture(f"/sandbox/media/{path}", mime, "here" if is_here else "missing")


def set_card(store: Store, set_id: int) -> SetCard:
    """Read the card of a set: its count and the pictures of its first subjects."""
    row = store.rows("SELECT * FROM subject_sets WHERE id = ?", set_id)[0]
    first = span(store, MEMBERS, set_id, 0, SAMPLE)
    sample = subject_cards(store, first.ids)
    return SetCard(set_id, row["display_name"], first.total, row["set_member_subjects_count"], sample)


def entries(metadata: str) -> list[Entry]:
    """Read stored metadata as a person sees them."""
    return [Entry(key, _text(value), _seen_by(key)) for key, value in json.loads(metadata).items()]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _seen_by(key: str) -> str:
    return next((who for sign, who in SEEN_BY.items() if key.startswith(sign)), "everyone")
