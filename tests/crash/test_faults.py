"""Every fault that the sandbox knows, twice in a small upload: each row exactly once all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from rehearsal import make_run, start_upload
from server_state import Differences, differences

from zoocut.sandbox import Running, running

FAULTS: dict[str, dict[str, float]] = {
    "commit-then-500": {},
    "commit-then-504": {"delay_s": 0.3},
    "commit-then-close": {},
    "truncated": {},
    "bad-gateway": {},
    "unavailable": {},
    "late-commit": {"delay_s": 0.3},
    "conflict": {},
    "too-many": {"retry_after_s": 1.0},
    "unauthorised": {},
    "token-expired": {},
    "token-pruned": {},
    "url-expired": {},
    "blob-busy": {},
    "blob-reset": {},
    "blob-lost": {},
    "slow-body": {"delay_s": 0.3},
    "page-drift": {"rows": 2.0},
    "weak-etags": {},
    "stale-documents": {},
    "latency": {"delay_s": 0.0, "max_s": 0.1},
}
ANYWHERE = ("commit-then-500", "commit-then-close", "truncated", "bad-gateway", "unavailable")
OTHER_ROUTES = ("POST /api/subject_sets/*/links/subjects", "PUT /public/*", "PUT /api/subjects/*")
ROWS = 6
CASES = [(name, "") for name in FAULTS] + [(name, route) for name in ANYWHERE for route in OTHER_ROUTES[:2]]


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(options=["--quota", "1000000"]) as sandbox:
        yield sandbox


@pytest.mark.parametrize(("name", "route"), CASES)
def test_met_twice(name: str, route: str, server: Running, tmp_path: Path) -> None:
    run, set_name = make_run(tmp_path, ROWS, seed=3).path, f"met {name} {route}".strip()
    fault = {"name": name, "times": 2, **FAULTS[name], **({"route": route} if route else {})}
    requests.post(f"{server.endpoint}/sandbox/faults", json=fault, timeout=240).raise_for_status()
    process = start_upload(run, set_name, server.endpoint, "--check", "all", "--give-up-after", "20")
    told = process.communicate(timeout=240)
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    assert process.returncode == 0, told
    assert differences(server.endpoint, run, set_name) == Differences(0, 0, 0, 0, 0)
