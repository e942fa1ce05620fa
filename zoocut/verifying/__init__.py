"""Compare what the server holds with the run: read only, unless strays are to be pruned."""

from zoocut.verifying.audit import KINDS, Audit, Verification
from zoocut.verifying.pruning import prune
from zoocut.verifying.verifying import Progress, verify

__all__ = ["KINDS", "Audit", "Progress", "Verification", "prune", "verify"]
