"""Processes of this machine draw where there is enough for them; else this one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path

import pytest

from zoocut import fork_server
from zoocut.config.settings import Settings
from zoocut.error_kinds import WorkersLost
from zoocut.errors import ConfigError
from zoocut.generating.drawing import BatchDrawer, Drawn, Exposures
from zoocut.generating.local_workers import LocalWorkers
from zoocut.generating.plan import Batch, Planned
from zoocut.model import DiaSource, Images

FRAMES = {"kind": "frames", "template": "t.fits", "science": "s.fits", "difference": "d.fits"}


def no_images() -> Images:
    raise NotImplementedError


@dataclass(frozen=True)
class Slow(BatchDrawer):
    """Takes its time for each source, as a slow disk has it, and notes who drew."""

    def draw(self, exposures: Exposures) -> Drawn:
        count = sum(len(planned) for _, planned in exposures)
        time.sleep(count * float(self.call))
        assert os.environ.get(fork_server.SAFE_PATH) != fork_server.OURS, "it is for the server alone"
        return Drawn(notes=Counter({str(os.getpid()): count}))


@dataclass(frozen=True)
class Perishing(BatchDrawer):
    """Takes its time, and is killed where it is not the process of the test: alone, or with the server."""

    def draw(self, exposures: Exposures) -> Drawn:
        if str(os.getpid()) != self.call:
            for pid in (os.getppid(), os.getpid())[self.encoding :]:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02 * sum(len(planned) for _, planned in exposures))
        return Drawn()


def settings(**draw: str) -> Settings:
    given = {"catalog": {"kind": "table", "path": "s.csv"}, "images": FRAMES, "draw": draw}
    return Settings.model_validate(given)


def batches(count: int, exposures: int, rows: int) -> Iterator[Batch]:
    """Yield full batches of some exposures."""
    for number in range(count):
        batch = Batch()
        for exposure in range(exposures):
            for row in range(rows):
                at = (number * exposures + exposure) * rows + row
                source = DiaSource(at, 0.0, 0.0, "table", "row", {"diaSourceId": at})
                batch.add(f"{number} {exposure}", Planned(source, at, None))
        yield batch


@pytest.mark.parametrize(
    ("count", "exposures", "rows", "each_s", "ahead", "elsewhere"),
    [
        (10, 10, 30, 0.0, inf, False),
        (2, 10, 10, 0.001, inf, False),
        (2, 10, 10, 0.001, 64, False),
        (1, 14, 10, 0.02, inf, True),
        (6, 10, 30, 0.001, 256, True),
    ],
    ids=["no time", "a fifth of a second", "a fifth of packets", "three seconds", "two seconds of packets"],
)
def test_workers_draw_where_it_is_quicker(
    tmp_path: Path, count: int, exposures: int, rows: int, each_s: float, ahead: float, elsewhere: bool
) -> None:
    drawer = Slow(settings(), tmp_path, no_images, tmp_path, str(each_s))
    positions, who = [], Counter[str]()
    with LocalWorkers(2, ahead) as workers:
        for batch, drawn in workers.draw(batches(count, exposures, rows), drawer):
            positions += [one.position for _, planned in batch.exposures for one in planned]
            who += drawn.notes
    assert positions == list(range(count * exposures * rows))
    assert sum(who.values()) == len(positions)
    assert (len(who) > 1) == elsewhere
    assert str(os.getpid()) in who


@pytest.mark.parametrize("spared", [1, 0], ids=["a worker", "the server and a worker"])
def test_lost_processes_are_told(tmp_path: Path, spared: int) -> None:
    drawer = Perishing(settings(), tmp_path, no_images, tmp_path, str(os.getpid()), spared)
    with pytest.raises(WorkersLost, match="run the same command again"), LocalWorkers(2) as workers:
        list(workers.draw(batches(40, 10, 30), drawer))


def draw_elsewhere(folder: Path) -> None:
    """Draw what takes no time, in a process that has imported nothing, with a server that began before."""
    fork_server.start()
    while fork_server.seconds_until_ready() > 0:
        time.sleep(0.01)
    who = Counter[str]()
    drawer = Slow(settings(), folder, no_images, folder, "0")
    with LocalWorkers(2) as workers:
        endings = workers.endings(drawer)
        for _, drawn in workers.draw(batches(1, 10, 30), drawer):
            who += drawn.notes
    with LocalWorkers(2) as workers, pytest.raises(ConfigError) as refused:
        workers.endings(Slow(settings(colormap="none"), folder, no_images, folder, "0"))
    told = (refused.value.code, sum(who.values()), who[str(os.getpid())], "astropy" in sys.modules)
    print(*endings[0], *told)


def test_workers_that_began_before_draw_from_the_first(tmp_path: Path) -> None:
    """The command takes no module from the folder that it runs in: neither do the processes that it starts."""
    for name in ("select", "signal", "random", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the user')\n")
    words = [
        sys.executable,
        "-c",
        "import sys; sys.path.remove('')\n"
        f"import {Path(__file__).stem} as test; test.draw_elsewhere(test.Path('.'))",
    ]
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    done = subprocess.run(
        words,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [".png", "Z108", "300", "0", "False"], done.stderr
    assert "a file of the user" not in done.stderr


def test_a_script_that_workers_import_does_not_draw_in_them(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"import {Path(__file__).stem} as test\n"
        "here = test.Path('.')\n"
        "if __name__ == '__main__':\n"
        "    test.fork_server.start()\n"
        "    while test.fork_server.seconds_until_ready() > 0:\n"
        "        test.time.sleep(0.01)\n"
        "with test.LocalWorkers(2) as workers:\n"
        "    workers.endings(test.Slow(test.settings(), here, test.no_images, here, '0'))\n"
    )
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'put it below `if __name__ == "__main__":`' in done.stderr
    assert "WorkersLost" in done.stderr
    assert done.returncode == 1
