"""Seconds and peak memory of `zoocut results` on made exports of several lengths.

    python tests/bench/bench_results.py 100000 1000000
    python tests/bench/bench_results.py 100000 --beside PYTHON

Every source has 25 classifications by volunteers who answer right nine times out of ten. With --beside, the
interpreter of an environment with panoptes_aggregation 5.3.1 reduces the same file.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from panoptes_exports import Row, write_export

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest

VOTES_EACH = 25
FIRST_SOURCE = 170_059_034_123_456_780
FIRST_SUBJECT = 90_000_001
BEGUN = datetime(2026, 8, 1, tzinfo=UTC)
REDUCE = """
import sys
from pathlib import Path
from panoptes_aggregation.scripts.extract_panoptes_csv import extract_csv
from panoptes_aggregation.scripts.reduce_panoptes_csv import reduce_csv
export, folder = sys.argv[1:]
(Path(folder) / "e.yaml").write_text(
    "workflow_id: 77\\nworkflow_version: '12.0'\\nextractor_config:\\n  question_extractor:\\n  - task: T0\\n"
)
(Path(folder) / "r.yaml").write_text("reducer_config:\\n  question_reducer: {}\\n")
extract_csv(export, folder + "/e.yaml", output_dir=folder, hide_progressbar=True)
reduce_csv(folder + "/question_extractor_extractions.csv", folder + "/r.yaml", output_dir=folder, hide_progressbar=True)
"""


def classifications(count: int) -> Iterator[Row]:
    chance = random.Random(1)
    for number in range(count):
        at = chance.randrange(max(1, count // VOTES_EACH))
        right, wrong = ("Real", "Bogus") if at % 3 else ("Bogus", "Real")
        yield Row(
            FIRST_SUBJECT + at,
            right if chance.random() < 0.9 else wrong,
            None if chance.random() < 0.3 else f"volunteer{chance.randrange(20_000)}",
            network=f"{chance.randrange(2000):020x}",
            source=str(FIRST_SOURCE + at),
            number=500_000_000 + number,
            created_at=(BEGUN + timedelta(seconds=number)).strftime("%Y-%m-%d %H:%M:%S UTC"),
        )


def make_run(folder: Path, count: int) -> Run:
    run = Run.create(folder)
    names = [str(FIRST_SOURCE + at) for at in range(max(1, count // VOTES_EACH))]
    rows = (
        ManifestRow(name, (f"images/{name}.png",), {"#diaSourceId": name, "snr": "7.5"}) for name in names
    )
    write_manifest(run.manifest, rows, ["#diaSourceId", "snr"])
    return run


def measured(*command: str) -> tuple[float, float]:
    """Give seconds, and peak memory in MB, of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[:6]} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="+", type=int)
    parser.add_argument("--beside", help="a python that has panoptes_aggregation")
    arguments = parser.parse_args()
    print(f"{'rows':>9} {'MB':>6} {'seconds':>8} {'rows/s':>8} {'peak MB':>8}")
    for count in arguments.counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            export = write_export(folder / "classifications.csv", classifications(count))
            run = make_run(folder / "run", count)
            size = export.stat().st_size / 1e6
            took, peak = measured(
                sys.executable, "-m", "zoocut", "results", str(run.path), "--export", str(export), "--json"
            )
            print(f"{count:9} {size:6.0f} {took:8.1f} {count / took:8.0f} {peak:8.0f}", flush=True)
            if arguments.beside:
                took, peak = measured(arguments.beside, "-c", REDUCE, str(export), str(folder))
                print(f"{'beside':>9} {size:6.0f} {took:8.1f} {count / took:8.0f} {peak:8.0f}", flush=True)


if __name__ == "__main__":
    main()
