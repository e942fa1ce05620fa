"""What a maintainer needs to understand a fault: versions, settings, counts and the log, packed into one file."""

from __future__ import annotations

import json
import platform
import zipfile
from collections import Counter
from importlib.metadata import distributions
from pathlib import Path

from zoocut.files import appear_whole
from zoocut.run.folder import Run
from zoocut.run.rejected import read_rejected
from zoocut.status_report import status

__all__ = ["pack_bug_report"]

LAST_BYTES = 5_000_000
"""Of a log: the end of it, where the fault is, small enough for a letter."""


def pack_bug_report(run: Run, log: Path | None, goal: Path) -> list[str]:
    """Write versions, settings, counts and the log into an archive; no picture, no manifest, no account.

    Parameters
    ----------
    run : Run
        The run.
    log : Path or None
        A file that `--log-file` made.
    goal : Path
        The archive.

    Returns
    -------
    list of str
        The names of what it holds.

    Raises
    ------
    ZoocutError
        When the run or the log cannot be read, or the archive not written.
    """
    contents = {
        "versions.json": json.dumps(_versions(), indent=1).encode(),
        "status.json": json.dumps(status(run).to_dict(), indent=1).encode(),
        "rejected.json": json.dumps(_reasons(run), indent=1).encode(),
    }
    record = run.path / "run.toml"
    if record.is_file():
        contents["run.toml"] = record.read_bytes()
    if log is not None:
        contents["log.jsonl"] = log.read_bytes()[-LAST_BYTES:]
    with appear_whole(goal) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return list(contents)


def _versions() -> dict[str, object]:
    packages = {one.metadata["Name"]: one.version for one in distributions()}
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": dict(sorted(packages.items(), key=lambda pair: pair[0].lower())),
    }


def _reasons(run: Run) -> dict[str, int]:
    """Count the reasons of rejected sources by their first words: what follows may name files."""
    return dict(Counter(one.reason.partition(":")[0] for one in read_rejected(run.rejected)).most_common(50))
