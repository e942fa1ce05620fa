"""A workflow for the sandbox's robots, and waiting for them: what a user does in Zooniverse's project builder."""

from __future__ import annotations

import time
from typing import Any

import requests

from zoocut.error_kinds import DemoFailed

__all__ = ["open_workflow", "wait_for_retirement"]

ACCEPT = "application/vnd.api+json; version=1"
CLIENT = {"client_id": "5a4d" * 16, "client_secret": "5ec7" * 16}
"""The sandbox's own application, which acts as the project's owner."""

RETIRE_AT = 6
ANSWER_S = 30.0
LONGEST_S = 120.0
BETWEEN_LOOKS_S = 0.5
QUESTION = {
    "type": "single",
    "question": "Is there a real change in the difference image?",
    "answers": [{"label": "Real"}, {"label": "Bogus"}],
}


def open_workflow(endpoint: str, project: str) -> str:
    """Make an active workflow of one question, and let the sandbox answer as fast as it can.

    Returns
    -------
    str
        Its id.
    """
    requests.delete(f"{endpoint}/sandbox/faults", json={}, timeout=ANSWER_S)
    owner = _call(endpoint, "GET", f"/projects?slug={project}")["projects"][0]["id"]
    content = {
        "display_name": "Real or bogus?",
        "primary_language": "en",
        "active": True,
        "first_task": "T0",
        "tasks": {"T0": QUESTION},
        "retirement": {"criteria": "classification_count", "options": {"count": RETIRE_AT}},
        "links": {"project": owner},
    }
    return str(_call(endpoint, "POST", "/workflows", {"workflows": content})["workflows"][0]["id"])


def wait_for_retirement(endpoint: str, workflow: str, subjects: int) -> None:
    """Wait until so many subjects are retired.

    Raises
    ------
    ZoocutError
        When the robots take too long.
    """
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        found = _call(endpoint, "GET", f"/workflows/{workflow}")["workflows"][0]
        if int(found["retired_set_member_subjects_count"]) >= subjects:
            return
        time.sleep(BETWEEN_LOOKS_S)
    raise DemoFailed(f"the sandbox's robots did not classify {subjects} subjects in {LONGEST_S:.0f} s")


def _call(endpoint: str, method: str, path: str, body: Any = None) -> Any:
    grant = {"grant_type": "client_credentials", **CLIENT}
    token = requests.post(f"{endpoint}/oauth/token", json=grant, timeout=ANSWER_S).json()["access_token"]
    headers = {"Accept": ACCEPT, "Authorization": f"Bearer {token}"}
    answer = requests.request(method, f"{endpoint}/api{path}", json=body, headers=headers, timeout=ANSWER_S)
    if answer.status_code >= 400:
        raise DemoFailed(f"the sandbox answers {answer.status_code} to {method} {path}: {answer.text}")
    return answer.json()
