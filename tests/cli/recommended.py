"""What a command recommends, typed in the very state that printed it: on a copy of the folder and HOME."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

BACKTICKED = re.compile(r"`(zoocut [a-z][^`\n]*)`")
NEXT = re.compile(r"^\s*next: [^`\n]*?(zoocut [a-z][^`\n]*)$", flags=re.MULTILINE)
DRY = {"upload": "--dry-run", "adopt": "--yes"}
"""What is added so that the server stays as it is: adopting writes the copied ledger alone."""

CHANGING = {"--prune", "--apply", "--unlink"}
"""What is left out for the same reason."""

ONLY_TYPED = {
    ("sets", "add"),
    ("sets", "remove"),
    ("sets", "create"),
    ("sets", "link"),
    ("login",),
    ("sandbox",),
}
"""Commands that change the server or wait for a person: that they can be typed is tested elsewhere."""


def recommended(printed: str) -> list[str]:
    """List the commands that an output recommends, each once."""
    return list(dict.fromkeys([*BACKTICKED.findall(printed), *NEXT.findall(printed)]))


def typed(command: str, given: tuple[str, ...]) -> list[str]:
    """Fill in a command's placeholders by what was typed before, and make it harmless."""
    run = next((word for word in given if (Path(word) / "run.toml").exists() or Path(word).is_dir()), "RUN")
    set_name = given[given.index("--set") + 1] if "--set" in given else "First night"
    filled = {
        "RUN": run,
        "OWNER/NAME": "owner/rehearsal",
        "SET NAME": set_name,
        "SET": set_name,
        "NAME": set_name,
    }
    filled["CONFIG"] = "zoocut.toml"
    words = [filled.get(word, word) for word in shlex.split(command)[1:] if word not in CHANGING]
    extra = DRY.get(words[0])
    return [*words, extra] if extra and extra not in words else words


def tried(
    printed: str, given: tuple[str, ...], folder: Path, env: dict[str, str]
) -> Iterator[tuple[str, int, str]]:
    """Type each recommended command in a copy of `folder`; yield it with its exit code and what it said."""
    for command in recommended(printed):
        words = typed(command, given)
        if (words[0],) in ONLY_TYPED or tuple(words[:2]) in ONLY_TYPED:
            continue
        copy = folder.with_name(f"{folder.name} copy")
        shutil.copytree(folder, copy, symlinks=True)
        try:
            moved = [word.replace(str(folder), str(copy)) for word in words]
            done = subprocess.run(
                [sys.executable, "-m", "zoocut", *moved],
                cwd=copy,
                env=os.environ | env | {"HOME": str(copy), "COLUMNS": "200"},
                capture_output=True,
                text=True,
                timeout=240,
            )
        finally:
            shutil.rmtree(copy)
        yield command, done.returncode, done.stdout + done.stderr
