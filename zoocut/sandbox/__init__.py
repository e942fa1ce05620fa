"""A Panoptes-compatible server on loopback, for rehearsal and tests.

A request passes `middleware` (loopback only, early refusals, faults, log) and reaches a route of `api`, which
reads and writes `state`: one SQLite database and a folder of blobs, so that a kill loses nothing.
`api.lists` holds the one set of rules for paging, filters, sorting and includes; `api.resources` says of each
kind of record what can be asked of it, `api.documents` how it is written, `api.shapes` what a body must hold.
What the server does after its answer (counts, priorities, removals) is a job in the database, done by
`state.jobs` when it is due. `faults` has one registry of what can be made to go wrong; each fault wraps the
application for the calls it meets. `control` serves /sandbox/: faults, tokens, quotas, and a snapshot of all
that is held; `pages` shows the same to people. `running` starts a sandbox in a process of its own, `serve` runs
one here, and `app.application` makes the web application, to which further routes can be added.
"""

from zoocut.sandbox.running import Running, running

__all__ = ["Running", "running"]
