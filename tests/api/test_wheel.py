"""What is built and installed is typed: a user's file passes `mypy --strict`, and a wrong one does not."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

USERS_FILE = """
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import zoocut
from zoocut.errors import QuotaReached


class Night:
    @property
    def expected(self) -> int | None:
        return None

    def sources(self) -> Iterator[zoocut.DiaSource | zoocut.Rejection]:
        yield zoocut.DiaSource(1, 10.0, 20.0, "own", "row 1", {"diaSourceId": 1})


def agree(question: str) -> bool:
    return "active" in question


def main() -> int:
    catalog: zoocut.Catalog = Night()
    frame = np.zeros((100, 100))
    run = zoocut.generate(catalog, "night", frames=(frame, frame, frame), settings={"draw.sizes": [30]})
    plan = zoocut.plan_upload(run, project="owner/name", subject_set="Night 1")
    faulty: int = plan.faulty
    try:
        done = zoocut.upload(run, project="owner/name", subject_set="Night 1", confirm=agree)
    except QuotaReached as error:
        return error.exit_code
    complete: bool = done.complete and zoocut.status(run).complete
    zoocut.verify(Path("night"), check="all").raise_for_differences()
    table: Path = zoocut.export(run, "mapping.parquet").table
    names: list[str] = [line.name for line in zoocut.sets("owner/name")]
    zoocut.draw(frame, frame, frame, center=(50, 50)).save("one.png")
    return faulty + complete + len(names) + len(str(table))
"""
WRONG = """
import zoocut

run = zoocut.generate("zoocut.toml", "night", job=2)
zoocut.upload(run, project=12)
left: str = zoocut.status(run).rows
zoocut.genrate
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel, and everything else as it is here."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return folder / "venv" / "bin" / "python"


def check(python: Path, folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Check a user's file, as `mypy --strict` does where zoocut is installed."""
    (folder / "users_file.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "users_file.py"]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


def test_a_users_file_passes_mypy_strict(python: Path, tmp_path: Path) -> None:
    done = check(python, tmp_path, USERS_FILE)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = check(python, tmp_path, WRONG)
    assert wrong.stdout.count("error:") == 4, wrong.stdout
    for part in ('"job"', '"int"; expected "str | None"', 'expression has type "int"', '"genrate"'):
        assert part in wrong.stdout


def test_the_wheel_is_whole(python: Path, tmp_path: Path) -> None:
    program = (
        "import zoocut, pathlib, sys; here = pathlib.Path(zoocut.__file__).parent;"
        "assert here.is_relative_to(sys.prefix), here;"
        "print(sorted(str(p.relative_to(here)) for p in here.rglob('*') if p.suffix not in ('.py', '.pyc')))"
    )
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert "'py.typed'" in done.stdout
    assert "'configs/frames.toml'" in done.stdout
