"""The one object that every route of a sandbox reads: its state, settings, signer, faults and request log."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoocut.error_kinds import NotWritable
from zoocut.sandbox.faults.rules import Faults
from zoocut.sandbox.options import ACCOUNTS, CONFIDENTIAL_ID, CONFIDENTIAL_SECRET, Options
from zoocut.sandbox.state.store import Store, now_us
from zoocut.sandbox.state.values import slug_of

__all__ = ["Instance", "Logged"]


@dataclass(frozen=True)
class Logged:
    """One request that was answered."""

    at: int
    method: str
    path: str
    status: int
    seconds: float
    injected: str


class Instance:
    """A sandbox's state and everything that belongs to it.

    Parameters
    ----------
    options : Options
        Its settings; the folder ``options.data`` is made when missing.

    Raises
    ------
    InputError
        When the folder cannot be used.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        try:
            (options.data / "blobs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotWritable(
                f"cannot make {options.data}: {error.strerror}; give --data another folder"
            ) from error
        self.blobs = options.data / "blobs"
        self.store = Store(options.data / "sandbox.sqlite3")
        self.faults = Faults(options.faults)
        self.log: deque[Logged] = deque(maxlen=500)
        self.tasks: set[asyncio.Task[None]] = set()
        self.set_changes = asyncio.Semaphore(3)
        self.documents: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._furnish()
        self.secret: bytes = self._secret("signing").encode()

    def blob_file(self, path: str) -> Path:
        """Return where the bytes of one blob lie; the folder is made when missing."""
        name = path.rsplit("/", 1)[-1]
        return self.blobs / name[:2] / name

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work beside the requests; it ends with the sandbox."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def close(self) -> None:
        """Close the state."""
        self.store.close()

    def _secret(self, name: str) -> str:
        with self.store.write():
            self.store.run("INSERT OR IGNORE INTO secrets VALUES (?, ?)", name, secrets.token_hex(32))
        return str(self.store.value("SELECT value FROM secrets WHERE name = ?", name))

    def _furnish(self) -> None:
        """Make the accounts, the confidential application and the rehearsal project where missing."""
        now = now_us()
        with self.store.write():
            for login in (*ACCOUNTS, *self.options.accounts, *self.options.robots()):
                self.store.run(
                    "INSERT OR IGNORE INTO users (login, banned, created_at, updated_at) VALUES (?, ?, ?, ?)",
                    login, login == "banned", now, now,
                )  # fmt: skip
            owner, collab = (self._user_id(login) for login in ("owner", "collab"))
            self.store.run(
                "INSERT OR IGNORE INTO applications VALUES (?, ?, ?)",
                CONFIDENTIAL_ID, CONFIDENTIAL_SECRET, owner,
            )  # fmt: skip
            if not self.store.value("SELECT count(*) FROM projects"):
                project = self.add_project(owner, "owner", "Rehearsal", private=False)
                self.add_role(project, collab, "collaborator")
            if self.options.volunteers is not None:
                self.store.run("UPDATE projects SET live = 1 WHERE slug = 'owner/rehearsal'")

    def _user_id(self, login: str) -> int:
        return int(self.store.value("SELECT id FROM users WHERE login = ?", login))

    def add_project(self, owner_id: int, login: str, name: str, private: bool, fields: str = "{}") -> int:
        """Insert a project with its owner's role, and return its id."""
        now = now_us()
        project = self.store.insert(
            "projects", owner_id=owner_id, display_name=name,
            slug=self._free_slug(f"{login}/{slug_of(name)}"), private=private,
            fields=fields, created_at=now, updated_at=now,
        )  # fmt: skip
        self.add_role(project, owner_id, "owner")
        return project

    def add_role(self, project_id: int, user_id: int, *roles: str) -> int:
        """Give an account its roles in a project, and return the id of the row."""
        now = now_us()
        return self.store.insert(
            "roles", project_id=project_id, user_id=user_id, names=json.dumps(roles), created_at=now,
            updated_at=now,
        )  # fmt: skip

    def _free_slug(self, slug: str) -> str:
        taken = self.store.value("SELECT count(*) FROM projects WHERE slug = ?", slug)
        return f"{slug}-{secrets.token_hex(4)}" if taken else slug
