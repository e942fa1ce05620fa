"""A process that uploads a run with the product's own parts and kills itself with SIGKILL at one named point.

    python perish.py "before create_subject" 3 RUN SET ENDPOINT

A point is before or after a call of the ledger, of Panoptes or of the store; `save` is told apart by the new states of
the entries. The number says at which such call.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, cast

from zoocut.ledger import Ledger, sole_uploader
from zoocut.uploading.folder import open_run
from zoocut.uploading.goals import Goal
from zoocut.uploading.request import Timing, UploadRequest
from zoocut.uploading.uploading import upload
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.credentials import Credentials

WRONGLY_OUT_S = 0.5
"""Before what is not saved nothing may leave: a request that did so all the same has the time to take effect."""


class Doom:
    """Counts the passes of one point and ends the process at the one it waits for."""

    def __init__(self, point: str, countdown: int) -> None:
        self.point, self.countdown = point, countdown

    def passes(self, point: str) -> None:
        if point == self.point:
            self.countdown -= 1
            if self.countdown <= 0:
                if point.startswith("before save"):
                    time.sleep(WRONGLY_OUT_S)
                os.kill(os.getpid(), signal.SIGKILL)


class Doomed:
    """Stands for another object, and its retrying self, and tells the doom before and after each call."""

    def __init__(self, inner: Any, doom: Doom) -> None:
        self._inner, self._doom = inner, doom

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._watched(name, value) if callable(value) else value

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            states = {entry.state.value: None for entry in args[0]} if name == "save" else {}
            points = [f"save {state}" for state in states] or [name]
            for point in points:
                self._doom.passes(f"before {point}")
            result = call(*args, **kwargs)
            for point in points:
                self._doom.passes(f"after {point}")
            return Doomed(result, self._doom) if name in ("retrying", "stopped_by") else result

        return watched


def main(point: str, countdown: str, folder: str, set_name: str, endpoint: str) -> None:
    doom = Doom(point, int(countdown))
    run = open_run(Path(folder))
    panoptes, store = connect(endpoint, Credentials("owner", "sandbox-password"), 30)
    request = UploadRequest(
        Goal(endpoint, "owner/rehearsal", set_name), Timing(0.5, 30, 4), print, print, checks=3
    )
    with sole_uploader(run.ledger), Ledger.open(run.ledger, run.run_id) as ledger:
        upload(
            run,
            request,
            cast(Any, Doomed(ledger, doom)),
            cast(Any, Doomed(panoptes, doom)),
            cast(Any, Doomed(store, doom)),
            lambda snapshot: None,
            Event(),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
