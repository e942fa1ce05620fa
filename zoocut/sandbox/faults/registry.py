"""Every fault there is: the calls it meets when no route is given, its settings, and what it does to a call."""

from __future__ import annotations

from dataclasses import dataclass

from zoocut.sandbox.api.answers import empty, html
from zoocut.sandbox.api.blobs import refuse
from zoocut.sandbox.faults import effects, rewriting
from zoocut.sandbox.faults.effects import Effect, commit_then, instead, json_error, page, shaped
from zoocut.sandbox.faults.rewriting import document

__all__ = ["FAULTS", "Fault"]

CREATE, LINK, STORE, LIST, LISTS, IMPORT = (
    "POST /api/subjects",
    "POST /api/subject_sets/*/links/subjects",
    "PUT /public/*",
    "GET /api/subjects",
    "GET /api/*s",
    "POST /api/subject_set_imports",
)


@dataclass(frozen=True)
class Fault:
    """One thing that can go wrong.

    Attributes
    ----------
    route : str
        The calls it meets when none are named, ``*`` for any run of characters.
    settings : dict
        What belongs to it, with the values taken when none are given.
    does : str
        What it does, in a few words.
    effect : Effect
        Does it.
    """

    route: str
    settings: dict[str, float]
    does: str
    effect: Effect


FAULTS: dict[str, Fault] = {
    "commit-then-500": Fault(
        CREATE,
        {},
        "do the work, answer with an HTML 500",
        commit_then(lambda settings: html(500)),
    ),
    "commit-then-504": Fault(
        CREATE,
        {"delay_s": 1.0},
        "do the work, answer with an HTML 504 after delay_s",
        commit_then(lambda settings: html(504)),
    ),
    "commit-then-close": Fault(
        CREATE, {}, "do the work, then reset the connection", effects.commit_then_close
    ),
    "commit-then-page": Fault(
        CREATE, {"status": 408.0}, "do the work, answer with an HTML page of that status", commit_then(page)
    ),
    "commit-then-json": Fault(
        CREATE,
        {"status": 503.0},
        "do the work, answer with that status and JSON that is no document",
        commit_then(json_error),
    ),
    "commit-then-empty": Fault(
        CREATE, {}, "do the work, answer with an empty 201", commit_then(lambda settings: empty(201))
    ),
    "error-page": Fault(
        CREATE, {"status": 409.0}, "do nothing, answer with an HTML page of that status", instead(page)
    ),
    "error-json": Fault(
        CREATE,
        {"status": 409.0},
        "do nothing, answer with that status and the API's error",
        instead(json_error),
    ),
    "records-dropped": Fault(
        CREATE,
        {},
        "do the work, answer with a document that holds no record",
        document(rewriting.without_records),
    ),
    "keys-dropped": Fault(
        "* /api/subjects*",
        {},
        "answer without the metadata that volunteers do not see",
        document(rewriting.keyless),
    ),
    "truncated": Fault(
        CREATE,
        {},
        "do the work, send half of the answer and close",
        effects.truncated,
    ),
    "bad-gateway": Fault(
        CREATE, {}, "do nothing, answer with an HTML 502", instead(lambda settings: html(502))
    ),
    "unavailable": Fault(
        CREATE, {}, "do nothing, answer with an HTML 503", instead(lambda settings: html(503))
    ),
    "late-commit": Fault(
        CREATE, {"delay_s": 60.0}, "answer with an HTML 504, do the work after delay_s", effects.late_commit
    ),
    "conflict": Fault(
        LINK,
        {},
        "answer 409 to a change of a set",
        shaped,
    ),
    "too-many": Fault(
        CREATE, {"retry_after_s": 1.0}, "answer 429 with Retry-After", instead(effects.too_many)
    ),
    "unauthorised": Fault(
        CREATE,
        {},
        "answer with an empty 401",
        instead(lambda settings: empty(401)),
    ),
    "token-expired": Fault(
        CREATE,
        {},
        "let the call's token expire",
        effects.token_expired,
    ),
    "token-pruned": Fault(
        CREATE,
        {},
        "delete the call's token",
        effects.token_pruned,
    ),
    "url-expired": Fault(
        STORE,
        {},
        "take the signed address for expired",
        instead(lambda settings: refuse("AuthorizationFailure")),
    ),
    "blob-busy": Fault(
        STORE, {}, "answer with the store's XML 503", instead(lambda settings: refuse("ServerBusy"))
    ),
    "blob-reset": Fault(
        STORE,
        {},
        "take some bytes, then reset the connection",
        effects.blob_reset,
    ),
    "blob-lost": Fault(
        STORE,
        {},
        "acknowledge the bytes and lose them",
        shaped,
    ),
    "blob-no-checksum": Fault(
        STORE, {}, "store the bytes, answer without a checksum", rewriting.without_checksum
    ),
    "blob-other-checksum": Fault(
        STORE, {}, "store the bytes, answer with the checksum of others", rewriting.other_checksum
    ),
    "blob-other-bytes": Fault(STORE, {}, "store other bytes, answer with their checksum", shaped),
    "list-lags": Fault("GET /api/*", {"lag_s": 5.0}, "leave out of lists what is younger than lag_s", shaped),
    "list-skips": Fault(LISTS, {"rows": 1.0}, "leave rows out of a page, and count them", shaped),
    "list-shifts": Fault(
        LISTS,
        {"rows": 1.0},
        "let pages after the first begin so many rows later, as if rows before had gone",
        shaped,
    ),
    "slow-body": Fault(
        LIST, {"delay_s": 2.0}, "send the answer's body in pieces over delay_s", effects.slow_body
    ),
    "page-drift": Fault(
        LIST,
        {"rows": 1.0},
        "insert rows before a later page is read",
        effects.page_drift,
    ),
    "import-dies": Fault(IMPORT, {"row": 1.0}, "let the import die at that row, for good", shaped),
    "import-stalls": Fault(
        IMPORT,
        {"row": 1.0, "wake_s": 0.0},
        "let the import stop at that row, until wake_s later or for ever",
        shaped,
    ),
    "import-slow": Fault(IMPORT, {"row_s": 0.1}, "let every row of the import take row_s", shaped),
    "import-twice": Fault(IMPORT, {}, "run the import twice at once", shaped),
    "import-strangers": Fault(IMPORT, {"rows": 1.0}, "put rows of another import between", shaped),
    "import-no-manifest": Fault(IMPORT, {}, "answer that the manifest is not to be had", shaped),
    "import-slow-host": Fault(IMPORT, {"delay_s": 5.0}, "wait for the manifest's host, delay_s", shaped),
    "import-stale-counts": Fault(
        "GET /api/subject_set_imports*", {}, "tell of imports that no row was imported yet", shaped
    ),
    "export-lost": Fault(
        "POST /api/*_export", {}, "take the request for an export and never make it", shaped
    ),
    "quota": Fault(
        "*",
        {"limit": 0.0},
        "let accounts upload limit subjects, no more",
        shaped,
    ),
    "feature-off": Fault(
        CREATE,
        {},
        "switch uploading off",
        shaped,
    ),
    "weak-etags": Fault(
        "* /api/*",
        {},
        "mark tags as weak",
        rewriting.weak_etags,
    ),
    "stale-documents": Fault(
        "* /api/*",
        {},
        "write a record as it was first written in that second",
        shaped,
    ),
    "cached-documents": Fault(
        "* /api/*", {"age_s": 5.0}, "write a record as it was first read, for age_s", shaped
    ),
    "date-lies": Fault(
        "*",
        {"ahead_s": 3600.0, "behind_s": 0.0},
        "date answers by a clock that is wrong",
        rewriting.date_lies,
    ),
    "latency": Fault(
        "*", {"delay_s": 0.1, "max_s": 0.0}, "wait delay_s, or a random time up to max_s", effects.latency
    ),
    "bandwidth": Fault(
        "*",
        {"bytes_per_s": 100_000.0},
        "let bytes_per_s through",
        effects.bandwidth,
    ),
}
