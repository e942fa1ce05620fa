"""Which subjects belong to which sets; every change is made inside an open transaction."""

from __future__ import annotations

from collections.abc import Iterable

from zoocut.sandbox.state.store import Store, now_us

__all__ = ["add_members", "drop_members", "replace_members", "replace_sets", "touch_set"]


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
