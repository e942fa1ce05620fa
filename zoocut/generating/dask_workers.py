"""Workers of a Dask cluster that draw: `generate --dask ADDRESS`.

They must see the run folder and the input under the same paths and have the same versions of what makes pictures:
both are asked before anything is drawn. A worker that is lost costs the batches it held: Dask gives them to others.
"""

from __future__ import annotations

import platform
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.config.images import FramesSettings
from zoocut.config.load import Loaded
from zoocut.error_kinds import MissingPackage, WorkersLost
from zoocut.errors import ConfigError, ZoocutError
from zoocut.files import write_whole
from zoocut.object_store import ObjectPath, as_path

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["dask_workers", "input_folder"]

ANSWER_S = 20.0
"""A scheduler that is there answers within a second; one behind a slow gateway may need some."""

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
def dask_workers(address: str, run_folder: Path, input_folder: Path | None) -> Iterator[Executor]:
    """Connect to a Dask cluster whose workers can draw a run.

    Parameters
    ----------
    address : str
        A scheduler's address such as `tcp://10.0.0.1:8786`, the path of its scheduler file, or `local:N` for N
        processes of this machine.
    run_folder : Path
        What workers write to; made when missing.
    input_folder : Path or None
        What they read from, where that is not in an object store.

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
            _require_folders(client, run_folder.absolute(), input_folder)
        executor = client.get_executor(pure=False)
        stack.callback(executor.shutdown, wait=False)
        with _sentences(address):
            yield executor


def _connected(address: str, stack: ExitStack) -> Client:
    from distributed import Client, LocalCluster

    local = address.removeprefix("local:")
    if local == address:
        known: Mapping[str, Any] = (
            {"scheduler_file": address} if Path(address).is_file() else {"address": address}
        )
        return stack.enter_context(Client(**known, timeout=ANSWER_S, set_as_default=False))
    if not local.isdecimal() or int(local) < 1:
        raise ConfigError(f"--dask {address!r}: say how many processes, such as local:2")
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


def input_folder(config: Loaded) -> Path | None:
    """Return the folder that workers must see to read images; None where all of them are in an object store."""
    images = config.settings.images
    if isinstance(images, FramesSettings):
        patterns = (images.template, images.science, images.difference)
        if all(isinstance(as_path(pattern), ObjectPath) for pattern in patterns):
            return None
    return config.folder.absolute()


def _require_folders(client: Client, run_folder: Path, input_folder: Path | None) -> None:
    """See that what is written here is read there."""
    mark = run_folder / f".dask-{secrets.token_hex(4)}"
    try:
        write_whole(mark, b"")
        for worker, missing in _asked(client, _unseen, mark, input_folder).items():
            if missing:
                raise WorkersLost(
                    f"the Dask worker {worker} does not see {missing}: give a folder that this machine and the "
                    "workers share under the same path"
                )
    finally:
        mark.unlink(missing_ok=True)


def _unseen(mark: Path, input_folder: Path | None) -> str | None:
    if not mark.is_file():
        return f"the run folder {mark.parent}"
    return None if input_folder is None or input_folder.is_dir() else f"the input in {input_folder}"


def _asked(client: Client, question: Callable[..., Any], *words: Path | None) -> dict[str, Any]:
    """Ask every worker, and give the answers by its address."""
    answers = dict(client.run(question, *words, on_error="return"))
    for worker, answer in answers.items():
        if isinstance(answer, ImportError):
            raise WorkersLost(
                f"the Dask worker {worker} has no zoocut ({answer}): install it there"
            ) from None
        if isinstance(answer, ZoocutError):
            raise type(answer)(f"the Dask worker {worker} cannot draw: {answer}") from None
        if isinstance(answer, BaseException):
            raise WorkersLost(
                f"the Dask worker {worker} does not answer ({_first_line(answer)}): see its log"
            )
    return answers
