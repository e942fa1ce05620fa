"""The run folder: where each of its files lies, and the run's identity in `run.toml`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoocut.config.load import checked
from zoocut.config.settings import RunSettings
from zoocut.error_kinds import FileMissing, NotARun
from zoocut.errors import ConfigError, InputError
from zoocut.files import write_first, write_whole
from zoocut.run.manifest import ManifestRow, describe_manifest, read_manifest, read_metadata_keys
from zoocut.run.manifest_columns import AS_IT_TELLS, ManifestFormat
from zoocut.run.record import (
    FIRST_ENCODING,
    LEDGER,
    MANIFEST,
    MANIFEST_FORMAT,
    RunFiles,
    content_of,
    read_record,
    text_of,
    unreadable,
)
from zoocut.run.talk import TALK_FILE

__all__ = ["NOTHING_KNOWN", "PICTURES_REMOVED", "Run"]

PICTURES_REMOVED = ".pictures-removed"
"""A file that says that a run's pictures were removed on purpose, and are not to be drawn again."""

NOTHING_KNOWN = RunSettings()


@dataclass(frozen=True, slots=True)
class Run(RunFiles):
    """A run folder.

    Parameters
    ----------
    path : Path
        The folder.
    run_id : str
        Random, made once; subjects at Zooniverse carry it.
    settings : RunSettings
        The settings it was generated with last.
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
    settings: RunSettings
    manifest_name: str = MANIFEST
    manifest_format: ManifestFormat = AS_IT_TELLS
    ledger_path: Path | None = None
    encoding: int = FIRST_ENCODING

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open an existing run.

        Raises
        ------
        InputError
            When the folder or its `run.toml` is missing or unreadable.
        """
        found = read_record(path)
        try:
            settings = checked(RunSettings, found.settings, str(path / "run.toml"))
        except ConfigError as error:
            raise unreadable(path / "run.toml", error) from error
        return cls(
            path,
            found.run_id,
            settings,
            found.manifest_name,
            found.manifest_format,
            found.ledger_path,
            found.encoding,
        )

    @classmethod
    def create(
        cls,
        path: Path,
        settings: RunSettings = NOTHING_KNOWN,
        note: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        encoding: int = FIRST_ENCODING,
    ) -> Run:
        """Make `run.toml` in a folder that has none; when another process was first, its run is opened.

        Parameters
        ----------
        path : Path
            The folder; made when missing.
        settings : RunSettings
            Kept, to be compared when the run is generated again.
        note : mapping, optional
            Further tables for the reader's sake, such as the input of the first call.
        run_id : str, optional
            The id of a run whose `run.toml` is lost; else a new one.
        encoding : int
            What its pictures are written by, where it has any.

        Raises
        ------
        InputError
            When the folder cannot be written, or already holds another run's files.
        """
        told = {} if encoding == FIRST_ENCODING else {"encoding": encoding}
        content = {"run": told, "settings": _written(settings), **(note or {})}
        write_first(path / "run.toml", text_of(run_id or secrets.token_hex(6), content))
        return cls.open(path)  # this process's or, where another one was first, that one's

    @property
    def images(self) -> Path:
        """Folder of the PNGs."""
        return self.path / "images"

    @property
    def numpy(self) -> Path:
        """Folder of the raw cutouts, beside `images`, never inside."""
        return self.path / "numpy"

    def by_addresses(self) -> Run:
        """Return the run with the manifest that names images by the addresses they are served at.

        Raises
        ------
        InputError
            When there is none.
        """
        if not self.urls_manifest.is_file():
            raise NotARun(
                f"{self.path} has no {self.urls_manifest.name}: set manifest.url_root and generate the run again,"
                " which draws nothing twice"
            )
        return self.by(self.urls_manifest.name)

    def by(self, manifest_name: str) -> Run:
        """Return the run with another of its manifests."""
        return replace(self, manifest_name=manifest_name)

    def read_as(self, images: tuple[str, ...], encoding: str | None) -> Run:
        """Return the run with its manifest read as the user says; what is not said stays."""
        known = self.manifest_format
        return replace(
            self, manifest_format=ManifestFormat(images or known.images, encoding or known.encoding)
        )

    def remember_format(self) -> None:
        """Write how the manifest is read to `run.toml`, so that it need not be said again.

        Raises
        ------
        InputError
            When `run.toml` cannot be read or written.
        """
        if Run.open(self.path).manifest_format == self.manifest_format:
            return
        form = self.manifest_format
        said = {"images": list(form.images)} | ({"encoding": form.encoding} if form.encoding else {})
        self._rewrite(MANIFEST_FORMAT, said)

    def forget_format(self) -> None:
        """Write to `run.toml` that the manifest tells by itself how it is to be read.

        Raises
        ------
        InputError
            When `run.toml` cannot be read or written.
        """
        replace(self, manifest_format=AS_IT_TELLS).remember_format()

    def with_ledger_at(self, path: Path) -> Run:
        """Return the run with its ledger elsewhere, and write that to `run.toml`; every command finds it there.

        Parameters
        ----------
        path : Path
            The file, or a folder that gets one named by the run's id.

        Raises
        ------
        InputError
            When the run has a ledger already, or `run.toml` cannot be written.
        """
        goal = (path / f"{self.run_id}.sqlite3" if path.is_dir() else path).absolute()
        if goal == self.ledger.absolute():
            return self
        if self.ledger.exists():
            raise InputError(
                f"the run's ledger is {self.ledger}: it is used where it is; --ledger is for a run that has none yet"
            )
        if not goal.parent.is_dir():
            raise FileMissing(f"{goal.parent} does not exist: give --ledger a folder on a local disk")
        self._rewrite(LEDGER, {"path": str(goal)})
        return replace(self, ledger_path=goal)

    def remember_settings(self) -> None:
        """Write the run's settings to `run.toml`, in the place of those that are there.

        Raises
        ------
        InputError
            When `run.toml` cannot be read or written.
        """
        if Run.open(self.path).settings != self.settings:
            self._rewrite("settings", _written(self.settings))

    def _rewrite(self, table: str, content: Mapping[str, Any]) -> None:
        record = self.path / "run.toml"
        try:
            known = content_of(self.path)
        except OSError as error:
            raise unreadable(record, error) from error
        write_whole(record, text_of(self.run_id, known | {table: content}))

    def rows(self) -> Iterator[ManifestRow]:
        """Read the manifest row by row.

        Raises
        ------
        InputError
            When it is missing, cannot be read, or does not tell which of its columns are images.
        """
        return read_manifest(self.manifest, self.manifest_format)

    def metadata_keys(self) -> list[str]:
        """Read which metadata the manifest has, without its rows where its header tells.

        Raises
        ------
        InputError
            When it is missing, cannot be read, or does not tell which of its columns are images.
        """
        return read_metadata_keys(self.manifest, self.manifest_format)

    def describe_manifest(self) -> str:
        """Say what was recognised in a manifest of another tool's making; empty for one of zoocut's own.

        Raises
        ------
        InputError
            When it cannot be read.
        """
        return describe_manifest(self.manifest, self.manifest_format)

    @property
    def talk(self) -> Path:
        """Which files are attached to which subjects' Talk pages."""
        return self.path / TALK_FILE

    @property
    def urls_manifest(self) -> Path:
        """The manifest by addresses, where the settings tell where the images are served."""
        return self.path / "manifest-urls.csv"

    @property
    def sources(self) -> Path:
        """The catalog rows drawn."""
        return self.path / "sources.parquet"

    @property
    def rejected(self) -> Path:
        """What was not drawn, and why."""
        return self.path / "rejected.csv"


def _written(settings: RunSettings) -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude_none=True, include=set(RunSettings.model_fields))
