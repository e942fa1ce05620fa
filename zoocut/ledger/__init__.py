"""The ledger: what is known to have happened at Zooniverse, and the only SQL about it."""

from zoocut.ledger.book import Ledger
from zoocut.ledger.lock import sole_uploader
from zoocut.ledger.planning import PlannedRow
from zoocut.ledger.records import Entry, Image, Member, State, Target

__all__ = ["Entry", "Image", "Ledger", "Member", "PlannedRow", "State", "Target", "sole_uploader"]
