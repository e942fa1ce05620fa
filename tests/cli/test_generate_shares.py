"""One run drawn by several: jobs of an array that draw shares, and workers of a Dask cluster; some are killed."""

from __future__ import annotations

import csv
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
EXPOSURES, SOURCES = 12, 60
WHOLE = ("manifest.csv", "sources.parquet")


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames of several exposures, a table of sources and a configuration."""
    folder = tmp_path_factory.mktemp("field")
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150.0, -30.0], [100, 100], [-1e-4, 1e-4]
    random = np.random.default_rng(3)
    lines = ["diaSourceId,ra,dec,visit"]
    for visit in range(EXPOSURES):
        for plane in ("template", "science", "difference"):
            pixels = random.normal(100, 10, (200, 200)).astype(np.float32)
            fits.writeto(folder / f"{visit}_{plane}.fits", pixels, wcs.to_header())
        sky = wcs.pixel_to_world_values(*random.uniform(20, 180, (2, SOURCES)))
        lines += [
            f"{2**60 + 1000 * visit + n},{ra},{dec},{visit}"
            for n, (ra, dec) in enumerate(zip(*sky, strict=True))
        ]
    (folder / "sources.csv").write_text("\n".join(lines) + "\n")
    paths = "\n".join(
        f'{plane} = "{{visit}}_{plane}.fits"' for plane in ("template", "science", "difference")
    )
    (folder / "zoocut.toml").write_text(
        f'[catalog]\nkind = "table"\npath = "sources.csv"\n[images]\nkind = "frames"\n{paths}\n'
    )
    return folder / "zoocut.toml"


@pytest.fixture(scope="module")
def whole(field: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as one process draws it."""
    run = tmp_path_factory.mktemp("whole") / "run"
    subprocess.run([sys.executable, "-m", "zoocut", "generate", field, "-o", run], check=True)
    return run


def contents(run: Path) -> dict[str, bytes]:
    files = [*(run / name for name in WHOLE), *run.glob("images/**/*.png")]
    return {str(path.relative_to(run)): path.read_bytes() for path in files}


def await_pictures(run: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and sum(1 for _ in run.glob("images/*/[0-9]*.png")) < count:
        time.sleep(0.01)


def test_shares_of_jobs_one_of_them_killed(zoocut: Zoocut, field: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "zoocut", "generate", str(field), "-o", str(run)]
    jobs = [subprocess.Popen([*command, "--part", f"{number}/3"]) for number in (1, 2, 3)]
    await_pictures(run, 1, jobs[1])
    jobs[1].send_signal(signal.SIGKILL)
    first, killed, last = (job.wait() for job in jobs)
    assert (first, last) == (0, 0)
    assert killed in (-signal.SIGKILL, 0), "it may have been through before the signal came"
    assert not (run / "manifest.csv").exists()
    done = zoocut("generate", field, "-o", "run")
    assert done.returncode == 0, done.stderr
    assert contents(run) == contents(whole)
    assert {path.name for path in run.iterdir()} == {path.name for path in whole.iterdir()}


def test_shares_are_apart_and_together_all(zoocut: Zoocut, field: Path, tmp_path: Path) -> None:
    drawn = []
    for number in (1, 2):
        done = zoocut("generate", field, "-o", "run", "--part", f"{number}/2")
        assert done.returncode == 0, done.stderr
        assert f"zoocut generate {field} -o run puts them together" in done.stdout
        drawn.append(int(done.stdout.split(" drawn")[0].split()[-1]))
    assert sum(drawn) == EXPOSURES * SOURCES
    assert min(drawn) > 0
    done = zoocut("generate", field, "-o", "run")
    assert f"0 drawn, {EXPOSURES * SOURCES} already there" in done.stdout
    with (tmp_path / "run" / "manifest.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == EXPOSURES * SOURCES


@pytest.mark.parametrize(
    "given",
    [("--limit", 5), ("--set", "select.limit=5"), ("--set", "select.limit=4", "--all", "--limit", "5")],
)
def test_the_call_that_is_printed_takes_what_the_shares_took(
    zoocut: Zoocut, field: Path, tmp_path: Path, given: tuple[str | int, ...]
) -> None:
    for number in (1, 2):
        told = zoocut("generate", field, "-o", "a run", *given, "--part", f"{number}/2").stdout
    command = told.split("when all shares are drawn, zoocut ")[1].split(" puts them together")[0]
    done = zoocut(*shlex.split(command))
    assert (done.returncode, "0 drawn, 5 already there" in done.stdout) == (0, True), (
        done.stdout + done.stderr
    )
    assert "takes over a changed setting" not in done.stderr
    with (tmp_path / "a run" / "manifest.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 5


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("0/3", "parts are 1/3 to 3/3"),
        ("4/3", "parts are 1/3 to 3/3"),
        ("1/0", "say how many parts there are"),
        ("three", "write the third of sixteen as 3/16"),
        ("-1/3", "write the third of sixteen as 3/16"),
    ],
)
def test_shares_that_do_not_exist(zoocut: Zoocut, field: Path, tmp_path: Path, part: str, says: str) -> None:
    done = zoocut("generate", field, "-o", "run", "--part", part)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "run").exists()


def test_two_jobs_with_one_share_and_a_whole_run_beside_a_share(
    zoocut: Zoocut, field: Path, tmp_path: Path
) -> None:
    from filelock import FileLock

    zoocut("generate", field, "-o", "run", "--limit", 1)
    with FileLock(tmp_path / "run" / ".generate-2-of-3.lock"):
        same = zoocut("generate", field, "-o", "run", "--part", "2/3")
        everything = zoocut("generate", field, "-o", "run")
        other = zoocut("generate", field, "-o", "run", "--part", "1/3")
    assert (same.returncode, everything.returncode, other.returncode) == (3, 3, 0)
    assert "another zoocut is generating into run (.generate-2-of-3.lock)" in same.stderr
    assert "another zoocut is generating into run (.generate-2-of-3.lock)" in everything.stderr


def test_a_share_of_other_settings(zoocut: Zoocut, field: Path, tmp_path: Path) -> None:
    zoocut("generate", field, "-o", "run", "--part", "1/2")
    done = zoocut("generate", field, "-o", "run", "--part", "2/2", "--set", "draw.sizes=[11]")
    assert done.returncode == 2
    assert "draw.sizes" in done.stderr


@pytest.fixture(scope="module")
def crowded(field: Path) -> Path:
    """As many sources as a fast machine draws in half a minute: workers are worth their start, and can be stopped."""
    head, *lines = (field.parent / "sources.csv").read_text().splitlines()
    copies = [f"{1 + copy}{line}" for copy in range(20) for line in lines]
    (field.parent / "crowd.csv").write_text("\n".join([head, *copies]) + "\n")
    path = field.with_name("crowded.toml")
    path.write_text(
        field.read_text()
        .replace("sources.csv", "crowd.csv")
        .replace("[images]", 'id_kind = "text"\n[images]')
    )
    return path


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)],
)
def test_processes_end_with_the_one_that_began_them(
    crowded: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    run = tmp_path / "run"
    command = by_two(crowded, run)
    # many large pictures: enough for a machine that is five times as fast
    command += ["--set", "draw.panel_pix=600", "--set", "draw.sizes=[30, 60, 90, 120]"]
    with in_session_of_its_own(command, signal.SIGHUP) as process:
        # itself, two that help to start, two workers
        while process.poll() is None and len(members_of(process.pid)) < 5:
            time.sleep(0.01)
        if number is signal.SIGHUP:  # a terminal that closes sends it to all of them
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, said = process.communicate(timeout=200)
        assert process.returncode == code
        deadline = time.monotonic() + 120
        while (alive := members_of(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive
    assert b"Traceback" not in said
    if code > 0:
        assert f"what is drawn stays in {run}" in said.decode()
    done = subprocess.run([*command, "--limit", "100"], check=True, capture_output=True, text=True)
    assert "the manifest has" in done.stdout
    assert not list(run.rglob("*.zoocut-part"))


def test_ctrl_c_while_workers_are_prepared(crowded: Path, tmp_path: Path) -> None:
    """A terminal sends it to all processes: the one that imports for the workers does not answer with a traceback."""
    with in_session_of_its_own(by_two(crowded, tmp_path / "run"), signal.SIGINT) as process:
        while process.poll() is None and not imports_for_workers(process.pid):
            time.sleep(0.001)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=200)
    assert b"Traceback" not in said


def by_two(config: Path, run: Path) -> list[str]:
    return [sys.executable, "-m", "zoocut", "generate", str(config), "-o", str(run), "-j", "2"]


@contextmanager
def in_session_of_its_own(command: list[str], taken: signal.Signals) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command that takes a signal which whatever runs the tests ignores; in the end nothing of it is left."""
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(taken, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def imports_for_workers(command: int) -> bool:
    """Whether a child of the command has begun to import what drawing needs."""
    for children in Path(f"/proc/{command}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                if "numpy" in Path(f"/proc/{child}/maps").read_text():
                    return True
    return False


def members_of(group: int) -> list[str]:
    """Name the processes of a group that are not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        state, _, of = rest.split()[:3]
        if int(of) == group and state != "Z":
            found.append(name)
    return found


class Cluster:
    """A Dask scheduler and two workers, processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self._processes = [
            self.start("scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", self.file)
        ]
        deadline = time.monotonic() + 240
        while not (self.file.exists() and self.file.read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(
        self, *words: object, before: Sequence[str] = (), path: str | None = None
    ) -> subprocess.Popen[bytes]:
        module = {"scheduler": "dask_scheduler", "worker": "dask_worker"}[str(words[0])]
        command = [sys.executable, "-m", f"distributed.cli.{module}", *map(str, words[1:]), "--no-dashboard"]
        python_path = [one for one in (path, os.environ.get("PYTHONPATH")) if one]
        return subprocess.Popen(
            [*before, *command],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | ({"PYTHONPATH": os.pathsep.join(python_path)} if python_path else {}),
        )

    def start_worker(
        self, name: str, before: Sequence[str] = (), path: str | None = None
    ) -> subprocess.Popen[bytes]:
        words = ("--scheduler-file", self.file, "--nthreads", "1", "--no-nanny", "--name", name)
        self.workers.append(self.start("worker", *words, before=before, path=path))
        return self.workers[-1]

    def await_workers(self, names: set[str]) -> None:
        """Wait until these are the workers that the scheduler knows."""
        from distributed import Client

        with Client(scheduler_file=str(self.file), set_as_default=False) as client:
            deadline = time.monotonic() + 240
            while {w["name"] for w in client.scheduler_info(n_workers=-1)["workers"].values()} != names:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def stop(self) -> None:
        for process in [*self.workers, *self._processes]:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A Dask cluster on loopback."""
    pytest.importorskip("distributed")
    (tmp_path / "cluster").mkdir()
    made = Cluster(tmp_path / "cluster")
    yield made
    made.stop()


def test_workers_of_dask_one_of_them_killed(
    cluster: Cluster, zoocut: Zoocut, field: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ["generate", str(field), "-o", str(run), "--dask", str(cluster.file)]
    cluster.start_worker("first"), cluster.start_worker("second")
    cluster.await_workers({"first", "second"})
    process = subprocess.Popen([sys.executable, "-m", "zoocut", *words], cwd=tmp_path)
    await_pictures(run, 10, process)
    cluster.workers[0].kill()
    assert process.wait(timeout=240) == 0
    assert contents(run) == contents(whole)


def test_workers_that_cannot_draw_are_told_by_name_before_anything_is_drawn(
    cluster: Cluster, zoocut: Zoocut, field: Path, tmp_path: Path
) -> None:
    """One without zoocut, one with another version, one to which the folder of the frames is an empty mount point."""
    bare, other = tmp_path / "bare", tmp_path / "other"
    (other / "pillow-99.0.dist-info").mkdir(parents=True)
    (other / "pillow-99.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pillow\nVersion: 99.0\n"
    )
    bare.mkdir()
    (bare / "sitecustomize.py").write_text(
        "import sys\n\n\nclass Missing:\n    def find_spec(self, name, *_):\n"
        "        if name.split('.')[0] == 'zoocut':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}')\n\n\nsys.meta_path.insert(0, Missing())\n"
    )
    wanted = {"bare": "has no zoocut", "other": "has pillow 99.0 (here "}
    processes = {"bare": cluster.start_worker("bare", path=str(bare))}
    processes["other"] = cluster.start_worker("other", path=str(other))
    unmounted = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {field.parent} && exec "$@"', "sh"]
    if subprocess.run([*unmounted, "true"], capture_output=True).returncode == 0:
        wanted["blind"] = f"does not see the input {field.parent}/"
        processes["blind"] = cluster.start_worker("blind", before=unmounted)
    while wanted:
        cluster.await_workers(set(wanted))
        done = zoocut("generate", field, "-o", "run", "--dask", cluster.file)
        assert done.returncode == 3, done.stderr
        (name,) = [one for one in wanted if f"the Dask worker {one} (tcp://" in done.stderr]
        assert wanted.pop(name) in done.stderr, done.stderr
        assert not list((tmp_path / "run").rglob("*.png"))
        processes[name].kill()
    cluster.await_workers(set())
    assert (
        "has no workers: start some" in zoocut("generate", field, "-o", "run", "--dask", cluster.file).stderr
    )


def test_no_dask_scheduler(zoocut: Zoocut, field: Path) -> None:
    pytest.importorskip("distributed")
    done = zoocut("generate", field, "-o", "run", "--dask", "tcp://127.0.0.1:9")
    assert done.returncode == 3
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
    done = zoocut("generate", field, "-o", "run", "--dask", "local:0")
    assert done.returncode == 2
    assert "local:2" in done.stderr


@pytest.mark.parametrize("kinds", [("integer", "text"), ("text", "integer")])
def test_ids_of_another_kind_are_refused_before_anything_is_drawn(
    zoocut: Zoocut, field: Path, tmp_path: Path, kinds: tuple[str, str]
) -> None:
    command = ("generate", field, "-o", "run", "--limit", 3, "--set")
    assert zoocut(*command, f"catalog.id_kind={kinds[0]}").returncode == 0
    before = contents(tmp_path / "run")
    done = zoocut(*command, f"catalog.id_kind={kinds[1]}")
    assert (done.returncode, "catalog.id_kind was" in done.stderr) == (2, True), done.stderr
    assert contents(tmp_path / "run") == before
