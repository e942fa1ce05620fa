"""Documents of the API to records; one that lacks something is a doubt."""

from __future__ import annotations

from zoocut.zooniverse.api import Document
from zoocut.zooniverse.records import Account, Membership, SubjectSet
from zoocut.zooniverse.request_errors import malformed_is_doubtful

__all__ = ["account_of", "membership_of", "subject_set_of"]


@malformed_is_doubtful("the account")
def account_of(user: Document) -> Account:
    """Read an account's document."""
    limited = not user.get("upload_whitelist") and user.get("subject_limit") is not None
    return Account(
        str(user["id"]),
        str(user["login"]),
        int(user["subject_limit"]) if limited else None,
        bool(user.get("banned")),
        int(user.get("uploaded_subjects_count") or 0),
    )


def membership_of(document: Document) -> Membership:
    """Read the document of a subject's place in a set."""
    priority = document.get("priority")
    return Membership(
        str(int(document["id"])),
        str(document["links"]["subject"]),
        None if priority is None else float(priority),
    )


@malformed_is_doubtful("a set")
def subject_set_of(document: Document) -> SubjectSet:
    """Read a set's document."""
    return SubjectSet(
        str(document["id"]),
        str(document["display_name"]),
        str(document["links"]["project"]),
        document.get("metadata") or {},
        str(document.get("created_at") or ""),
    )
