"""Butler repositories: opening one, finding datasets, and bringing their files here; no LSST stack is needed.

Only the registry and the addresses of files come from `lsst.daf.butler`; what the files hold is read by the
adapters themselves, so that dataset types whose Python classes are not installed can be read too.
"""

from __future__ import annotations

import difflib
import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.error_kinds import CatalogUnreachable, MissingPackage, NoDataset, UnreadableFile
from zoocut.errors import first_line

if TYPE_CHECKING:
    from lsst.daf.butler import Butler, DatasetRef

__all__ = ["closing_with", "fetched", "find_dataset", "find_tables", "open_butler"]

OLDER_IMAGE_TYPES = ("preliminary_visit_image", "visit_image", "initial_pvi", "pvi", "calexp")


def open_butler(repository: str, collections: Sequence[str], folder: Path) -> Butler:
    """Open a repository to be read.

    Parameters
    ----------
    repository : str
        A folder, a URI or an alias that `DAF_BUTLER_REPOSITORIES` knows.
    collections : sequence of str
        Searched in this order.
    folder : Path
        What a relative folder is relative to.

    Raises
    ------
    ConfigError
        When lsst-daf-butler, or what it needs for this repository, is not installed.
    InputError
        When the repository is missing or unreadable, or a collection is not in it.
    """
    try:
        from lsst.daf.butler import Butler
    except ModuleNotFoundError:
        raise MissingPackage(
            "a Butler repository needs lsst-daf-butler: pip install 'zoocut[butler]'"
        ) from None
    place = repository if "://" in repository else str(folder / repository)
    address = place if Path(place).exists() else repository
    try:
        butler = Butler.from_config(address, collections=list(collections))
        for name in collections:
            butler.collections.get_info(name)
    except FileNotFoundError:
        aliases = ", ".join(sorted(Butler.get_known_repos())) or "none"
        raise CatalogUnreachable(
            f"there is no Butler repository at {place}, nor an alias {repository!r} (known: {aliases}): check"
            " `repository`"
        ) from None
    except ImportError as error:
        raise MissingPackage(f"the Butler repository {repository} {_lacking(error)}") from None
    except Exception as error:
        raise CatalogUnreachable(
            f"the Butler repository {repository} cannot be opened ({first_line(error)}): {_advice(error)}"
        ) from error
    return butler


def _lacking(error: ImportError) -> str:
    return (
        f"needs another package ({first_line(error)}): pip install 'zoocut[butler-s3]' for files in S3,"
        " 'zoocut[butler-remote]' for a Butler server"
    )


def _advice(error: Exception) -> str:
    if "credentials" in str(error):
        return "set BUTLER_RUBIN_ACCESS_TOKEN to an access token of that server"
    return "check `repository` and `collections`"


def closing_with(owner: object, butler: Butler) -> Butler:
    """Close a repository's connections when its owner goes."""
    weakref.finalize(owner, butler.close)
    return butler


def find_tables(
    butler: Butler, dataset_type: str, where: str, data_id: Mapping[str, str]
) -> Sequence[DatasetRef]:
    """Find datasets by an expression, in the order of their visits and detectors.

    Parameters
    ----------
    butler : Butler
        The repository.
    dataset_type : str
        Their type.
    where : str
        A Butler expression, may be empty.
    data_id : mapping of str to str
        Dimension values that must hold, such as the instrument.

    Raises
    ------
    InputError
        When the type is not registered, the expression is wrong, or nothing meets it.
    """
    _require_type(butler, dataset_type, "catalog.dataset_type")
    try:
        refs = butler.query_datasets(dataset_type, where=where, data_id=dict(data_id), limit=None)
    except Exception as error:
        if type(error).__name__ == "EmptyQueryResultError":
            raise NoDataset(_nothing(butler, dataset_type, where)) from None
        raise CatalogUnreachable(
            f"catalog.where = {where!r} cannot be used ({first_line(error)}): mend it"
        ) from error
    return sorted(refs, key=_rank)


def _rank(ref: DatasetRef) -> tuple[int, int, str]:
    visit, detector = (int(ref.dataId.get(name) or 0) for name in ("visit", "detector"))
    return visit, detector, str(ref.dataId)


def find_dataset(butler: Butler, dataset_type: str, data_id: Mapping[str, Any], key: str) -> DatasetRef:
    """Find one dataset.

    Parameters
    ----------
    butler : Butler
        The repository.
    dataset_type : str
        Its type.
    data_id : mapping
        Values of its dimensions.
    key : str
        The setting that names the type, for the message.

    Raises
    ------
    InputError
        When the type is not registered, or the collections hold none for these values.
    """
    _require_type(butler, dataset_type, key)
    told = ", ".join(f"{name} {value}" for name, value in data_id.items())
    try:
        found = butler.find_dataset(dataset_type, dict(data_id))
    except Exception as error:
        raise CatalogUnreachable(
            f"{dataset_type} cannot be looked up for {told} ({first_line(error)})"
        ) from error
    if found is None:
        collections = ", ".join(butler.collections.defaults)
        raise NoDataset(
            f"there is no {dataset_type} for {told} in {collections}: add the collection that holds it, or"
            " leave its sources out"
        )
    return found


@contextmanager
def fetched(address: Callable[[], Any]) -> Iterator[Path]:
    """Bring a dataset's file here, for as long as the block lasts; a local one stays where it is.

    Parameters
    ----------
    address : callable
        Gives the file's address. Signed addresses expire, so it is asked right before the transfer, and once
        more when the first transfer fails.

    Raises
    ------
    ConfigError
        When a package that the address needs is not installed.
    InputError
        When the file is not there, or the address is refused.
    """
    try:
        local = address().as_local()
        path = local.__enter__()
    except Exception:
        local, path = _again(address)
    try:
        yield Path(path.ospath)
    finally:
        local.__exit__(None, None, None)


def _again(address: Callable[[], Any]) -> tuple[Any, Any]:
    place = "a dataset's file"
    try:
        resource = address()
        place = f"{resource.scheme}://{resource.netloc}{resource.path}"
        local = resource.as_local()
        return local, local.__enter__()
    except ImportError as error:
        raise MissingPackage(f"{place} {_lacking(error)}") from None
    except Exception as error:
        raise UnreadableFile(
            f"{place} cannot be read ({_unsigned(first_line(error))}): is the file there, the link valid,"
            " and may you read it?"
        ) from None


def _unsigned(text: str) -> str:
    """Leave the query out of addresses, which may hold a signature."""
    return re.sub(r"\?[^\s;]*", "", text)


def _require_type(butler: Butler, name: str, key: str) -> None:
    try:
        butler.get_dataset_type(name)
    except Exception:
        known = [found.name for found in butler.registry.queryDatasetTypes()]
        images = [
            found for found in OLDER_IMAGE_TYPES if found in known and key.endswith("science_image_type")
        ]
        near = images or difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        advice = f"it has {', '.join(near)}" if near else f"it knows {', '.join(sorted(known)[:8]) or 'none'}"
        older = "; older processings have initial_pvi or calexp" if key.endswith("science_image_type") else ""
        raise NoDataset(
            f"the repository has no dataset type {name}: set {key} to one it has ({advice}{older})"
        ) from None


def _nothing(butler: Butler, dataset_type: str, where: str) -> str:
    collections = ", ".join(butler.collections.defaults)
    meets = f" that meets {where!r}" if where else ""
    return f"there is no {dataset_type}{meets} in {collections}: check catalog.where and catalog.collections"
