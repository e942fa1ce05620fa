"""Store one image of a subject, and renew the signed addresses that takes."""

from __future__ import annotations

import hashlib
from http import HTTPStatus

from zoocut.ledger import Entry, Image
from zoocut.uploading.context import Outcome, UploadContext
from zoocut.uploading.machine import Differs, Proved, Rejected
from zoocut.uploading.pictures import may_pass, read_picture
from zoocut.zooniverse.panoptes import Address
from zoocut.zooniverse.request_errors import LocalTrouble, NotNow, Refused
from zoocut.zooniverse.store import OCCUPIED

__all__ = ["renew", "store"]


def store(context: UploadContext, entry: Entry, position: int, address: Address) -> Outcome:
    """Put the image at `position`: the bytes that the row was announced with."""
    image = entry.images[position]
    content = context.contents.take(image)
    if content is None:
        read = _read_again(context, entry, image)
        if isinstance(read, Outcome):
            return read
        content = read
    return _put(context, entry, position, address, content)


def _read_again(context: UploadContext, entry: Entry, image: Image) -> bytes | Outcome:
    """Read an image and compare it with what the row was announced with."""
    try:
        content = read_picture(context.folder / image.path)
    except OSError as error:
        if may_pass(error):
            return Outcome(trouble=LocalTrouble(f"{image.path} cannot be read now ({error.strerror})"))
        return Outcome(
            {entry.row: Rejected(f"{image.path} cannot be read ({error.strerror}): {_restore(image)}")}
        )
    if hashlib.sha256(content).hexdigest() != image.sha256:
        return Outcome(
            {entry.row: Rejected(f"{image.path} was changed after its upload began: {_restore(image)}")}
        )
    return content


def _put(context: UploadContext, entry: Entry, position: int, address: Address, content: bytes) -> Outcome:
    image = entry.images[position]
    try:
        context.store.put(address, content, image.mime, image.md5)
    except Refused as error:
        if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return Outcome(
                {entry.row: Rejected(f"{image.path} is too large for the store of images: draw it smaller")}
            )
        return (
            _served_already(context, entry, position, error)
            if error.status in OCCUPIED
            else Outcome(trouble=error)
        )
    except NotNow as trouble:
        return Outcome(trouble=trouble)
    return Outcome({entry.row: Proved(position)}, sent_bytes=len(content))


def _served_already(context: UploadContext, entry: Entry, position: int, refusal: Refused) -> Outcome:
    """Settle a refusal by what is served: the same image is proved, another one stays and the row differs."""
    image = entry.images[position]
    try:
        address = context.panoptes.subject(entry.subject_id or "").addresses[position]
        _, size, md5 = context.store.fetch(address.url)
    except (IndexError, Refused):
        return Outcome(trouble=refusal)
    except NotNow as trouble:
        return Outcome(trouble=trouble)
    if (size, md5) == (image.size, image.md5):
        return Outcome({entry.row: Proved(position)})
    return Outcome(
        {
            entry.row: Differs(
                f"subject {entry.subject_id} shows another image than {image.path}, and an image is never exchanged "
                "under a subject: if a new subject may be made, generate the row into a new run; the old one stays"
            )
        }
    )


def renew(context: UploadContext, entry: Entry) -> Outcome:
    """Get fresh signed addresses of the subject's images."""
    try:
        addresses = context.panoptes.renewed_addresses(entry.subject_id or "")
    except Refused as error:
        if error.status == HTTPStatus.NOT_FOUND and _surely_gone(context, entry):
            return Outcome(
                {
                    entry.row: Rejected(
                        f"subject {entry.subject_id} is gone from {context.panoptes.endpoint}: if it may be made anew, "
                        "run `zoocut upload RUN --retry-rejected`"
                    )
                }
            )
        return Outcome(trouble=error)
    except NotNow as trouble:
        return Outcome(trouble=trouble)
    if [address.name for address in addresses] != [image.media_name for image in entry.images]:
        return Outcome(
            {
                entry.row: Rejected(
                    f"the images of subject {entry.subject_id} were replaced by someone else: delete that subject, "
                    "then run `zoocut upload RUN --retry-rejected`"
                )
            }
        )
    return Outcome(addresses=addresses)


def _surely_gone(context: UploadContext, entry: Entry) -> bool:
    """Ask once more: to a token that was pruned a private project's subjects are not there."""
    try:
        context.panoptes.account()
        context.panoptes.subject(entry.subject_id or "")
    except Refused as error:
        return error.status == HTTPStatus.NOT_FOUND
    except NotNow:
        return False
    return False


def _restore(image: Image) -> str:
    return f"restore the file with sha256 {image.sha256}, then run `zoocut upload RUN --retry-rejected`"
