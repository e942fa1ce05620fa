"""A hundred thousand rows: planning and a minute of uploading, then a complete ledger: status and a second upload.

    python tests/bench/upload_many_rows.py --rows 100000

The first minute is a real upload, stopped by SIGINT. The ledger is then completed by writing the facts that the
rest of the upload would write, because what is measured afterwards is reading it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from PIL import Image
from rehearsal import environment

from zoocut.ledger import Ledger, State
from zoocut.manifest import ManifestRow, write_manifest
from zoocut.run import Run
from zoocut.sandbox import running


def many_rows(path: Path, count: int) -> Run:
    run = Run.create(path, {})
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
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if stop_after is not None:
        time.sleep(stop_after)
        process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    said = process.stdout.read().strip().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    print(
        f"{name}: {time.monotonic() - began:.2f} s, at most {used.ru_maxrss / 1024:.0f} MiB, "
        f"exit {os.waitstatus_to_exitcode(status)}: {said[0] if said else ''}",
        flush=True,
    )


def complete(run: Run) -> None:
    with Ledger.open(run.ledger, run.run_id) as ledger:
        (target,) = ledger.targets()
        while page := ledger.entries(target, State.PLANNED):
            ledger.save(
                [
                    replace(
                        entry,
                        state=State.LINKED,
                        subject_id=str(10_000_000 + entry.row),
                        attempt=1,
                        sent_at=1.8e9,
                        sent_as="1",
                        images=tuple(
                            replace(i, sha256="a" * 64, md5="b" * 32, media_name="c" * 40, proved=True)
                            for i in entry.images
                        ),
                    )
                    for entry in page
                ]
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
        complete(run)
        print(f"ledger: {run.ledger.stat().st_size / 1e6:.0f} MB for {asked.rows} rows")
        measured("status, complete", [*zoocut, "status", str(run.path)], env)
        measured("upload, nothing to do", upload, env)


if __name__ == "__main__":
    main()
