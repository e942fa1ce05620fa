"""What an import of many rows costs beside single creates of some of these rows, at 100 ms a request.

    python tests/bench/import_many_rows.py [ROWS [SINGLY]]

Images are served by Python's server on loopback; the sandbox is the server, a process of its own. Requests are counted
in the log that the upload writes; time and memory are those of the upload's process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from hosts import address_rows, serving
from uploads import account, picture

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import Running, running

HEAD = "| way | rows | requests | a subject | wall s | rows/s | user+sys s | MiB | exit | load |"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one upload took."""

    rows: int
    requests: int
    wall_s: float
    cpu_s: float
    memory_mib: float
    code: int

    def line(self, way: str) -> str:
        rates = f"{self.requests / self.rows:.4f} | {self.wall_s:.0f} | {self.rows / self.wall_s:.0f}"
        cost = f"{self.cpu_s:.0f} | {self.memory_mib:.0f} | {self.code} | {os.getloadavg()[0]:.1f}"
        return f"| {way} | {self.rows} | {self.requests} | {rates} | {cost} |"


def make(path: Path, rows: int) -> Path:
    """Make a run of the first rows."""
    run, content = Run.create(path), picture("one")
    (path / "images").mkdir()
    for number in range(rows):
        (path / f"images/{number}.png").write_bytes(content)
    write_manifest(run.manifest, _rows(rows), ["band"])
    return path


def _rows(count: int) -> Iterator[ManifestRow]:
    return (ManifestRow(str(10**9 + n), (f"images/{n}.png",), {"band": "gr"[n % 2]}) for n in range(count))


def measured(server: Running, run: Path, rows: int, *options: str) -> Measured:
    """Upload a run and count what it took."""
    log, began = run.parent / f"{run.name}.log", time.monotonic()
    words = [sys.executable, "-m", "zoocut", "-vv", "--log-file", str(log), "upload", str(run), *options]
    words += ["--project", "owner/rehearsal", "--set", run.name]
    home, told = os.environ | account(server) | {"HOME": str(run.parent)}, run.parent / f"{run.name}.txt"
    with told.open("wb") as output:
        process = subprocess.Popen(words, env=home, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
    code, wall_s = os.waitstatus_to_exitcode(status), time.monotonic() - began
    if code:
        print(told.read_text()[-500:], flush=True)
    with log.open(encoding="utf-8") as lines:
        asked = sum(server.endpoint in line for line in lines)
    return Measured(rows, asked, wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, code)


def main(rows: int, singly: int) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        serving(Path(name)) as host,
        running(options=["--quota", "1000000"]) as server,
    ):
        folder = Path(name)
        latency = {"name": "latency", "delay_s": 0.1, "route": "* /api/*"}
        assert requests.post(f"{server.endpoint}/sandbox/faults", json=latency, timeout=30).ok
        print(HEAD, "|---" * 10 + "|", sep="\n", flush=True)
        for way, count in (("--import", rows), ("--urls", singly)):
            run = make(folder / way.strip("-"), count)
            address_rows(run, f"{host.endpoint}/{run.name}")
            print(measured(server, run, count, way, "--settle", "10").line(way), flush=True)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    )
