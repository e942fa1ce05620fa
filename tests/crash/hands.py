"""Other people's hands in the set that an upload fills: subjects come and go while its lists are read."""

from __future__ import annotations

import threading
from contextlib import suppress

from zoocut.errors import ZooniverseError
from zoocut.zooniverse.connect import connect, connect_set_admin
from zoocut.zooniverse.credentials import Credentials

OWNER = Credentials("owner", "sandbox-password")


def other_hands(endpoint: str, set_name: str, over: threading.Event) -> None:
    """Put subjects of its own into the set and take them out, and make and delete others, until it is over."""
    panoptes, _ = connect(endpoint, OWNER)
    admin = connect_set_admin(endpoint, OWNER)
    project = panoptes.project("owner/rehearsal")
    mine: list[str] = []
    try:
        while not over.wait(0.05):
            with suppress(ZooniverseError):
                sets = panoptes.subject_sets(project, set_name)
                made = panoptes.create_subject(
                    project.project_id, "drift", {"by": "other hands"}, ["image/png"]
                )
                mine.append(made.subject_id)
                if sets and len(mine) % 2:
                    panoptes.link(sets[0].set_id, [made.subject_id])
                if len(mine) > 4:
                    gone = mine.pop(0)
                    for one in sets:
                        admin.unlink(one.set_id, [gone])
                    panoptes.delete_subject(gone)
    finally:
        for one in panoptes.retrying().subject_sets(project, set_name):
            admin.unlink(one.set_id, mine)
