"""The tables of the sandbox's state; times are microseconds since 1970, UTC."""

from __future__ import annotations

__all__ = ["STEPS", "VERSION"]

VERSION = 3
"""Kept in the database's user_version; a folder with a larger one is refused."""

MEDIA = """
CREATE TABLE media (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    linked_type TEXT NOT NULL,
    linked_id INTEGER NOT NULL,
    type TEXT NOT NULL,
    content_type TEXT NOT NULL,
    path TEXT NOT NULL,
    external INTEGER NOT NULL DEFAULT 0,
    metadata TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX media_of ON media (linked_type, linked_id, type);
CREATE INDEX media_of_id ON media (linked_id);
CREATE VIEW all_media AS
    SELECT id, linked_type, linked_id, type, content_type, path, external, metadata, created_at, updated_at
    FROM media UNION ALL
    SELECT 1000000 + s.id * 10 + one.key, 'subjects', s.id, 'subject_location',
        one.value ->> 'mime', coalesce(one.value ->> 'path', one.value ->> 'url'), one.value ->> 'url' IS NOT NULL,
        json_object('index', one.key), s.created_at, s.updated_at
    FROM subjects s, json_each(s.locations) one;
CREATE TABLE subject_set_imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_set_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    source_url TEXT NOT NULL,
    manifest_count INTEGER NOT NULL,
    imported_count INTEGER NOT NULL DEFAULT 0,
    failed_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX subjects_of_external_id ON subjects (external_id);
CREATE INDEX imports_of_set ON subject_set_imports (subject_set_id);
CREATE TABLE classifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL,
    workflow_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    user_id INTEGER,
    user_name TEXT NOT NULL,
    user_ip TEXT NOT NULL,
    workflow_version TEXT NOT NULL,
    gold_standard INTEGER,
    completed INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    annotations TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX classifications_of ON classifications (workflow_id, subject_id);
"""
"""The tables that version 2 added."""

VERSIONS = """
CREATE TABLE workflow_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    major INTEGER NOT NULL,
    minor INTEGER NOT NULL,
    fields TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workflow_id, major, minor)
);
INSERT INTO workflow_versions (workflow_id, major, minor, fields, created_at, updated_at)
    SELECT id, major, minor, fields, updated_at, updated_at FROM workflows;
ALTER TABLE media ADD COLUMN begun_at INTEGER;
"""
"""What version 3 added: the tasks of a workflow as they were, and when an export was begun."""

SCHEMA = """
CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL UNIQUE COLLATE NOCASE,
    banned INTEGER NOT NULL DEFAULT 0,
    subject_limit INTEGER,
    upload_whitelist INTEGER NOT NULL DEFAULT 0,
    uploaded_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE TABLE applications (client_id TEXT PRIMARY KEY, secret TEXT NOT NULL, owner_id INTEGER NOT NULL);
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    refresh TEXT UNIQUE,
    previous_refresh TEXT,
    user_id INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
);
CREATE TABLE features (name TEXT PRIMARY KEY, is_on INTEGER NOT NULL);
CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id INTEGER NOT NULL,
    display_name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    private INTEGER NOT NULL,
    live INTEGER NOT NULL DEFAULT 0,
    fields TEXT NOT NULL DEFAULT '{}',
    active INTEGER NOT NULL DEFAULT 1,
    state TEXT,
    completeness REAL NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE TABLE roles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    names TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (project_id, user_id)
);
CREATE INDEX roles_of_user ON roles (user_id, project_id);
CREATE TABLE subject_sets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL,
    display_name TEXT NOT NULL,
    metadata TEXT NOT NULL DEFAULT '{}',
    set_member_subjects_count INTEGER NOT NULL DEFAULT 0,
    completeness TEXT NOT NULL DEFAULT '{}',
    lock_version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX sets_of_project ON subject_sets (project_id, display_name);
CREATE TABLE subjects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL,
    upload_user_id INTEGER NOT NULL,
    external_id TEXT,
    metadata TEXT NOT NULL,
    locations TEXT NOT NULL,
    active INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX subjects_of_project ON subjects (project_id, active, upload_user_id, id);
CREATE INDEX subjects_of_uploader ON subjects (upload_user_id, id);
CREATE TABLE set_member_subjects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_set_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    priority REAL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (subject_set_id, subject_id)
);
CREATE INDEX sets_of_subject ON set_member_subjects (subject_id, subject_set_id);
CREATE TABLE workflows (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL,
    display_name TEXT NOT NULL,
    fields TEXT NOT NULL,
    active INTEGER NOT NULL DEFAULT 1,
    major INTEGER NOT NULL DEFAULT 1,
    minor INTEGER NOT NULL DEFAULT 1,
    subjects_count INTEGER NOT NULL DEFAULT 0,
    retired_count INTEGER NOT NULL DEFAULT 0,
    completeness REAL NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX workflows_of_project ON workflows (project_id);
CREATE TABLE workflow_sets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    subject_set_id INTEGER NOT NULL,
    UNIQUE (workflow_id, subject_set_id)
);
CREATE INDEX workflows_of_set ON workflow_sets (subject_set_id);
CREATE TABLE subject_workflow_statuses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_id INTEGER NOT NULL,
    workflow_id INTEGER NOT NULL,
    classifications_count INTEGER NOT NULL DEFAULT 0,
    retired_at INTEGER,
    retirement_reason TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workflow_id, subject_id)
);
CREATE TABLE blobs (
    path TEXT PRIMARY KEY,
    content_type TEXT NOT NULL,
    md5 TEXT NOT NULL,
    length INTEGER NOT NULL,
    etag TEXT NOT NULL,
    stored_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject_id INTEGER,
    subject_set_id INTEGER,
    path TEXT
);
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    due_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX jobs_due ON jobs (due_at);
"""

FROM_1 = f"""
{MEDIA}
INSERT INTO media (id, linked_type, linked_id, type, content_type, path, metadata, created_at, updated_at)
    SELECT id, 'subjects', subject_id, 'subject_attached_image', content_type, path, metadata, created_at, updated_at
    FROM attached_images;
DROP TABLE attached_images;
ALTER TABLE roles RENAME COLUMN role TO names;
UPDATE roles SET names = json_array(names);
ALTER TABLE projects ADD COLUMN state TEXT;
ALTER TABLE projects ADD COLUMN completeness REAL NOT NULL DEFAULT 0;
"""
"""Brings a database of version 1 to version 2."""

STEPS = (SCHEMA + MEDIA + VERSIONS, FROM_1 + VERSIONS, VERSIONS)
"""What brings a database of each version up to date, an empty one first."""
