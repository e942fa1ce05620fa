"""A robot that classifies as volunteers do: over HTTP, one subject after the other, right with a stated accuracy.

Volunteers look at the active workflows of live projects. What is right is the subject's hidden metadata
``#answer``, the number or the words of an answer; where there is none, the number of the subject decides. Every
third volunteer is not signed in, each comes from an address of its own, and looks at a subject once.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import requests

__all__ = ["Volunteers"]

ACCEPT = "application/vnd.api+json; version=1"
CLIENT = "0" * 64
IDLE_S = 1.0
"""How long volunteers wait when there is nothing to classify, or the sandbox does not answer."""
ANSWER_S = 30
SERVED = 50
"""Subjects that a volunteer is served at once: more than one, for who is not signed in is served what was seen."""
NOT_SIGNED_IN = 3
"""Every one of so many volunteers is anonymous."""


class Volunteers:
    """Some volunteers at one sandbox.

    Parameters
    ----------
    endpoint : str
        Where it answers.
    logins : sequence of str
        Their accounts.
    accuracy : float
        The chance that an answer is right; the others are equally likely.
    pause_s : float
        Seconds between two classifications.
    password : str
        Of their accounts.
    seed : int
        Of all their chances.
    """

    def __init__(
        self,
        endpoint: str,
        logins: Sequence[str],
        accuracy: float,
        pause_s: float,
        password: str,
        seed: int = 0,
    ) -> None:
        self._endpoint, self._accuracy, self._pause_s = endpoint, accuracy, pause_s
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        self._people = [_Person(endpoint, n, login, password) for n, login in enumerate(logins, 1)]
        self._thread = threading.Thread(target=self._work, name="volunteers", daemon=True)

    def start(self) -> None:
        """Begin, where there is somebody."""
        if self._people:
            self._thread.start()

    def stop(self) -> None:
        """End after the classification at hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _work(self) -> None:
        while not self._stop.is_set():
            done = [self._turn(person) for person in self._people if not self._stop.is_set()]
            if not any(done):
                self._stop.wait(IDLE_S)

    def _turn(self, person: _Person) -> bool:
        """Let one volunteer classify one subject, and tell whether there was one."""
        try:
            for workflow in person.workflows():
                subject = person.next_subject(workflow)
                if subject is not None:
                    person.classify(workflow, subject, self._annotations(workflow, subject))
                    self._stop.wait(self._pause_s)
                    return True
        except (requests.RequestException, KeyError, ValueError, IndexError):
            return False
        return False

    def _annotations(self, workflow: dict[str, Any], subject: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {"task": name, "value": self._value(task, subject)}
            for name, task in workflow["tasks"].items()
            if task.get("type") in ("single", "multiple")
        ]

    def _value(self, task: dict[str, Any], subject: dict[str, Any]) -> Any:
        count = len(task["answers"])
        right = right_answer(task["answers"], subject)
        if self._chance.random() >= self._accuracy and count > 1:
            right = self._chance.choice([one for one in range(count) if one != right])
        return right if task["type"] == "single" else [right]


def right_answer(answers: Sequence[dict[str, Any]], subject: dict[str, Any]) -> int:
    """Return the number of the answer that is right for a subject."""
    given = str(subject["metadata"].get("#answer", ""))
    words = [str(one.get("label")) for one in answers]
    if given in words:
        return words.index(given)
    if given.isdigit() and int(given) < len(answers):
        return int(given)
    return int(subject["id"]) % len(answers)


class _Person:
    """One volunteer: its session and, unless anonymous, its token."""

    def __init__(self, endpoint: str, number: int, login: str, password: str) -> None:
        self._endpoint, self._login, self._password = endpoint, login, password
        self._session = requests.Session()
        self._session.trust_env = False
        address = f"198.51.{100 + number // 250}.{number % 250 + 1}"
        self._session.headers.update({"Accept": ACCEPT, "X-Forwarded-For": address})
        self._done: set[tuple[str, str]] = set()
        self._anonymous = number % NOT_SIGNED_IN == 0

    def _sign_in(self) -> None:
        if self._anonymous or "Authorization" in self._session.headers:
            return
        form = {"grant_type": "password", "client_id": CLIENT, "login": self._login,
                "password": self._password}  # fmt: skip
        answer = self._session.post(f"{self._endpoint}/oauth/token", data=form, timeout=ANSWER_S)
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _call(self, send: Callable[..., requests.Response], path: str, **more: Any) -> dict[str, Any]:
        answer = send(f"{self._endpoint}/api{path}", timeout=ANSWER_S, **more)
        if answer.status_code == 401:
            self._session.headers.pop("Authorization", None)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    def workflows(self) -> list[dict[str, Any]]:
        """Return the active workflows of live projects that serve sets."""
        self._sign_in()
        projects = self._call(self._session.get, "/projects?live=true&page_size=100")["projects"]
        if not projects:
            return []
        ids = ",".join(one["id"] for one in projects)
        rows = self._call(self._session.get, f"/workflows?active=true&project_id={ids}")["workflows"]
        return [one for one in rows if one["links"]["subject_sets"]]

    def next_subject(self, workflow: dict[str, Any]) -> dict[str, Any] | None:
        """Return the first subject served that is not retired and that this volunteer has not seen, if any."""
        try:
            path = f"/subjects/queued?workflow_id={workflow['id']}&page_size={SERVED}"
            rows = self._call(self._session.get, path)["subjects"]
        except requests.HTTPError:
            return None
        done = self._done
        fresh = (one for one in rows if not one["retired"] and (workflow["id"], one["id"]) not in done)
        return next((one for one in fresh if not one["already_seen"]), None)

    def classify(
        self, workflow: dict[str, Any], subject: dict[str, Any], annotations: list[dict[str, Any]]
    ) -> None:
        """Send a classification."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata = {
            "started_at": now, "finished_at": now, "user_agent": "zoocut volunteers", "user_language": "en",
            "workflow_version": workflow["version"], "utc_offset": "0",
        }  # fmt: skip
        links = {
            "project": workflow["links"]["project"],
            "workflow": workflow["id"],
            "subjects": [subject["id"]],
        }
        content = {"completed": True, "metadata": metadata, "annotations": annotations, "links": links}
        self._call(self._session.post, "/classifications", json={"classifications": content})
        self._done.add((workflow["id"], subject["id"]))
