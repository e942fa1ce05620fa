"""Which subjects belong to which sets, and changes of a set that others may be making at the same time."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable

from zoocut.sandbox.answers import error
from zoocut.sandbox.calls import Call
from zoocut.sandbox.store import Store, now_us

__all__ = ["add_members", "change_set", "drop_members", "replace_members", "replace_sets", "touch_set",
           "visible_subjects"]  # fmt: skip


STALE = "Attempted to update a stale object: SubjectSet."


def add_members(store: Store, set_id: int, subject_ids: Iterable[int]) -> None:
    """Add subjects to a set inside an open transaction; those in it stay as they are."""
    now = now_us()
    for subject_id in subject_ids:
        added = store.run(
            "INSERT OR IGNORE INTO set_member_subjects (subject_set_id, subject_id, created_at, updated_at) "
            "VALUES (?, ?, ?, ?)",
            set_id, subject_id, now, now,
        )  # fmt: skip
        if added:
            store.note("linked", subject_id, set_id)


def drop_members(store: Store, set_id: int, subject_ids: Iterable[int | None]) -> None:
    """Take subjects out of a set inside an open transaction."""
    for subject_id in subject_ids:
        if store.run(
            "DELETE FROM set_member_subjects WHERE subject_set_id = ? AND subject_id = ?", set_id, subject_id
        ):
            store.note("unlinked", subject_id, set_id)


def replace_sets(store: Store, subject_id: int, set_ids: Iterable[int]) -> None:
    """Make a subject a member of these sets and no others."""
    held = {row[0] for row in store.rows(
        "SELECT subject_set_id FROM set_member_subjects WHERE subject_id = ?", subject_id)}  # fmt: skip
    wanted = set(set_ids)
    for set_id in sorted(held - wanted):
        drop_members(store, set_id, [subject_id])
    for set_id in sorted(wanted - held):
        add_members(store, set_id, [subject_id])


def replace_members(store: Store, set_id: int, subject_ids: Iterable[int]) -> None:
    """Make these subjects the members of a set, and no others."""
    held = {row[0] for row in store.rows(
        "SELECT subject_id FROM set_member_subjects WHERE subject_set_id = ?", set_id)}  # fmt: skip
    wanted = set(subject_ids)
    drop_members(store, set_id, sorted(held - wanted))
    add_members(store, set_id, sorted(wanted - held))


def touch_set(store: Store, set_id: int) -> None:
    """Move a set's time of change and its lock, inside an open transaction."""
    store.run(
        "UPDATE subject_sets SET updated_at = ?, lock_version = lock_version + 1 WHERE id = ?",
        now_us(),
        set_id,
    )


async def change_set(call: Call, set_id: int, change: Callable[[], None]) -> None:
    """Change a set as the server does: read it, take some time, commit when nobody else did meanwhile.

    Parameters
    ----------
    call : Call
        The request.
    set_id : int
        The set.
    change : callable
        Makes the change, inside a transaction.

    Raises
    ------
    Refusal
        409 when another request changed the set in between; nothing is changed then.
    """
    if call.fault("conflict") is not None:
        raise error(409, STALE)
    query = "SELECT lock_version FROM subject_sets WHERE id = ?"
    async with call.world.set_changes:
        version = call.store.value(query, set_id)
        await asyncio.sleep(call.world.options.pace.set_change_s * random.uniform(0.5, 1.5))
        with call.store.write():
            if call.store.value(query, set_id) != version:
                raise error(409, STALE)
            change()


def visible_subjects(call: Call, ids: list[int | None]) -> list[int]:
    """Return those of some subjects that are active and that the account may see."""
    return [row[0] for row in call.store.select(
        "SELECT id FROM subjects WHERE active AND id IN (SELECT value FROM json_each(:ids)) "
        "AND project_id IN (SELECT id FROM projects WHERE active AND (NOT private OR id IN "
        "(SELECT project_id FROM roles WHERE user_id = :me)))",
        {"ids": json.dumps(ids), "me": call.user_id},
    )]  # fmt: skip
