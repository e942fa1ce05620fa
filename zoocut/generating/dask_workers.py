"""Workers of a Dask cluster that draw: `generate --dask ADDRESS`.

They must see the run folder and the input under the same paths and have the same versions of what makes pictures:
both are asked before anything is drawn. A worker that is lost costs the batches it held: Dask gives them to others.
"""

from __future__ import annotations

import platform
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.config.images import ButlerSettings, FramesSettings
from zoocut.config.load import Loaded
from zoocut.error_kinds import MissingPackage, WorkersLost, WrongOption
from zoocut.errors import ZoocutError
from zoocut.files import write_whole
from zoocut.object_store import ObjectPath, located

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["dask_workers", "input_folders"]

ANSWER_S = 20.0
"""A scheduler that is there answers within a second; one behind a slow gateway may need some."""

NO_ZOOCUT = "No module named 'zoocut"
"""What a worker without it says; Dask gives its words, not the error."""

OF_LOCAL_WORKERS = {
    "distributed.worker.profile.enabled": False,
    "distributed.nanny.pre-spawn-environ": {
        "OMP_NUM_THREADS": 1,
        "OPENBLAS_NUM_THREADS": 1,
        "MKL_NUM_THREADS": 1,
    },
}
"""Dask's defaults without its profiler, which looks at every worker a hundred times a second, and without its limit of
what is kept of freed memory, by which each picture's is asked of the system anew: they cost as much as drawing."""

MAKE_PICTURES = (
    "zoocut",
    "numpy",
    "astropy",
    "matplotlib",
    "pillow",
    "isal",
    "fastavro",
    "pandas",
    "pyarrow",
)
"""Packages whose other version could draw other bytes or read other values."""


@contextmanager
def dask_workers(address: str, run_folder: Path, inputs: Sequence[Path] = ()) -> Iterator[Executor]:
    """Connect to a Dask cluster whose workers can draw a run.

    Parameters
    ----------
    address : str
        A scheduler's address such as `tcp://10.0.0.1:8786`, the path of its scheduler file, or `local:N` for N
        processes of this machine.
    run_folder : Path
        What workers write to; made when missing.
    inputs : sequence of Path
        Folders that they read from.

    Raises
    ------
    ConfigError
        When `dask` is not installed or the address is not one.
    InputError
        When no scheduler answers, it has no workers, or they are of other versions or do not see the folders.
    """
    if find_spec("distributed") is None:
        raise MissingPackage("--dask needs the package distributed: pip install 'zoocut[dask]'")
    with ExitStack() as stack:
        with _sentences(address):
            client = _connected(address, stack)
            workers = client.scheduler_info(n_workers=-1)["workers"]
            if not workers:
                raise WorkersLost(
                    f"the Dask scheduler at {address} has no workers: start some, then run this again"
                )
            _require_same_versions(client)
            _require_folders(client, run_folder.absolute(), inputs)
        executor = client.get_executor(pure=False)
        stack.callback(executor.shutdown, wait=False)
        with _sentences(address):
            yield executor


def _connected(address: str, stack: ExitStack) -> Client:
    import dask
    from distributed import Client, LocalCluster

    local = address.removeprefix("local:")
    if local == address:
        known: Mapping[str, Any] = (
            {"scheduler_file": address} if Path(address).is_file() else {"address": address}
        )
        return stack.enter_context(Client(**known, timeout=ANSWER_S, set_as_default=False))
    if not local.isdecimal() or int(local) < 1:
        raise WrongOption(f"--dask {address!r}: say how many processes, such as local:2")
    with dask.config.set(OF_LOCAL_WORKERS):
        cluster = stack.enter_context(
            LocalCluster(n_workers=int(local), threads_per_worker=1, dashboard_address=None)
        )
    return stack.enter_context(Client(cluster, timeout=ANSWER_S, set_as_default=False))


@contextmanager
def _sentences(address: str) -> Iterator[None]:
    """Turn Dask's errors into sentences."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        yield
    except KilledWorker as error:
        raise WorkersLost(
            f"several workers of {address} ended while they drew the same sources, most likely for want of memory "
            f"(last {error.last_worker.address}): give them more, then run the same command again, which goes on"
        ) from None
    except (CommClosedError, CancelledError) as error:
        raise WorkersLost(
            f"the connection to the Dask scheduler at {address} was lost ({type(error).__name__}): run the same "
            "command again, which goes on"
        ) from None
    except (OSError, TimeoutError, ValueError) as error:
        raise WorkersLost(
            f"no Dask scheduler answers at {address} ({_first_line(error)}): check the address or the scheduler file"
        ) from None


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for package in MAKE_PICTURES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _require_same_versions(client: Client) -> None:
    here = _versions()
    for worker, there in _asked(client, _versions).items():
        different = [
            f"{package} {there.get(package, 'missing')} (here {known})"
            for package, known in here.items()
            if there.get(package) != known
        ]
        if different:
            raise WorkersLost(
                f"the Dask worker {worker} has {', '.join(different)}: pictures could differ; install the same "
                "versions there"
            )


def input_folders(config: Loaded) -> list[Path]:
    """Return the folders that workers must see to read images; what is in an object store is not among them."""
    settings = config.settings
    if isinstance(settings.images, FramesSettings):
        texts = [settings.images.template, settings.images.science, settings.images.difference]
    elif isinstance(settings.images, ButlerSettings):
        texts = [text for text in (settings.images.repository,) if "://" not in text]
    else:
        texts = [str(getattr(settings.catalog, "path", None) or ".")]
    paths = [located(config.folder.absolute(), text) for text in texts]
    return list(dict.fromkeys(map(_fixed, (path for path in paths if not isinstance(path, ObjectPath)))))


def _fixed(pattern: Path) -> Path:
    """Return the folder that all files of a pattern are below."""
    path = Path(*takewhile(lambda part: not set(part) & set("{*?["), pattern.parts))
    return path if path.is_dir() else path.parent


def _require_folders(client: Client, run_folder: Path, inputs: Sequence[Path]) -> None:
    """See that what is written here is read there, and that what is read here is there, too."""
    mark = run_folder / f".dask-{secrets.token_hex(4)}"
    seen_here = [mark, *(next(folder.iterdir(), folder) for folder in inputs if folder.is_dir())]
    try:
        write_whole(mark, b"")
        for worker, unseen in _asked(client, _unseen, seen_here).items():
            if unseen:
                folders = [
                    f"the run folder {run_folder}" if one == mark else f"the input {one}" for one in unseen
                ]
                raise WorkersLost(
                    f"the Dask worker {worker} does not see {', '.join(folders)}: give folders that this machine and "
                    "the workers share under the same path"
                )
    finally:
        mark.unlink(missing_ok=True)


def _unseen(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if not path.exists()]


def _asked(client: Client, question: Callable[..., Any], *words: Sequence[Path]) -> dict[str, Any]:
    """Ask every worker, and give the answers by its name and address."""
    known = client.scheduler_info(n_workers=-1)["workers"]
    answers = dict(client.run(question, *words, on_error="return"))
    named = {_named(address, known): answer for address, answer in answers.items()}
    for worker, answer in named.items():
        if isinstance(answer, ZoocutError):
            raise type(answer)(f"the Dask worker {worker} cannot draw: {answer}") from None
        if isinstance(answer, BaseException):
            raise WorkersLost(f"the Dask worker {worker} {_why_unasked(answer)}") from None
    return named


def _named(address: str, known: Mapping[str, Mapping[str, Any]]) -> str:
    name = known.get(address, {}).get("name", address)
    return address if name == address else f"{name} ({address})"


def _why_unasked(answer: BaseException) -> str:
    told = _first_line(answer)
    if isinstance(answer, ImportError) or NO_ZOOCUT in told:
        return f"has no zoocut ({told}): install it there"
    if "Can't get attribute" in told:
        return f"has another zoocut than this one ({told}): install the same version there"
    return f"does not answer ({told}): see its log"
