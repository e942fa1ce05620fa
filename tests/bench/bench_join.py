"""Time and memory of `zoocut join` on a made classification export.

Run: python tests/bench/bench_join.py [ROWS [SOURCES]]
"""

from __future__ import annotations

import csv
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from zoocut.run.folder import Run
from zoocut.run.sources import DrawnSource, DrawnWriter, put_together

FIRST_ID = 250_911_420_113_408_000
HEADER = [
    *("classification_id", "user_name", "user_id", "user_ip", "workflow_id", "workflow_name"),
    *("workflow_version", "created_at", "gold_standard", "expert", "metadata", "annotations"),
    *("subject_data", "subject_ids"),
]
METADATA = json.dumps(
    {
        "source": "api",
        "session": "5" * 64,
        "viewport": {"width": 1280, "height": 720},
        "started_at": "2026-06-17T09:06:58.123Z",
        "finished_at": "2026-06-17T09:07:04.001Z",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126",
        "utc_offset": "14400",
        "subject_dimensions": [
            {"naturalWidth": 606, "clientWidth": 606, "naturalHeight": 224, "clientHeight": 224}
        ],
    }
)
ANNOTATIONS = json.dumps([{"task": "T0", "task_label": "What do you see?", "value": "A real transient"}])


def make_run(folder: Path, sources: int) -> Run:
    run = Run.create(folder)
    with DrawnWriter(run.sources) as drawn:
        for number in range(sources):
            columns = {
                "diaSourceId": FIRST_ID + number,
                "ra": 55.7 + number * 1e-6,
                "dec": -32.3,
                "snr": 7.25,
            }
            columns |= {f"column{n}": number / (n + 1) for n in range(27)}
            drawn.add(DrawnSource(columns, (f"images/{number}.png",), ("0" * 64,)), number)
    put_together(run.sources)
    return run


def make_export(path: Path, rows: int, sources: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(rows):
            source, subject = (number * 7919) % sources, 9_000_000 + (number * 7919) % sources
            data = {
                str(subject): {"retired": None, "!diaSourceId": str(FIRST_ID + source), "Filename": "x.png"}
            }
            cells = [400_000_000 + number, f"volunteer{number % 5000}", number % 5000, "ab" * 10, 8, "Look"]
            cells += ["12.34", "2026-06-17 09:07:04 UTC", "", "", METADATA, ANNOTATIONS]
            writer.writerow([*cells, json.dumps(data), subject])


def check(path: Path, sources: int) -> str:
    digest = hashlib.sha256()
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            source = (number * 7919) % sources
            assert row["diaSourceId"] == str(FIRST_ID + source)
            assert float(row["column1"]) == source / 2
            digest.update(row["diaSourceId"].encode())
    return digest.hexdigest()[:12]


def main(rows: int = 1_000_000, sources: int = 50_000) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = make_run(folder / "run", sources)
        export, output = folder / "classifications.csv", folder / "joined.csv"
        make_export(export, rows, sources)
        began = time.perf_counter()
        command = [sys.executable, "-m", "zoocut", "join", export, run.path, "-o", output]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        took_s = time.perf_counter() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s, peak_mb = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
        assert done.returncode == 0, done.stderr
        sizes = f"{export.stat().st_size / 1e6:.0f} MB in, {output.stat().st_size / 1e6:.0f} MB out"
        print(f"{rows} rows, {sources} sources of 31 columns, {sizes}")
        print(f"{took_s:.1f} s ({cpu_s:.1f} s of them computing), peak memory {peak_mb:.0f} MB")
        print(f"all ids exact: {check(output, sources)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
