"""What an import of many rows costs: requests a subject, wall time and memory, at 100 ms a request.

    python tests/bench/import_many_rows.py [ROWS]

Images are served by Python's server on loopback; the sandbox is the server, a process of its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from hosts import address_rows, serving
from uploads import account, picture

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import running


def make(path: Path, rows: int) -> Path:
    run, content = Run.create(path), picture("one")
    (path / "images").mkdir()
    for number in range(rows):
        (path / f"images/{number}.png").write_bytes(content)
    names = (ManifestRow(str(10**9 + n), (f"images/{n}.png",), {"band": "gr"[n % 2]}) for n in range(rows))
    write_manifest(run.manifest, names, ["band"])
    return path


def main(rows: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as host,
        running(options=["--quota", "1000000"]) as server,
    ):
        run = address_rows(make(Path(folder) / "run", rows), f"{host.endpoint}/run")
        latency = {"name": "latency", "delay_s": 0.1, "route": "* /api/*"}
        assert requests.post(f"{server.endpoint}/sandbox/faults", json=latency, timeout=30).ok
        log, began = Path(folder) / "log.jsonl", time.monotonic()
        options = ["--project", "owner/rehearsal", "--set", "Imported", "--settle", "10"]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "zoocut",
                "-vv",
                "--log-file",
                log,
                "upload",
                run,
                "--import",
                *options,
            ],
            env=os.environ | account(server) | {"HOME": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        took_s = time.monotonic() - began
        asked = sum(server.endpoint in line for line in log.read_text().splitlines())
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    figures = {"rows": rows, "exit": done.returncode, "wall_s": round(took_s, 1), "requests": asked}
    print(json.dumps({**figures, "requests_a_subject": asked / rows, "largest_child_MiB": round(memory)}))
    print(done.stdout, done.stderr[-500:] if done.returncode else "")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
