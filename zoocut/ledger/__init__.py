"""The ledger: what is known to have happened at Zooniverse, and the only SQL about it."""

from zoocut.ledger.book import Ledger, PlannedRow
from zoocut.ledger.lock import sole_uploader
from zoocut.ledger.records import Entry, Image, Member, State, Target

__all__ = ["Entry", "Image", "Ledger", "Member", "PlannedRow", "State", "Target", "sole_uploader"]
