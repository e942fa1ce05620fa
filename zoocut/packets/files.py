"""Which files hold packets, and walking through one of them."""

from __future__ import annotations

import glob
import io
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from zoocut.error_kinds import BadPacket
from zoocut.errors import InputError, first_line
from zoocut.packets.container import read_container
from zoocut.packets.singles import shorten, singles_of_arrow
from zoocut.packets.wire import read_wire

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LARGEST_MEMBER_BYTES", "Broken", "Packet", "find_packet_files", "read_packets"]

ENDINGS = (".avro", ".parquet", ".tar", ".tar.gz", ".tgz")
LARGEST_MEMBER_BYTES = 256 * 2**20
"""Nothing larger is unpacked out of an archive: a packet is some hundred kilobytes."""

PACKETS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Packet:
    """One alert.

    Parameters
    ----------
    row : str
        Where it is, in words that an error message can use.
    fields : mapping
        What it says.
    """

    row: str
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Broken:
    """A file, a member of an archive or the rest of one that cannot be read.

    Parameters
    ----------
    row : str
        Where it is.
    reason : str
        What is wrong and what would help.
    """

    row: str
    reason: str


def find_packet_files(path: Path) -> list[str]:
    """List the files that a pattern matches, or those with packets below a folder, sorted.

    Parameters
    ----------
    path : Path
        A file, a folder or a pattern with * and **.

    Raises
    ------
    InputError
        When there is none.
    """
    if path.is_dir():
        found = [str(file) for file in path.rglob("*") if _may_hold_packets(file)]
        wanted = f"no file below {path} ends in {', '.join(ENDINGS)}"
    else:
        matches = map(Path, glob.glob(str(path), recursive=True))
        found = [str(file) for file in matches if file.is_file() and not _is_finders(file.name)]
        wanted = f"no file matches {path}"
    if not found:
        raise BadPacket(f"{wanted}: check catalog.path or --input")
    return sorted(found)


def _may_hold_packets(file: Path) -> bool:
    return file.name.endswith(ENDINGS) and not _is_finders(file.name) and file.is_file()


def _is_finders(name: str) -> bool:
    """Tell the files that macOS puts beside others for what their file system cannot hold (AppleDouble)."""
    return name.rpartition("/")[2].startswith("._")


def read_packets(path: Path, lists: bool = True) -> Iterator[Packet | Broken]:
    """Walk through a file; what is broken costs what cannot be read behind it, nothing else.

    Parameters
    ----------
    path : Path
        An Avro container, a packet as LSST streams it, parquet with one row an alert, or a tar archive of
        such files, plain or gzipped.
    lists : bool
        Whether the lists in a packet are decoded; an empty one stands for each where they are not.

    Raises
    ------
    InputError
        When the file cannot be opened.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadPacket(f"{path} cannot be opened: {error.strerror}") from error
    with file:
        reader = _reader_of(file) or (_read_archive if tarfile.is_tarfile(path) else None)
        file.seek(0)
        if reader is None:
            yield Broken(path.name, f"{path} is no alert packet, parquet or tar: is it the right file?")
        else:
            yield from reader(file, path.name, lists)


def _reader_of(file: IO[bytes]) -> Callable[[IO[bytes], str, bool], Iterator[Packet | Broken]] | None:
    start = file.read(4)
    if start == b"Obj\x01":
        return _read_container
    if start == b"PAR1":
        return _read_parquet
    return _read_wire if start[:1] == b"\0" else None


def _read_container(file: IO[bytes], name: str, lists: bool) -> Iterator[Packet | Broken]:
    number = 0
    try:
        for number, packet in enumerate(read_container(file, lists), start=1):
            yield Packet(f"{name} packet {number}", packet)
    except Exception as error:  # a broken file makes a decoder raise almost anything
        behind = f"{name} behind packet {number}" if number else name
        yield Broken(behind, f"{name} breaks off or is no Avro file ({first_line(error)}): fetch it again")


def _read_wire(file: IO[bytes], name: str, lists: bool) -> Iterator[Packet | Broken]:
    content = file.read(LARGEST_MEMBER_BYTES + 1)
    try:
        if len(content) > LARGEST_MEMBER_BYTES:
            raise BadPacket(f"is larger than {LARGEST_MEMBER_BYTES // 2**20} MB, which no packet is")
        yield Packet(name, read_wire(content, lists))
    except InputError as error:
        yield Broken(name, f"{name} {error}")


def _read_parquet(file: IO[bytes], name: str, lists: bool) -> Iterator[Packet | Broken]:
    import pyarrow as pa
    import pyarrow.parquet

    number = 0
    try:
        parquet = pyarrow.parquet.ParquetFile(file, pre_buffer=False)
        singles = singles_of_arrow(parquet.schema_arrow)
        unread = [] if lists else _lists_of(parquet.schema_arrow)
        columns = [column for column in parquet.schema_arrow.names if column not in unread]
        for batch in parquet.iter_batches(PACKETS_AT_ONCE, columns=columns, use_threads=False):
            for packet in batch.to_pylist():
                shorten(packet, singles)
                number += 1
                yield Packet(f"{name} row {number}", packet | {column: [] for column in unread})
    except (pa.ArrowException, OSError) as error:
        yield Broken(
            f"{name} behind row {number}", f"{name} cannot be read ({first_line(error)}): fetch it again"
        )


def _lists_of(schema: pa.Schema) -> list[str]:
    """Name the columns that hold lists."""
    import pyarrow as pa

    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return [field.name for field in schema if any(kind(field.type) for kind in kinds)]


def _read_archive(file: IO[bytes], name: str, lists: bool) -> Iterator[Packet | Broken]:
    try:
        with tarfile.open(fileobj=file, mode="r|*") as archive:
            names: Counter[str] = Counter()
            for member in archive:
                if member.isreg() and not _is_finders(member.name):
                    names[member.name] += 1  # an archive that was added to may hold two of a name
                    again = f" no. {names[member.name]}" if names[member.name] > 1 else ""
                    yield from _read_member(archive, member, f"{name}/{member.name}{again}", lists)
            if not _has_end(archive):
                yield Broken(name, f"{name} breaks off between two of its members: fetch it again")
    except (tarfile.TarError, EOFError, OSError) as error:
        yield Broken(name, f"{name} breaks off ({first_line(error)}): fetch it again")


def _has_end(archive: tarfile.TarFile) -> bool:
    """Return whether the block of zeros was met that ends an archive; tarfile takes a cut before it for an end, too."""
    stream: Any = archive.fileobj
    return bool(stream.tell() == archive.offset + tarfile.BLOCKSIZE)


def _read_member(
    archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, lists: bool
) -> Iterator[Packet | Broken]:
    if member.size > LARGEST_MEMBER_BYTES:
        yield Broken(name, f"{name} claims {member.size} bytes, which no packet has: leave it out")
        return
    opened = archive.extractfile(member)
    content = io.BytesIO(opened.read() if opened else b"")
    reader = _reader_of(content)
    content.seek(0)
    if reader is not None:
        yield from reader(content, name, lists)
    elif member.name.endswith(ENDINGS):
        yield Broken(name, f"{name} is no alert packet: fetch it again")
