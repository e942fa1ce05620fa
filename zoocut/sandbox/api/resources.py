"""The kinds of record the API has: what can be asked of each, who sees them, how they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zoocut.sandbox.api import documents
from zoocut.sandbox.api.call import READERS, WRITERS, Call, of_roles
from zoocut.sandbox.state.store import Row

__all__ = [
    "CLASSIFICATIONS", "EDITABLE_PROJECTS", "IMPORTS", "MEDIA", "MEMBERSHIPS", "PROJECTS", "ROLES", "SEEN_PROJECTS",
    "STATUSES", "SUBJECTS", "SUBJECT_SETS", "USERS", "WORKFLOWS", "WORKFLOW_VERSIONS", "Include", "Resource",
]  # fmt: skip

READABLE = f"SELECT project_id FROM roles WHERE user_id = :me AND {of_roles(READERS)}"
SEEN_PROJECTS = f"SELECT id FROM projects WHERE active AND (NOT private OR id IN ({READABLE}))"
SEEN_PROJECT = f"r.active AND (NOT r.private OR r.id IN ({READABLE}))"
IN_SEEN_PROJECTS = f"r.project_id IN ({SEEN_PROJECTS})"
IN_SETS = f"r.subject_set_id IN (SELECT id FROM subject_sets WHERE project_id IN ({SEEN_PROJECTS}))"
EDITABLE_PROJECTS = (
    f"SELECT project_id FROM roles JOIN projects p ON p.id = project_id "
    f"WHERE user_id = :me AND {of_roles(WRITERS)} AND p.active"
)
IN_EDITABLE_SETS = (
    f"r.subject_set_id IN (SELECT id FROM subject_sets WHERE project_id IN ({EDITABLE_PROJECTS}))"
)
IN_WORKFLOWS = f"r.workflow_id IN (SELECT id FROM workflows WHERE project_id IN ({SEEN_PROJECTS}))"

NOWHERE = "|0"
"""Join of a filter on links that no record of the sandbox has."""


@dataclass(frozen=True)
class Include:
    """Records that can be sent along with those asked for.

    Attributes
    ----------
    key : str
        Their key under ``linked``.
    of : callable
        Gives their resource.
    column : str
        The column of the record that holds their id; empty when they point at the record.
    filter : str
        The filter of theirs that takes the record's id, when they point at it.
    back : str
        The link under which they name the records that they were sent along with; empty when they do not.
    only : str
        A condition on those that point at the record.
    """

    key: str
    of: Callable[[], Resource]
    column: str = ""
    filter: str = ""
    back: str = ""
    only: str = ""


@dataclass(frozen=True)
class Resource:
    """One kind of record.

    Attributes
    ----------
    plural, singular, kind : str
        Its names: in addresses and documents, in messages, and the server's class.
    seen : str
        Condition on the rows that an account may see.
    write : callable
        Writes a row.
    table : str
        Where the rows lie; empty when the table is named as the records are.
    numbers, flags : dict of str to str
        Filters on columns, and the column or expression of each.
    texts : frozenset of str
        Filters on columns of text.
    joined : dict of str to str
        Filters on links to many: the join and the column that is compared.
    sorts : frozenset of str
        What lists may be sorted by.
    cap : int
        Rows a page has at most.
    counted : bool
        Whether a list tells how many there are.
    """

    plural: str
    singular: str
    kind: str
    seen: str
    write: Callable[[Call, Row], dict[str, Any]]
    table: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()
    flags: Mapping[str, str] = field(default_factory=dict)
    joined: Mapping[str, str] = field(default_factory=dict)
    sorts: frozenset[str] = frozenset()
    default_sort: str = ""
    cap: int = 10_000
    counted: bool = True
    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    includes: Mapping[str, Include] = field(default_factory=dict)

    @property
    def rows_of(self) -> str:
        """The table the records lie in."""
        return self.table or self.plural

    def templates(self) -> dict[str, dict[str, str]]:
        """Return the addresses of linked records as an answer's ``links`` gives them."""
        return {
            f"{self.plural}.{name}": {"href": href, "type": kind} for name, (href, kind) in self.links.items()
        }


def _same(*names: str) -> dict[str, str]:
    return {name: f"r.{name}" for name in names}


def _one(resource: str, name: str, plural: str = "") -> tuple[str, str]:
    plural = plural or f"{name}s"
    return f"/{plural}/{{{resource}.{name}}}", plural


def _many(resource: str, plural: str, target: str = "") -> tuple[str, str]:
    return f"/{target or plural}?{resource[:-1]}_id={{{resource}.id}}", plural


def _media(resource: str, name: str) -> tuple[str, str]:
    return f"/{resource}/{{{resource}.id}}/{name}", "media"


USERS: Resource = Resource(
    "users", "user", "User", "1", documents.user,
    numbers=_same("id"), texts=frozenset({"login"}),
    links={
        "classifications": _many("users", "classifications"),
        "project_preferences": _many("users", "project_preferences"),
        "collection_preferences": _many("users", "collection_preferences"),
        "projects": ("/projects?owner={users.login}", "projects"),
        "collections": ("/collections?owner={users.login}", "collections"),
        "recents": ("/users/{users.id}/recents", "recents"),
        "avatar": _media("users", "avatar"),
        "profile_header": _media("users", "profile_header"),
    },
)  # fmt: skip

OWNERS: Resource = Resource(
    "user_groups", "user_group", "UserGroup", "1", lambda _, row: documents.public_user(row), table="users",
    links={
        "memberships": _many("user_groups", "memberships"),
        "users": _many("user_groups", "users"),
        "projects": ("/projects?owner={user_groups.name}", "projects"),
        "collections": ("/collections?owner={user_groups.name}", "collections"),
        "recents": ("/user_groups/{user_groups.id}/recents", "recents"),
    },
)  # fmt: skip

MOBILE = "coalesce(json_extract(r.fields, '$.mobile_friendly'), 0)"
PROJECT_FLAGS = {
    "private": "r.private", "live": "r.live", "mobile_friendly": MOBILE,
    "beta_requested": "coalesce(json_extract(r.fields, '$.beta_requested'), 0)",
    "launch_requested": "coalesce(json_extract(r.fields, '$.launch_requested'), 0)",
    "beta_approved": "0", "launch_approved": "0", "featured": "0",
}  # fmt: skip
"""Filters of projects that are yes or no; nobody approves or features a project of the sandbox."""

PROJECTS: Resource = Resource(
    "projects", "project", "Project", SEEN_PROJECT, documents.project,
    numbers=_same("id"), joined={"organization_id": NOWHERE},
    texts=frozenset({"display_name", "slug"}),
    flags=PROJECT_FLAGS,
    sorts=frozenset(
        {"launch_date", "activity", "completeness", "classifiers_count", "updated_at", "display_name"}
    ),
    links={
        "workflows": _many("projects", "workflows"),
        "active_workflows": _many("projects", "active_workflows", "workflows"),
        "subject_sets": _many("projects", "subject_sets"),
        "project_roles": _many("projects", "project_roles"),
        "pages": ("/projects/{projects.id}/pages", "project_pages"),
        "organizations": _many("projects", "organizations"),
        "attached_images": _media("projects", "attached_images"),
        "owner": ("/{projects.owner.href}", "owners"),
        "avatar": _media("projects", "avatar"),
        "background": _media("projects", "background"),
        "classifications_export": _media("projects", "classifications_export"),
        "subjects_export": _media("projects", "subjects_export"),
    },
    includes={
        "owners": Include("owners", lambda: OWNERS, column="owner_id"),
        "workflows": Include("workflows", lambda: WORKFLOWS, filter="project_id"),
        "active_workflows": Include("active_workflows", lambda: WORKFLOWS, filter="project_id", only="r.active"),
        "subject_sets": Include("subject_sets", lambda: SUBJECT_SETS, filter="project_id"),
        "project_roles": Include("project_roles", lambda: ROLES, filter="resource_id"),
        "attached_images": Include("media", lambda: MEDIA, filter="linked_id"),
    },
)  # fmt: skip

ROLES: Resource = Resource(
    "project_roles", "project_role", "AccessControlList", IN_SEEN_PROJECTS, documents.role, table="roles",
    numbers={"id": "r.id", "resource_id": "r.project_id"},
    links={"project": _one("project_roles", "project"), "owner": ("/{project_roles.owner.href}", "owners")},
    includes={"owners": Include("owners", lambda: OWNERS, column="user_id")},
)  # fmt: skip

SUBJECT_SETS: Resource = Resource(
    "subject_sets", "subject_set", "SubjectSet", IN_SEEN_PROJECTS, documents.subject_set,
    numbers=_same("id", "project_id"), texts=frozenset({"display_name"}),
    joined={
        "workflow_id": "JOIN workflow_sets j0 ON j0.subject_set_id = r.id|j0.workflow_id",
        "subject_id": "JOIN set_member_subjects j1 ON j1.subject_set_id = r.id|j1.subject_id",
    },
    sorts=frozenset({"display_name", "id"}),
    links={"project": _one("subject_sets", "project"), "workflows": _many("subject_sets", "workflows")},
    includes={
        "project": Include("projects", lambda: PROJECTS, column="project_id"),
        "workflows": Include("workflows", lambda: WORKFLOWS, filter="subject_set_id"),
    },
)  # fmt: skip

COLLECTIONS: Resource = Resource(
    "collections", "collection", "Collection", "0", lambda _, row: {}, table="projects",
    joined={"subject_id": NOWHERE},
    links={
        "collection_roles": _many("collections", "collection_roles"),
        "subjects": _many("collections", "subjects"),
        "projects": _many("collections", "projects"),
        "owner": ("/{collections.owner.href}", "owners"),
    },
)  # fmt: skip
"""The sandbox has no collections; lists of them are empty."""

SUBJECTS: Resource = Resource(
    "subjects", "subject", "Subject", f"r.active AND {IN_SEEN_PROJECTS}", documents.subject,
    numbers=_same("id", "project_id", "upload_user_id"),
    joined={
        "subject_set_id": "JOIN set_member_subjects j0 ON j0.subject_id = r.id|j0.subject_set_id",
        "workflow_id": (
            "JOIN set_member_subjects j1 ON j1.subject_id = r.id "
            "JOIN workflow_sets j2 ON j2.subject_set_id = j1.subject_set_id|j2.workflow_id"
        ),
        "collection_id": NOWHERE,
    },
    sorts=frozenset({"id"}), default_sort="id",
    links={
        "project": _one("subjects", "project"),
        "collections": _many("subjects", "collections"),
        "subject_sets": _many("subjects", "subject_sets"),
        "attached_images": _media("subjects", "attached_images"),
    },
    includes={
        "project": Include("projects", lambda: PROJECTS, column="project_id", back="subjects"),
        "subject_sets": Include("subject_sets", lambda: SUBJECT_SETS, filter="subject_id"),
        "collections": Include("collections", lambda: COLLECTIONS, filter="subject_id"),
        "attached_images": Include("media", lambda: MEDIA, filter="linked_id"),
    },
)  # fmt: skip

MEMBERSHIPS: Resource = Resource(
    "set_member_subjects", "set_member_subject", "SetMemberSubject", IN_SETS, documents.membership,
    numbers=_same("id", "subject_set_id", "subject_id"),
    links={
        "subject_set": _one("set_member_subjects", "subject_set"),
        "subject": _one("set_member_subjects", "subject"),
    },
    includes={
        "subject_set": Include("subject_sets", lambda: SUBJECT_SETS, column="subject_set_id"),
        "subject": Include("subjects", lambda: SUBJECTS, column="subject_id"),
    },
)  # fmt: skip

WORKFLOWS: Resource = Resource(
    "workflows", "workflow", "Workflow", IN_SEEN_PROJECTS, documents.workflow,
    numbers=_same("id", "project_id") | {"published_version_id": "NULL", "tutorial_subject_id": "NULL"},
    flags={"active": "r.active", "mobile_friendly": MOBILE},
    joined={
        "subject_set_id": "JOIN workflow_sets j0 ON j0.workflow_id = r.id|j0.subject_set_id",
        "subject_id": (
            "JOIN workflow_sets j1 ON j1.workflow_id = r.id "
            "JOIN set_member_subjects j2 ON j2.subject_set_id = j1.subject_set_id|j2.subject_id"
        ),
    },
    sorts=frozenset({"completeness", "id"}), cap=25,
    links={
        "project": _one("workflows", "project"),
        "subject_sets": _many("workflows", "subject_sets"),
        "tutorial_subject": ("/subjects/{workflows.tutorial_subject}", "tutorial_subjects"),
        "published_version": ("/workflow_versions/{workflows.published_version}", "published_versions"),
        "attached_images": _media("workflows", "attached_images"),
        "classifications_export": _media("workflows", "classifications_export"),
    },
    includes={
        "project": Include("projects", lambda: PROJECTS, column="project_id"),
        "subject_sets": Include("subject_sets", lambda: SUBJECT_SETS, filter="workflow_id"),
        "attached_images": Include("media", lambda: MEDIA, filter="linked_id"),
    },
)  # fmt: skip

STATUSES: Resource = Resource(
    "subject_workflow_statuses", "subject_workflow_status", "SubjectWorkflowStatus", IN_WORKFLOWS,
    documents.status, counted=False,
    numbers=_same("id", "subject_id", "workflow_id"),
    links={
        "subject": _one("subject_workflow_statuses", "subject"),
        "workflow": _one("subject_workflow_statuses", "workflow"),
    },
    includes={
        "subject": Include("subjects", lambda: SUBJECTS, column="subject_id"),
        "workflow": Include("workflows", lambda: WORKFLOWS, column="workflow_id"),
    },
)  # fmt: skip

CLASSIFICATIONS: Resource = Resource(
    "classifications", "classification", "Classification", "r.user_id = :me", documents.classification,
    counted=False, numbers=_same("id", "project_id", "user_id", "workflow_id"),
    joined={"subject_id": "|r.subject_id"}, sorts=frozenset({"created_at"}),
    links={
        "project": _one("classifications", "project"),
        "user": _one("classifications", "user"),
        "user_group": _one("classifications", "user_group"),
        "workflow": _one("classifications", "workflow"),
        "subjects": ("/subjects/{classifications.subjects}", "subjects"),
    },
    includes={
        "project": Include("projects", lambda: PROJECTS, column="project_id"),
        "workflow": Include("workflows", lambda: WORKFLOWS, column="workflow_id"),
    },
)  # fmt: skip

WORKFLOW_VERSIONS: Resource = Resource(
    "workflow_versions", "workflow_version", "WorkflowVersion", IN_WORKFLOWS, documents.workflow_version,
    numbers=_same("id", "workflow_id"), links={"workflow": _one("workflow_versions", "workflow")},
)  # fmt: skip

IMPORTS: Resource = Resource(
    "subject_set_imports", "subject_set_import", "SubjectSetImport", IN_EDITABLE_SETS, documents.subject_set_import,
    numbers=_same("id", "subject_set_id", "user_id"),
    links={
        "subject_set": _one("subject_set_imports", "subject_set"),
        "user": _one("subject_set_imports", "user"),
    },
    includes={
        "subject_set": Include("subject_sets", lambda: SUBJECT_SETS, column="subject_set_id"),
        "user": Include("users", lambda: USERS, column="user_id"),
    },
)  # fmt: skip

MEDIA: Resource = Resource(
    "media", "medium", "Medium", "1", documents.medium, table="all_media",
    numbers=_same("id", "linked_id"),
)  # fmt: skip
