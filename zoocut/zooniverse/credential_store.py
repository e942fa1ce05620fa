"""Credentials that `zoocut login` keeps: in the system's key ring, or in a file that only its owner reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from zoocut.error_kinds import CredentialsUnsafe
from zoocut.zooniverse.credentials import Credentials

__all__ = ["CredentialStore", "KeyRing", "PrivateFile", "best_store"]

ENTRY = "account"
FILE = Path(".config") / "zoocut" / "credentials.json"
OWNER_ONLY = 0o600


class CredentialStore(Protocol):
    """Somewhere to keep credentials, one account a server."""

    @property
    def name(self) -> str:
        """What to call it to the user."""
        ...

    def find(self, endpoint: str) -> Credentials | None:
        """Return what is kept for a server."""
        ...

    def keep(self, endpoint: str, credentials: Credentials) -> None:
        """Keep an account for a server, instead of an earlier one."""
        ...

    def forget(self, endpoint: str) -> bool:
        """Remove what is kept for a server; return whether there was something."""
        ...


def best_store(home: Path) -> CredentialStore:
    """Choose the key ring where the system has one, else a file in `home`."""
    try:
        import keyring
    except ImportError:
        return PrivateFile(home / FILE)
    return KeyRing() if keyring.get_keyring().priority > 0 else PrivateFile(home / FILE)


class KeyRing:
    """The system's key ring."""

    @property
    def name(self) -> str:
        """What to call it to the user."""
        import keyring

        return f"the key ring ({keyring.get_keyring().name})"

    def find(self, endpoint: str) -> Credentials | None:
        """Return what is kept for a server.

        Raises
        ------
        SignInError
            When the key ring is locked or fails.
        """
        import keyring

        with _unlocked():
            return _credentials(keyring.get_password(_service(endpoint), ENTRY), self.name)

    def keep(self, endpoint: str, credentials: Credentials) -> None:
        """Keep an account for a server, instead of an earlier one.

        Raises
        ------
        SignInError
            When the key ring is locked or fails.
        """
        import keyring

        with _unlocked():
            keyring.set_password(_service(endpoint), ENTRY, json.dumps(_content(credentials)))

    def forget(self, endpoint: str) -> bool:
        """Remove what is kept for a server; return whether there was something.

        Raises
        ------
        SignInError
            When the key ring is locked or fails.
        """
        import keyring

        with _unlocked():
            if keyring.get_password(_service(endpoint), ENTRY) is None:
                return False
            keyring.delete_password(_service(endpoint), ENTRY)
            return True


@contextmanager
def _unlocked() -> Iterator[None]:
    import keyring.errors

    try:
        yield
    except keyring.errors.KeyringError as error:
        raise CredentialsUnsafe(
            f"the key ring cannot be used ({type(error).__name__}): unlock it, or set PANOPTES_USERNAME and "
            "PANOPTES_PASSWORD"
        ) from None


class PrivateFile:
    """A file that only its owner may read.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """What to call it to the user."""
        return str(self._path)

    def find(self, endpoint: str) -> Credentials | None:
        """Return what is kept for a server.

        Raises
        ------
        SignInError
            When the file cannot be read, or others may read it.
        """
        return _credentials(self._all().get(endpoint), self.name)

    def keep(self, endpoint: str, credentials: Credentials) -> None:
        """Keep an account for a server, instead of an earlier one.

        Raises
        ------
        SignInError
            When the file cannot be written.
        """
        self._write({**self._all(), endpoint: json.dumps(_content(credentials))})

    def forget(self, endpoint: str) -> bool:
        """Remove what is kept for a server; return whether there was something."""
        known = self._all()
        if endpoint not in known:
            return False
        self._write({server: kept for server, kept in known.items() if server != endpoint})
        return True

    def _all(self) -> dict[str, str]:
        try:
            if self._path.stat().st_mode & 0o077:
                raise CredentialsUnsafe(f"others may read {self._path}: run `chmod 600 {self._path}`")
            return dict(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError):
            raise CredentialsUnsafe(
                f"{self._path} cannot be read: remove it and run `zoocut login`"
            ) from None

    def _write(self, content: dict[str, str]) -> None:
        part = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w") as file:
                json.dump(content, file)
            part.replace(self._path)
        except OSError as error:
            raise CredentialsUnsafe(
                f"cannot write {self._path} ({error.strerror}): check its folder's permissions, or set "
                "PANOPTES_USERNAME and PANOPTES_PASSWORD instead"
            ) from None


def _service(endpoint: str) -> str:
    return f"zoocut {endpoint}"


def _content(credentials: Credentials) -> dict[str, str | None]:
    return {"username": credentials.username, "password": credentials.password}


def _credentials(kept: str | None, source: str) -> Credentials | None:
    if kept is None:
        return None
    try:
        content = json.loads(kept)
        return Credentials(str(content["username"]), str(content["password"]), source=source)
    except (ValueError, KeyError, TypeError):
        raise CredentialsUnsafe("what was saved cannot be read: run `zoocut login` again") from None
