"""The sandbox against recorded exchanges with a running Panoptes, in ../shared/panoptes-probe."""

from __future__ import annotations

import importlib.util
import json
import secrets
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zoocut.sandbox import Running, running

NEEDS_SQL = ("expired: ", "revoked: ")
SQL_SCENARIOS = {"users_quota", "users_feature_flag"}

OTHERS = "scenarios that are not in scenarios.py, or that need SQL, had also made in the recorded project: "
MAY_DIFFER = {
    ("subjects_read", "by uploader newest first"): OTHERS + "two subjects",
    ("links_counts", "project"): OTHERS
    + "a workflow and five sets; the workflow's jobs had paused the project",
    ("workflows", "list"): OTHERS + "a workflow",
    (
        "links_concurrent",
        "members",
    ): "how many of the links at once conflict is chance; that those which did not are all "
    "there is tested below",
}
"""Steps whose answer may differ from the recording, and why."""


@pytest.fixture(scope="module")
def probe(published: Path) -> Path:
    return published / "panoptes-probe"


@pytest.fixture(scope="module")
def compare(probe: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare", probe / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def exchanges(probe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Transcripts of all scenarios, against a fresh sandbox."""
    out = tmp_path_factory.mktemp("transcripts")
    names = [file.stem for file in probe.glob("reference/*.json")]
    with running(options=["--import-limit", "10000"]) as server:
        command = [
            sys.executable,
            "-B",
            "probe.py",
            "--base",
            server.endpoint,
            "--out",
            out,
            "--only",
            *names,
        ]
        subprocess.run(command, cwd=probe, check=True, capture_output=True, timeout=300)
    return out


def steps(file: Path) -> list[dict[str, Any]]:
    return json.loads(file.read_text())["steps"]


def by_label(file: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for step in steps(file):
        found[step["label"]].append(step)
    return found


def test_answers_as_recorded(probe: Path, compare: ModuleType, exchanges: Path) -> None:
    noise = json.loads((probe / "noise.json").read_text())
    agreeing = total = 0
    unexplained, lines = [], []
    for file in sorted(probe.glob("reference/*.json")):
        if file.stem in SQL_SCENARIOS:
            continue
        ours = by_label(exchanges / file.name)
        wanted = [
            step
            for step in steps(file)
            if step["label"] not in noise.get(file.stem, []) and not step["label"].startswith(NEEDS_SQL)
        ]
        good = 0
        for step in wanted:
            mine = ours[step["label"]]
            difference = compare.step_diff(step, mine.pop(0)) if mine else ["not reached"]
            good += not difference
            reason = MAY_DIFFER.get((file.stem, step["label"]))
            if difference:
                lines.append(f"{file.stem}: {step['label']}: {difference} ({reason or 'NO REASON STATED'})")
            if difference and (reason is None or difference[0].startswith("status")):
                unexplained.append(lines[-1])
        agreeing, total = agreeing + good, total + len(wanted)
        print(f"{file.stem}: {good}/{len(wanted)}")
    print(*lines, sep="\n")
    print(f"together {agreeing}/{total}")
    assert total > 600
    assert not unexplained
    assert agreeing / total >= 0.99


def test_some_parallel_links_conflict(exchanges: Path) -> None:
    statuses = [
        step["response"]["status"]
        for step in steps(exchanges / "links_concurrent.json")
        if step["label"].startswith("worker")
    ]
    assert set(statuses) == {200, 409}
    (members,) = by_label(exchanges / "links_concurrent.json")["members"]
    assert len(members["response"]["body"]["subjects"]) == 3 * statuses.count(200)


# the scenarios that a real server needs SQL for, by the sandbox's controls


def transcript(label: str, answer: Any) -> dict[str, Any]:
    """Write an answer as the probe records one."""
    body: Any = answer.text[:1500]
    if "json" in answer.headers.get("Content-Type", "") and answer.content:
        body = answer.json()
    headers = {key.lower(): value for key, value in answer.headers.items()}
    return {"label": label, "response": {"status": answer.status_code, "headers": headers, "body": body}}


def differences(compare: ModuleType, file: Path, given: list[dict[str, Any]]) -> list[str]:
    wanted = by_label(file)
    return [
        f"{step['label']}: {difference}"
        for step in given
        for difference in compare.step_diff(wanted[step["label"]][0], step)
    ]


def probe_project(me: Any, kind: str) -> str:
    """Make a project as the recorded scenarios had them."""
    run = secrets.token_hex(4)
    fields = {
        "display_name": f"Probe {run} {kind} owner",
        "description": "probe",
        "introduction": "probe",
        "primary_language": "en",
        "private": kind == "private",
    }
    return me.made(me.call("POST", "/projects", {"projects": fields}))["id"]


def probe_subject(project: str) -> dict[str, Any]:
    links, metadata = {"project": project}, {"diaSourceId": "1"}
    return {"subjects": {"locations": ["image/png"], "links": links, "metadata": metadata}}


@pytest.mark.parametrize(("state", "control"), [("expired", "expire"), ("revoked", "revoke")])
def test_tokens_that_no_longer_hold(
    probe: Path, compare: ModuleType, faulty: Running, at: Callable[..., Any], state: str, control: str
) -> None:
    me = at(faulty.endpoint, "owner")
    project, private = probe_project(me, "public"), probe_project(me, "private")
    new = probe_subject(project)
    subject = me.made(me.call("POST", "/subjects", new))
    set_id = me.new_set(project, display_name=f"tok {secrets.token_hex(4)} 1")
    me.control("POST", f"/tokens/{control}", {"token": me.token})
    never = {"subject_sets": {"display_name": "never", "links": {"project": private}}}
    link = f"/subject_sets/{set_id}/links/subjects"
    calls = {
        "me": me.call("GET", "/me"),
        "get public project": me.call("GET", f"/projects/{project}"),
        "get private project": me.call("GET", f"/projects/{private}"),
        "list subjects": me.call("GET", f"/subjects?project_id={project}&page_size=1"),
        "create subject": me.call("POST", "/subjects", new),
        "create set": me.call("POST", "/subject_sets", never),
        "link": me.call("POST", link, {"subjects": [subject["id"]]}),
        "unlink": me.call("DELETE", f"{link}/{subject['id']}"),
        "put": me.call(
            "PUT", f"/subjects/{subject['id']}", {"subjects": {"locations": []}}, **{"If-Match": '"x"'}
        ),
    }
    given = [transcript(f"{state}: {name}", answer) for name, answer in calls.items()]
    assert not differences(compare, probe / "reference/auth_bad_tokens.json", given)


def test_quota(probe: Path, compare: ModuleType, faulty: Running, at: Callable[..., Any]) -> None:
    me = at(faulty.endpoint, "stranger")
    project = probe_project(me, "public")
    new = probe_subject(project)
    me.control("POST", "/users/stranger", {"subject_limit": 0, "uploaded_count": 2})
    given = [
        transcript("me", me.call("GET", "/me")),
        transcript("create over quota", me.call("POST", "/subjects", new)),
        transcript("create over quota, bad body", me.call("POST", "/subjects", {"subjects": {}})),
    ]
    me.control("POST", "/users/stranger", {"upload_whitelist": 1})
    given.append(transcript("whitelisted", me.call("POST", "/subjects", new)))
    me.control("POST", "/users/stranger", {"subject_limit": None, "upload_whitelist": 0})
    assert not differences(compare, probe / "reference/users_quota.json", given)


def test_uploading_switched_off(
    probe: Path, compare: ModuleType, faulty: Running, at: Callable[..., Any]
) -> None:
    me = at(faulty.endpoint, "owner")
    project = probe_project(me, "public")
    new = probe_subject(project)
    for _ in range(3):
        me.made(me.call("POST", "/subjects", new))
    me.control("POST", "/features/subject_uploading", {"on": False})
    given = [
        transcript("create", me.call("POST", "/subjects", new)),
        transcript("create, bad body", me.call("POST", "/subjects", {"subjects": {}})),
        transcript("list still works", me.call("GET", f"/subjects?project_id={project}&page_size=1")),
    ]
    me.control("POST", "/features/subject_uploading", {"on": True})
    given.append(transcript("create after", me.call("POST", "/subjects", new)))
    assert not differences(compare, probe / "reference/users_feature_flag.json", given)


def test_a_pruned_token_is_nobodys(faulty: Running, at: Callable[..., Any]) -> None:
    me = at(faulty.endpoint, "owner")
    me.control("POST", "/tokens/prune", {"token": me.token})
    answer = me.call("POST", "/subjects", {})
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["message"] == "You must be logged in to access this resource."
