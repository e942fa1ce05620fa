"""What the user should know before rows leave: limits that will be met, images that are unusually large."""

from __future__ import annotations

from zoocut.zooniverse.panoptes import Account, Panoptes

__all__ = ["CONVENTION_BYTES", "concerns", "left_at_most"]

CONVENTION_BYTES = 1 << 20
"""panoptes-cli and the project builder refuse images above this; volunteers on phones wait for them."""


def left_at_most(panoptes: Panoptes, account: Account) -> int | None:
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
