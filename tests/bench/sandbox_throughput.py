"""How many subjects a second a sandbox makes for 8 clients, and how its memory grows with its subjects.

The server has one core, the clients the others; each
is a process of its own with one request at a time. Prints creations a second over the whole run, and the
server's resident memory after each quarter: `python tests/bench/sandbox_throughput.py [SUBJECTS]`.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

import requests

from zoocut.sandbox import running

CLIENTS = 8
BODY = json.dumps(
    {"subjects": {"external_id": "170032915988086813", "metadata": {"!diaSourceId": "170032915988086813"},
                  "locations": ["image/png"], "links": {"project": "1"}}}
).encode()  # fmt: skip


def create(address: str, token: str, count: int) -> None:
    connection = http.client.HTTPConnection(address)
    headers = {
        "Accept": "application/vnd.api+json; version=1",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
    }
    for _ in range(count):
        connection.request("POST", "/api/subjects", BODY, headers)
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
        answer.read()


def resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def main(subjects: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), options=["--quota", str(2 * subjects)]) as server,
    ):
        pid = server.process.pid
        os.sched_setaffinity(pid, {0})
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {0} or {0})
        known = {"login": "owner", "password": "sandbox-password"}
        form = {"grant_type": "password", "client_id": "ab" * 32, **known}
        token = requests.post(f"{server.endpoint}/oauth/token", data=form, timeout=30).json()["access_token"]
        print(f"     0 subjects: {resident_mb(pid):.1f} MB")
        made, seconds = 0, 0.0
        for _ in range(4):
            each = subjects // 4 // CLIENTS
            work = (server.endpoint.removeprefix("http://"), token, each)
            clients = [multiprocessing.Process(target=create, args=work) for _ in range(CLIENTS)]
            begun = time.perf_counter()
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            seconds += time.perf_counter() - begun
            made += each * CLIENTS
            print(f"{made:6d} subjects: {resident_mb(pid):.1f} MB, {made / seconds:.0f} creations a second")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
