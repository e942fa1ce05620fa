"""The ledger: what is known to have happened at Zooniverse, and the only SQL about it.

One SQLite file a run, `ledger.sqlite3`. It has a target for each subject set that the run goes to, for each target a
row for each manifest row (an `Entry`, in one `State`), and for each row a line an image. `planning` takes a manifest
in: new rows are added, rows that have not begun follow the manifest, rows that may have a subject must agree with it.
`book` reads entries and saves them, one transaction a call, on disk when it returns; `members` and `attachments` keep
beside them what the set holds and what goes to Talk pages; `schema` holds the tables and how
an older file becomes a newer one; `lock` lets one process write, by a lock of the system that dies with its holder.
What leads from one state to the next is not decided here but by `zoocut.uploading.machine`.
"""

from zoocut.ledger.book import Ledger, run_id_in
from zoocut.ledger.dropping import count_unsettled, drop_target
from zoocut.ledger.lock import sole_uploader
from zoocut.ledger.planning import PlannedRow
from zoocut.ledger.records import Entry, Image, Member, State, Target

__all__ = [
    "Entry",
    "Image",
    "Ledger",
    "Member",
    "PlannedRow",
    "State",
    "Target",
    "count_unsettled",
    "drop_target",
    "run_id_in",
    "sole_uploader",
]
