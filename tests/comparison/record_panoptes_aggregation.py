"""Has panoptes_aggregation 5.3.1 count the exports of this folder, and records what it says.

    python tests/comparison/record_panoptes_aggregation.py

Builds an environment of its own, as panoptes_aggregation needs older numpy and pandas than zoocut may have, and
writes `panoptes_aggregation-5.3.1.json` beside itself, which tests/unit/test_results_aggregation.py compares
with. With --check it writes nothing and says whether the record is still what comes out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from exports_to_compare import CASES
from panoptes_exports import write_export

VERSION = "5.3.1"
RECORD = Path(__file__).resolve().parent / f"panoptes_aggregation-{VERSION}.json"
REDUCERS = ("question_reducer", "question_consensus_reducer")
PROGRAM = """
import json, sys
from pathlib import Path

import pandas
import yaml
from panoptes_aggregation.extractors.question_extractor import slugify_or_null
from panoptes_aggregation.scripts.extract_panoptes_csv import extract_csv
from panoptes_aggregation.scripts.reduce_panoptes_csv import reduce_csv

folder, version, tasks, reducers, labels = Path(sys.argv[1]), *map(json.loads, sys.argv[2:])
config = {
    "workflow_id": 77, "workflow_version": version,
    "extractor_config": {"question_extractor": [{"task": task} for task in tasks]},
}
(folder / "extract.yaml").write_text(yaml.safe_dump(config))
extract_csv(folder / "c.csv", folder / "extract.yaml", output_dir=str(folder), hide_progressbar=True)
found = {"slugs": {label: slugify_or_null(label) for label in labels}}
for reducer in reducers:
    (folder / "reduce.yaml").write_text(yaml.safe_dump({"reducer_config": {reducer: {}}}))
    extracts = folder / "question_extractor_extractions.csv"
    table = reduce_csv(extracts, folder / "reduce.yaml", output_dir=str(folder), hide_progressbar=True)
    rows = pandas.read_csv(table, encoding="utf-8").to_dict("records")
    found[reducer] = [
        {name: value for name, value in row.items() if value == value and "aggregation_version" not in name}
        for row in rows
    ]
print("RECORD" + json.dumps(found))
"""


def environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", f"panoptes_aggregation=={VERSION}"], check=True)
    return python


def counted(python: Path, name: str) -> dict[str, Any]:
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        rows = case.rows()
        write_export(Path(folder) / "c.csv", rows)
        labels = sorted({label for row in rows for label in labels_of(row.annotations or [row.answer])})
        arguments = map(json.dumps, (case.version, case.questions, REDUCERS, labels))
        done = subprocess.run(
            [python, "-c", PROGRAM, folder, *arguments], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr}")
    record: dict[str, Any] = json.loads(done.stdout.partition("RECORD")[2])
    return record


def labels_of(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        return labels_of(value.get("value"))
    return {label for one in value for label in labels_of(one)} if isinstance(value, list) else set()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the record, write nothing")
    parser.add_argument("--python", type=Path, help="an environment that is there already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = arguments.python or environment(Path(folder) / "environment")
        record = {name: counted(python, name) for name in CASES}
    text = json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if not arguments.check:
        RECORD.write_text(text, encoding="utf-8")
    elif RECORD.read_text(encoding="utf-8") != text:
        raise SystemExit(f"{RECORD.name} is not what panoptes_aggregation {VERSION} says")
    print(f"panoptes_aggregation {VERSION}: {len(record)} exports")


if __name__ == "__main__":
    main()
