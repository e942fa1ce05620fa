"""Addresses of images: signed ones to write to, public ones to read from."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

__all__ = [
    "MIME_TYPES",
    "new_path",
    "normal_mime",
    "parameters",
    "private_url",
    "proves",
    "public_url",
    "signed_url",
]

MIME_TYPES = {
    "application/json": "json",
    "application/pdf": "pdf",
    "audio/aac": "aac",
    "audio/midi": "mid",
    "audio/x-midi": "mid",
    "audio/mp4": "mp4",
    "audio/x-m4a": "m4a",
    "audio/mp3": "mp3",
    "audio/mpeg": "mpga",
    "audio/wav": "wav",
    "image/jpeg": "jpeg",
    "image/gif": "gif",
    "image/png": "png",
    "image/tiff": "tiff",
    "image/x-icon": "ico",
    "image/svg+xml": "svg",
    "text/csv": "csv",
    "text/plain": "txt",
    "video/mp4": "mp4",
    "video/mpeg": "mpeg",
}
"""Types that may be stored, and the ending of their files."""

NORMALISED = {"audio/mp3": "audio/mpeg", "audio/x-wav": "audio/mpeg"}


def normal_mime(mime: str) -> str:
    """Return the type under which the server keeps a medium of a subject itself; those beside it stay as they are."""
    return NORMALISED.get(mime, mime)


def new_path(mime: str, folder: str = "subject_location") -> str:
    """Return a new place in the store for media of a type."""
    return f"{folder}/{uuid.uuid4()}.{MIME_TYPES[mime]}"


def _signature(secret: bytes, path: str, given: Mapping[str, str]) -> str:
    text = "\n".join([path, *(given.get(key, "") for key in ("sp", "sv", "se", "rsct", "sr"))])
    return base64.b64encode(hmac.digest(secret, text.encode(), hashlib.sha256)).decode()


def parameters(secret: bytes, path: str, mime: str, life_s: float, allows: str = "cw") -> dict[str, str]:
    """Return the query of a signed address: what it allows, until when, and the proof."""
    end = datetime.fromtimestamp(time.time() + life_s, UTC)
    given = {"sp": allows, "sv": "2018-11-09", "se": f"{end:%Y-%m-%dT%H:%M:%SZ}", "rsct": mime, "sr": "b"}
    return {**given, "sig": _signature(secret, path, given)}


def proves(secret: bytes, path: str, given: Mapping[str, str]) -> bool:
    """Tell whether a query was made by this sandbox for this path."""
    return hmac.compare_digest(_signature(secret, path, given).encode(), given.get("sig", "").encode())


def signed_url(base: str, secret: bytes, path: str, mime: str, life_s: float) -> str:
    """Return an address to PUT media to."""
    query = "&".join(f"{k}={quote(v, safe='')}" for k, v in parameters(secret, path, mime, life_s).items())
    return f"{base}/public/{path}?{query}"


def is_private(path: str) -> bool:
    """Tell whether what lies at a path is an export, which only a signed address reads."""
    return path.split("/")[0].endswith("_export")


def private_url(base: str, secret: bytes, path: str, life_s: float) -> str:
    """Return an address that a file may be read from, for a while."""
    given = parameters(secret, path, "", life_s, allows="r")
    return f"{base}/private/{path}?" + "&".join(
        f"{key}={quote(value, safe='')}" for key, value in given.items()
    )


def public_url(base: str, path: str) -> str:
    """Return the address media are read from; those of subjects have an address of their own, as in production."""
    return f"{base}/{path}" if path.startswith("subject_location/") else f"{base}/public/{path}"
