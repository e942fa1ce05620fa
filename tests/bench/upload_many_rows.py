"""A hundred thousand rows: a minute of uploading, the rest, then status and an upload that has nothing to do.

    python tests/bench/upload_many_rows.py --rows 100000

After a minute the upload is stopped by SIGINT and status asked; then it goes on to the end.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from PIL import Image
from rehearsal import environment

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import running


def many_rows(path: Path, count: int) -> Run:
    run = Run.create(path)
    for number in range(count):
        name = path / "images" / f"{number // 10000}" / f"{number}.png"
        name.parent.mkdir(parents=True, exist_ok=True)
        Image.frombytes("L", (8, 8), number.to_bytes(8, "big") * 8).save(name)
    rows = (
        ManifestRow(
            str(170_000_000_000_000_000 + n), (f"images/{n // 10000}/{n}.png",), {"!diaSourceId": str(n)}
        )
        for n in range(count)
    )
    write_manifest(run.manifest, rows, ["!diaSourceId"])
    return run


def measured(name: str, command: list[str], env: dict[str, str], stop_after: float | None = None) -> None:
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if stop_after is not None:
        time.sleep(stop_after)
        process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    said = process.stdout.read().strip().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    print(
        f"{name}: {time.monotonic() - began:.2f} s, {used.ru_utime + used.ru_stime:.2f} s of a processor, at most "
        f"{used.ru_maxrss / 1024:.0f} MiB, load {os.getloadavg()[0]:.1f}, exit {os.waitstatus_to_exitcode(status)}: "
        f"{said[0] if said else ''}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--minute", type=float, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(options=["--quota", "1000000"]) as sandbox:
        run = many_rows(Path(folder) / "run", asked.rows)
        env = environment(sandbox.endpoint)
        zoocut = [sys.executable, "-m", "zoocut"]
        upload = [*zoocut, "upload", str(run.path), "--project", "owner/rehearsal", "--set", "many"]
        measured("plan and upload, stopped", upload, env, asked.minute)
        written = sum(path.stat().st_size for path in run.path.glob("ledger.sqlite3*"))
        print(f"ledger and log under way: {written / run.manifest.stat().st_size:.1f} times the manifest")
        measured("status, under way", [*zoocut, "status", str(run.path)], env)
        measured("the rest", upload, env)
        print(f"ledger: {run.ledger.stat().st_size / 1e6:.0f} MB for {asked.rows} rows")
        measured("status, complete", [*zoocut, "status", str(run.path)], env)
        measured("upload, nothing to do", upload, env)


if __name__ == "__main__":
    main()
