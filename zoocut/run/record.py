"""What `run.toml` says of a run, and where the files lie that every command looks for: read without its settings.

A command that only asks how a run stands needs none of them, and what checks settings takes longer to start than all
the rest of it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoocut.error_kinds import NotARun, RecordDamaged, UnreadableFile
from zoocut.errors import InputError
from zoocut.files import typed
from zoocut.object_store import ObjectPath, as_path, copying
from zoocut.run.manifest import count_rows
from zoocut.run.manifest_columns import AS_IT_TELLS, ManifestFormat

__all__ = [
    "FIRST_ENCODING",
    "LEDGER",
    "MANIFEST",
    "MANIFEST_FORMAT",
    "NEWEST_ENCODING",
    "RunFiles",
    "RunRecord",
    "TornRun",
    "content_of",
    "damaged_record",
    "ledger_in",
    "read_record",
    "text_of",
    "unreadable",
]

MANIFEST = "manifest.csv"

LEDGER = "ledger"
"""The table of `run.toml` that says where the ledger lies, if not in the folder."""

MANIFEST_FORMAT = "manifest_format"
"""The table of `run.toml` that keeps what the user said of a manifest that another tool wrote."""

END = "end"
"""The last table: a power cut or a full disk may leave a file that is TOML up to where it is cut off."""

ENDED = 2
"""The format of `run.toml` that has such a table; older ones have none."""

FIRST_ENCODING, NEWEST_ENCODING = 1, 2
"""What pictures are written by: a run whose `run.toml` does not tell was begun when there was one alone. The pixels are
the same; a run keeps the bytes that it began with, for its pictures are known by their checksums."""


class TornRun(RecordDamaged):
    """The run's `run.toml` is empty or cut off.

    Parameters
    ----------
    path : Path
        The run folder.
    reason : str
        What its reader says.
    """

    def __init__(self, path: Path, reason: str) -> None:
        record = path / "run.toml"
        if any((path / name).exists() for name in ("sources.parquet", ".sources", "images")):
            remedy = "run `zoocut generate CONFIG -o RUN` again, which makes it anew and draws nothing twice"
        else:
            away = f"mv {typed(record)} {typed(record)}.torn"
            remedy = f"take it away with `{away}`, then run `zoocut upload RUN` again, which makes it anew"
        super().__init__(f"{record} cannot be read ({reason}): {remedy}")


def damaged_record(path: Path) -> Path:
    """Return where a run's `run.toml` is put when it cannot be read."""
    return path / "run.toml.damaged"


class RunFiles:
    """Where the manifest and the ledger of a run lie, for all who know its folder."""

    __slots__ = ()

    path: Path
    run_id: str
    manifest_name: str
    manifest_format: ManifestFormat
    ledger_path: Path | None

    @property
    def has_manifest(self) -> bool:
        """Whether the manifest, which appears last and whole, is there."""
        return self.manifest.is_file()

    @property
    def manifest(self) -> Path:
        """What Zooniverse gets."""
        return self.path / self.manifest_name

    def count_rows(self) -> int:
        """Count the rows of the manifest without looking at them.

        Raises
        ------
        InputError
            When it cannot be read.
        """
        return count_rows(self.manifest, self.manifest_format)

    @property
    def ledger(self) -> Path:
        """What happened at Zooniverse."""
        return self.ledger_path or ledger_in(self.path)


@dataclass(frozen=True, slots=True)
class RunRecord(RunFiles):
    """A run as its `run.toml` names it, its settings unread.

    Parameters
    ----------
    path : Path
        The folder.
    run_id : str
        Random, made once; subjects at Zooniverse carry it.
    settings : mapping
        The tables of its settings, as they are written.
    manifest_name : str
        The manifest that is meant, in the folder.
    manifest_format : ManifestFormat
        What the user has said of the manifests, where another tool wrote them.
    ledger_path : Path or None
        Where its ledger lies, if not in the folder: on a disk that keeps locks.
    encoding : int
        What its pictures are written by.
    """

    path: Path
    run_id: str
    settings: Mapping[str, Any]
    manifest_name: str = MANIFEST
    manifest_format: ManifestFormat = AS_IT_TELLS
    ledger_path: Path | None = None
    encoding: int = FIRST_ENCODING


def read_record(path: Path) -> RunRecord:
    """Read the `run.toml` of a run.

    Raises
    ------
    InputError
        When the folder or its `run.toml` is missing or unreadable.
    """
    record = path / "run.toml"
    if not path.is_dir():
        _refuse_store(path)
        raise NotARun(
            f"{path} is not a folder: give the run folder that `zoocut generate CONFIG -o RUN` made"
        )
    try:
        content = content_of(path)
        said = content.get(MANIFEST_FORMAT, {})
        form = ManifestFormat(tuple(said.get("images", ())), said.get("encoding"))
        elsewhere = Path(content[LEDGER]["path"]) if LEDGER in content else None
        encoding = int(content["run"].get("encoding", FIRST_ENCODING))
        return RunRecord(
            path, str(content["run"]["id"]), content.get("settings", {}), MANIFEST, form, elsewhere, encoding
        )
    except FileNotFoundError:
        if damaged_record(path).exists():
            raise TornRun(path, "it was set aside") from None
        raise NotARun(
            f"{path} has no run.toml: it is not a run yet; make one with `zoocut generate CONFIG -o RUN`"
        ) from None
    except TornRun:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unreadable(record, error) from error


def ledger_in(folder: Path) -> Path:
    """Return where a run's ledger lies unless its `run.toml` says otherwise."""
    return folder / "ledger.sqlite3"


def _refuse_store(path: Path) -> None:
    """Refuse an address of an object store where a folder of this machine is needed, as by everything but drawing."""
    address = as_path(path)
    if isinstance(address, ObjectPath) and not isinstance(path, ObjectPath):
        raise NotARun(
            f"{address} is in an object store, into which zoocut only draws: copy the run to this machine with "
            f"`{copying(address)}`, then give {address.name} in its place"
        )


def content_of(path: Path) -> dict[str, Any]:
    """Read `run.toml`, as far as to know that it is whole and names its run."""
    try:
        content = tomllib.loads((path / "run.toml").read_text(encoding="utf-8"))
        known = content["run"]
        cut_off = known["id"] == "" or (known.get("format") == ENDED and END not in content)
    except (ValueError, KeyError, TypeError) as error:
        raise TornRun(path, f"{error!r}" if isinstance(error, KeyError) else str(error)) from error
    if cut_off:
        raise TornRun(path, "its end is missing")
    return content


def text_of(run_id: str, content: Mapping[str, Any]) -> bytes:
    """Write the text of `run.toml`, with an end that tells that it is whole; what `content` knows of the run stays."""
    import tomli_w

    between = {name: table for name, table in content.items() if name not in ("run", END)}
    # the id comes last: where it is left of a file that is cut off, so is all that is known of the run
    known = {**content.get("run", {}), "format": ENDED}
    known.pop("id", None)
    return tomli_w.dumps({"run": {**known, "id": run_id}, **between, END: {}}).encode()


def unreadable(record: Path, error: Exception) -> InputError:
    """Say that `run.toml` cannot be read."""
    return UnreadableFile(f"{record} cannot be read ({error}): restore it from a copy")
