"""Measure a row's images: what is to be sent, told by checksums before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from zoocut.addresses import media_type
from zoocut.ledger import Entry, Image
from zoocut.uploading.context import Outcome, UploadContext
from zoocut.uploading.machine import Event, Measured, Rejected
from zoocut.uploading.picture_content import content_problem
from zoocut.uploading.pictures import may_pass, read_picture
from zoocut.zooniverse.request_errors import Doubtful, LocalTrouble, NotNow, Refused

__all__ = ["measure", "measure_each", "measured"]


def measure_each(context: UploadContext, entries: Sequence[Entry]) -> Outcome:
    """Measure one entry after the other, up to the first that stands in the way."""
    events: dict[int, Event] = {}
    for entry in entries:
        outcome = measure(context, entry)
        events |= outcome.events
        if outcome.trouble is not None:
            return replace(outcome, events=events)
    return Outcome(events)


def measure(context: UploadContext, entry: Entry) -> Outcome:
    """Take the checksums of an entry's images and ask those that stay elsewhere for their type."""
    try:
        return Outcome({entry.row: Measured(tuple(_measure(context, image) for image in entry.images))})
    except OSError as error:
        name = error.filename or entry.images[0].path
        if may_pass(error):
            return Outcome(trouble=LocalTrouble(f"{name} cannot be read now ({error.strerror})"))
        return Outcome({entry.row: Rejected(f"{name} cannot be read ({error.strerror}): restore it")})
    except (Refused, ValueError) as error:
        return Outcome({entry.row: Rejected(str(error))})
    except NotNow as trouble:
        return Outcome(
            trouble=Doubtful(str(trouble))
        )  # how long another host wants to be left alone is not waited


def measured(image: Image, content: bytes) -> Image:
    """Note size and checksums of an image's bytes."""
    return replace(
        image,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )


def _measure(context: UploadContext, image: Image) -> Image:
    if image.hosted:
        content = read_picture(context.folder / image.path)
        if problem := content_problem(image, content):
            raise ValueError(problem)
        found = measured(image, content)
        context.contents.keep(found, content)
        return found
    kind, size, md5 = context.store.fetch_media(image.path)
    if not kind.startswith("image/") and kind != media_type(image.path):
        wanted = media_type(image.path) or "an image"
        raise ValueError(
            f"{image.path} answers with {kind or 'no type'}, not with {wanted}: correct the address, or set the host's "
            "content types"
        )
    address = hashlib.sha256(image.path.encode()).hexdigest()
    return replace(image, mime=kind, size=size, sha256=address, md5=md5)
