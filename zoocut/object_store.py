"""Files in an object store: `s3://BUCKET/FOLDER/FILE` as a path like others, for drawing. Experimental.

An object appears whole or not at all, so there are no temporary names; there are no locks. It was tested with moto's
server, which stands in for S3. Errors of the stores end here, as sentences.
"""

from __future__ import annotations

import io
import mimetypes
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PosixPath
from typing import IO, Any, NoReturn

from zoocut.error_kinds import CredentialsRefused, CredentialsUnsafe, MissingPackage, NoRole, WrongSetting
from zoocut.errors import InputError, ZoocutError, ZooniverseError, first_line

__all__ = [
    "ObjectPath",
    "as_path",
    "copying",
    "explained",
    "is_of_store",
    "local_path",
    "located",
    "readable",
    "store_error",
]

SCHEME = "s3:"
BLOCK_BYTES = 1 << 20
"""What a read fetches at least: a header, or some sixty rows of a frame, in about the time that a request takes."""

CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError")
NO_BUCKET = ("NoSuchBucket", "InvalidBucketName")

KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
EXPIRED = (
    CredentialsRefused,
    "refuses credentials that have expired ({}): sign in to the store again, or set new " + KEYS,
)
UNKNOWN = (
    CredentialsRefused,
    "does not take these credentials ({}): correct " + KEYS + ", or the profile that is used",
)
REFUSALS = {
    "RequestTimeTooSkewed": (
        InputError,
        "refuses requests by this machine's clock ({}): set the clock, then run again",
    ),
    "ExpiredToken": EXPIRED,
    "TokenRefreshRequired": EXPIRED,
    "InvalidAccessKeyId": UNKNOWN,
    "InvalidToken": UNKNOWN,
    "SignatureDoesNotMatch": UNKNOWN,
    "AuthorizationHeaderMalformed": (
        WrongSetting,
        "is in another region ({}): set AWS_DEFAULT_REGION to that",
    ),
}
"""What S3 calls an error, and what to do about it; its status alone does not tell."""


class ObjectPath(PosixPath):
    """The path of an object, or of a folder of them, with those of pathlib's methods that drawing needs.

    What it has no method for fails: it is no path of this machine's file system.
    """

    def __str__(self) -> str:
        return f"{SCHEME}//{self.key}"

    def __fspath__(self) -> str:
        raise TypeError(f"{self} is no file of this machine")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self),)

    @property
    def key(self) -> str:
        """The bucket and what is below it, as fsspec names objects."""
        return "/".join(self.parts[1:])

    def absolute(self) -> ObjectPath:
        """Return itself: there are no others."""
        return self

    def exists(self, **_: Any) -> bool:
        """Whether there is such an object or folder."""
        return self._about() is not None

    def is_file(self, **_: Any) -> bool:
        """Whether there is such an object."""
        return (self._about() or {}).get("type") == "file"

    def is_dir(self, **_: Any) -> bool:
        """Whether there are objects below it."""
        return (self._about() or {}).get("type") == "directory"

    def iterdir(self) -> Generator[ObjectPath, None, None]:
        """Yield what lies directly below it."""
        with explained(self.key):
            names = _system().ls(self.key, detail=False)
        yield from (ObjectPath(f"{SCHEME}//{name}") for name in names if name.rstrip("/") != self.key)

    def glob(self, pattern: str, **_: Any) -> Generator[ObjectPath, None, None]:
        """Yield what lies directly below it and has a name of that pattern."""
        found = self.iterdir() if self.is_dir() else ()
        # by its name alone: what `match` makes of a pattern differs from one Python to the next
        yield from (one for one in found if fnmatchcase(one.name, pattern))

    def listing(self) -> dict[str, int]:
        """Return when each object below it was written, in nanoseconds, by its path from here."""
        with explained(self.key):
            found = _system().find(self.key, detail=True)
        return {name.removeprefix(f"{self.key}/"): _written_ns(about) for name, about in found.items()}

    def stat(self, **_: Any) -> os.stat_result:
        """Return size and time of an object."""
        about = self._about()
        if about is None:
            raise FileNotFoundError(2, "No such object", str(self))
        at_ns = _written_ns(about)
        times = (at_ns // 10**9,) * 3
        return os.stat_result((0, 0, 0, 1, 0, 0, about["size"], *times), {"st_mtime_ns": at_ns})

    def read_bytes(self) -> bytes:
        """Read an object whole."""
        with explained(self.key):
            return bytes(_system().cat_file(self.key))

    def read_text(self, encoding: str | None = None, errors: str | None = None, *_: Any) -> str:
        """Read an object whole, as text."""
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def open(self, mode: str = "r", *_: Any, **text: Any) -> IO[Any]:  # type: ignore[override]
        """Read an object whole, as a file that is open to be read."""
        content = io.BytesIO(self.read_bytes())
        return content if "b" in mode else io.TextIOWrapper(content, **text)

    def open_ranges(self) -> IO[bytes]:
        """Open an object to be read by ranges; blocks that were read are kept for the next reads."""
        with explained(self.key):
            opened: IO[bytes] = _system().open(
                self.key, "rb", block_size=BLOCK_BYTES, cache_type="blockcache"
            )
            return opened

    def write_bytes(self, content: Any) -> int:
        """Write an object, in the place of one that is there."""
        with explained(self.key):
            _system().pipe_file(self.key, content, **_type_of(self.name))
        return len(content)

    def write_first(self, content: bytes) -> bool:
        """Write an object unless somebody has; tell whether it was written."""
        try:
            with explained(self.key):
                _system().pipe_file(self.key, content, mode="create", **_type_of(self.name))
        except FileExistsError:
            return False
        return True

    @contextmanager
    def written_here_first(self) -> Iterator[Path]:
        """Yield a file of this machine to write to, and store it when the block ends without an error."""
        with tempfile.TemporaryDirectory(prefix="zoocut-") as folder:
            part = Path(folder) / self.name
            yield part
            with explained(self.key):
                _system().put_file(str(part), self.key, **_type_of(self.name))

    @contextmanager
    def copied_here(self) -> Iterator[Path]:
        """Yield a copy on this machine, of an object or of all below a folder, which goes with the block."""
        with tempfile.TemporaryDirectory(prefix="zoocut-") as folder:
            copy = Path(folder) / self.name
            with explained(self.key):
                _system().get(self.key, str(copy), recursive=self.is_dir())
            yield copy

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove an object."""
        with explained(self.key):
            _system().rm_file(self.key)

    def replace(self, target: Any) -> ObjectPath:
        """Give an object another name; a store can only copy it and remove the first."""
        goal = as_path(target)
        goal.write_bytes(self.read_bytes())
        self.unlink()
        return ObjectPath(goal)

    def rmdir(self) -> NoReturn:
        """Refuse: a folder is there as long as something is in it."""
        raise FileNotFoundError(2, "No such folder", str(self))

    def _about(self) -> dict[str, Any] | None:
        try:
            with explained(self.key):
                found: dict[str, Any] = _system().info(self.key)
                return found
        except FileNotFoundError:
            return None


def as_path(path: str | os.PathLike[str]) -> Path:
    """Return the path that a text or a path means: an `ObjectPath` where it is an address of a store."""
    plain = path if isinstance(path, Path) else Path(path)
    return ObjectPath(*plain.parts) if plain.parts[:1] == (SCHEME,) else plain


def copying(address: ObjectPath) -> str:
    """Write the command that copies a run to the working directory; it needs nothing but the package's own extra."""
    get = f"fsspec.filesystem('s3').get('{address.key}', '{address.name}', recursive=True)"
    return f'python -c "import fsspec; {get}"'


def located(folder: Path, text: str) -> Path:
    """Return the path that a setting means: an address of a store, or a path that may be relative to `folder`."""
    path = as_path(text)
    return path if isinstance(path, ObjectPath) else folder / path


def local_path(folder: Path, text: str, key: str) -> Path:
    """Return the path that a setting means which must be one of this machine.

    Raises
    ------
    ConfigError
        When it is an address of a store.
    """
    path = located(folder, text)
    if isinstance(path, ObjectPath):
        raise WrongSetting(
            f"{key} = {text!r}: only frames, tables and the run folder may be in an object store; copy it to this "
            "machine and give the copy's path"
        )
    return path


def readable(path: Path) -> Path | IO[bytes]:
    """Return what a reader that takes paths or open files can read: an object as a file in memory."""
    return path.open("rb") if isinstance(path, ObjectPath) else path


def _type_of(name: str) -> dict[str, str]:
    kind, _ = mimetypes.guess_type(name)
    return {} if kind is None else {"ContentType": kind}


def _written_ns(about: dict[str, Any]) -> int:
    at = about.get("LastModified") or datetime.fromtimestamp(0, UTC)
    return int(at.timestamp()) * 10**9


def _system() -> Any:
    """Return the store, as the environment's credentials and endpoint open it."""
    known = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
    return _opened(os.getpid(), known)


@cache
def _opened(_process: int, _environment: tuple[tuple[str, str], ...]) -> Any:
    try:
        import fsspec

        return fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    except ImportError as error:
        raise MissingPackage(
            f"s3:// needs a package that is not there ({first_line(error)}): pip install 'zoocut[s3]'"
        ) from None


@contextmanager
def explained(root: str, named: str = "the address") -> Iterator[None]:
    """Turn what a store raises into a sentence; that a single object is missing is left to the caller.

    Parameters
    ----------
    root : str
        The bucket, and what is below it.
    named : str
        What the user gave it by, to be corrected.

    Raises
    ------
    ZoocutError
        As the error tree tells.
    FileNotFoundError, FileExistsError
        Of an object, in a bucket that is there.
    """
    try:
        yield
    except ZoocutError:
        raise
    except FileExistsError:
        raise
    except FileNotFoundError as error:
        if _code(error) in NO_BUCKET:
            raise store_error(error, root, named) from error
        raise
    except PermissionError as error:
        raise store_error(_in_words(error, root), root, named) from error
    except Exception as error:  # each of fsspec's stores raises what its own client does
        raise store_error(error, root, named) from error


def _in_words(error: PermissionError, root: str) -> BaseException:
    """Ask again in a way that S3 answers in words: to HEAD it says 403, be it for want of rights or by the clock."""
    if _code(error) != "403":
        return error
    try:
        _system().call_s3("list_objects_v2", Bucket=root.partition("/")[0], MaxKeys=1)
    except Exception as told:  # as above
        return told
    return error


def _code(error: BaseException) -> str:
    """Return what S3 calls an error; its client keeps it behind the one that it raises."""
    answer = getattr(error.__cause__ or error, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, dict) else ""


def is_of_store(error: BaseException) -> bool:
    """Whether an error comes from a store or the way to it, not from what was read."""
    own = type(error).__module__.partition(".")[0] in ("botocore", "aiobotocore", "aiohttp", "s3fs", "fsspec")
    return own or bool(_code(error)) or isinstance(error, (ConnectionError, TimeoutError, PermissionError))


def store_error(error: BaseException, root: str, named: str = "the address") -> ZoocutError:
    """Say what a store's error means.

    Parameters
    ----------
    error : Exception
        What its client raised.
    root : str
        The bucket, and what is below it.
    named : str
        What the user gave it by, to be corrected.
    """
    bucket, words = root.partition("/")[0], first_line(error)
    if type(error).__name__ in CREDENTIALS:
        return CredentialsUnsafe(
            f"there are no credentials for {bucket} ({words}): set {KEYS}, or run `aws configure`"
        )
    if known := REFUSALS.get(_code(error)):
        kind, what = known
        return kind(f"{bucket} {what.format(words)}")
    if type(error).__name__ == "ParamValidationError":
        return WrongSetting(f"{bucket} is no name that a bucket can have: correct {named}")
    if isinstance(error, FileNotFoundError):
        return InputError(f"there is no bucket {bucket} ({words}): make it first, or correct {named}")
    if isinstance(error, PermissionError):
        return NoRole(
            f"{bucket} may not be listed or written with these credentials ({words}): it may be somebody else's; "
            f"correct {named}, or ask its owner for the rights to list and to put"
        )
    return ZooniverseError(
        f"{root} cannot be used now ({type(error).__name__}: {words}): run the same command again"
    )
