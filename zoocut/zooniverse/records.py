"""What Panoptes holds, as far as this program speaks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zoocut.metadata_keys import SubjectKey, source_of, values_of

__all__ = ["Account", "Address", "Membership", "Project", "Subject", "SubjectSet"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in.

    Parameters
    ----------
    user_id, login : str
        The account.
    limit : int or None
        How many subjects it may upload; None when it is not limited.
    banned : bool
        Whether the server quietly drops what it creates.
    uploaded : int
        How many subjects it has uploaded, as the server remembers it: an estimate.
    """

    user_id: str
    login: str
    limit: int | None
    banned: bool
    uploaded: int


@dataclass(frozen=True, slots=True)
class Project:
    """A project.

    Parameters
    ----------
    project_id, slug : str
        Its id, and owner/name.
    created : str
        When it was made, as the server writes it.
    """

    project_id: str
    slug: str
    created: str = ""


@dataclass(frozen=True, slots=True)
class SubjectSet:
    """A subject set.

    Parameters
    ----------
    set_id, name, project_id : str
        Its id, display name and project.
    metadata : mapping of str to str
        What is noted about it.
    created : str
        When it was made, as the server writes it.
    """

    set_id: str
    name: str
    project_id: str
    metadata: Mapping[str, Any]
    created: str = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """A subject's place in a set.

    Parameters
    ----------
    member_id, subject_id : str
        Its own id, and the subject's.
    priority : float or None
        What prioritized workflows serve it by, the lowest first; None comes last.
    """

    member_id: str
    subject_id: str
    priority: float | None


@dataclass(frozen=True, slots=True)
class Address:
    """Where the bytes of one location go, or lie.

    Parameters
    ----------
    url : str
        With its signature, when it is one to store at.
    name : str
        The last part of its path, the same in signed and public addresses.
    until : float
        When the signature ends, in seconds of this process's clock.
    """

    url: str
    name: str
    until: float


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject as the server holds it.

    Parameters
    ----------
    subject_id, external_id, key : str
        Its id, its maker's id for it, and this program's key; the latter two empty when there are none.
    metadata : mapping
        All of its metadata.
    addresses : tuple of Address
        Its locations in order.
    sets : tuple of str
        The ids of the subject sets that hold it.
    etag : str or None
        For changing it; None when it came from a list.
    created : str
        When it was made, as the server writes it.
    """

    subject_id: str
    external_id: str
    key: str
    metadata: Mapping[str, Any]
    addresses: tuple[Address, ...]
    sets: tuple[str, ...]
    etag: str | None = None
    created: str = ""

    def age_s(self, now: float) -> float:
        """Return how long ago it was made; nothing is known to be old when the server does not say.

        Parameters
        ----------
        now : float
            Seconds of the server's clock.
        """
        try:
            return now - datetime.fromisoformat(self.created).timestamp()
        except ValueError:
            return 0.0

    @property
    def row_name(self) -> str:
        """The external_id that it stands for: its own, or the one that another tool wrote into its metadata."""
        if self.external_id or SubjectKey.read(self.key) is not None:
            return self.external_id
        told = values_of(self.metadata, "external_id")
        return told[0] if len(told) == 1 else self.dia_source_id

    @property
    def dia_source_id(self) -> str:
        """The source that it says it shows; empty when it does not say."""
        return source_of(self.metadata, self.external_id)
