"""A contestant in a process of its own: takes a line of JSON for each job, answers with seconds.

`python worker.py MODULE`: MODULE has `prepare(job) -> callable`; only the call is measured.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import redirect_stdout
from importlib import import_module


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # nothing that a contestant prints is taken for an answer
    contestant = import_module(sys.argv[1])
    for line in sys.stdin:
        job = json.loads(line)
        with redirect_stdout(sys.stderr):
            action = contestant.prepare(job)
            before, start = time.process_time(), time.perf_counter()
            note = action()
            wall, cpu = time.perf_counter() - start, time.process_time() - before
        answers.write(json.dumps({"wall": wall, "cpu": cpu, "note": note}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
