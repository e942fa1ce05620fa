"""What the user should know before rows leave: limits that will be met, images that are unusually large."""

from __future__ import annotations

from zoocut.errors import NotPermitted
from zoocut.ledger import Ledger, State
from zoocut.uploading.context import UploadContext
from zoocut.uploading.request import UploadRequest
from zoocut.zooniverse.panoptes import Account, RetryingPanoptes

__all__ = ["CONVENTION_BYTES", "concerns", "left_at_most", "require_account", "tell_first"]

CONVENTION_BYTES = 1 << 20
"""panoptes-cli and the project builder refuse images above this; volunteers on phones wait for them."""


def left_at_most(panoptes: RetryingPanoptes, account: Account) -> int | None:
    """Estimate how many subjects the account may still upload; None when it is not limited.

    The server counts late, so the larger of its two counts is taken; what it refuses decides.
    """
    if account.limit is None:
        return None
    return max(0, account.limit - max(account.uploaded, panoptes.count_uploaded(account)))


def concerns(account: Account, left: int | None, rows: int, large: int) -> list[str]:
    """Put into words what may surprise.

    Parameters
    ----------
    account : Account
        Who uploads.
    left : int or None
        How many subjects the account may still upload, at most.
    rows : int
        How many rows are to become subjects.
    large : int
        How many of their images are above `CONVENTION_BYTES`.
    """
    found = []
    if left is not None and rows > left:
        found.append(
            f"{rows} rows are to be uploaded and the account {account.login} has at most {left} of its "
            f"{account.limit} subjects left: the upload will stop there; ask Zooniverse for a higher limit"
        )
    if large:
        found.append(
            f"{large} images have more than 1 MiB, which volunteers on phones wait for: draw them smaller if "
            "that is not meant"
        )
    return found


def require_account(panoptes: RetryingPanoptes) -> Account:
    """Tell who is signed in.

    Raises
    ------
    NotPermitted
        When the account is banned.
    """
    account = panoptes.account()
    if account.banned:
        raise NotPermitted(
            f"the account {account.login} is banned at {panoptes.endpoint}: what it uploads is dropped without a "
            "word; ask Zooniverse"
        )
    return account


def tell_first(
    request: UploadRequest, contexts: list[UploadContext], ledger: Ledger, account: Account
) -> None:
    """See to it that the user knows what is coming."""
    coming = [context for context in contexts if ledger.count_unfinished(context.target)]
    if not coming:
        return
    planned = sum(ledger.counts(context.target)[State.PLANNED] for context in coming)
    large = sum(ledger.count_larger(context.target, CONVENTION_BYTES) for context in coming)
    for concern in concerns(account, left_at_most(coming[0].retrying, account), planned, large):
        request.tell(concern)
    for context in coming:
        serving = context.retrying.active_workflows(context.target.set_id)
        if serving:
            request.confirm(
                f"the set {context.target.set_name!r} is served by an active workflow ({', '.join(serving)}): "
                "volunteers will see the new subjects at once"
            )
