"""A session that asks again where asking twice does no harm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from zoocut.zooniverse.faults import Busy, Doubtful, Refused, Unreachable
from zoocut.zooniverse.session import Answer, Session

__all__ = ["PatientSession"]

ATTEMPTS = 6
LONGEST_S = 8.0
BEING_CHANGED = 409
LINKS_OF_SUBJECTS = re.compile(r"/subject_sets/\d+/links/subjects")


class PatientSession(Session):
    """Repeats every request that comes to the same when repeated: all but those that create."""

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        etag: str | None = None,
    ) -> Answer:
        """Send a request, again when the server is busy, the answer is lost or the set was being changed."""
        once = super().request
        if method == "POST" and not LINKS_OF_SUBJECTS.fullmatch(path):
            return once(method, path, params, body, etag)
        patiently = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.2, max=LONGEST_S),
            reraise=True,
        )
        answer: Answer = patiently(once, method, path, params, body, etag)
        return answer


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, Refused):
        return error.status == BEING_CHANGED
    return isinstance(error, Busy | Doubtful | Unreachable)
