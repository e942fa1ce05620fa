"""What volunteers said of each source: votes of a classification export, counted."""

from zoocut.results.reducing import reduce_export
from zoocut.results.rules import Rules, Unit, VersionRule, parse_version
from zoocut.results.summary import Summary
from zoocut.results.workflow import read_workflow_export

__all__ = [
    "Rules",
    "Summary",
    "Unit",
    "VersionRule",
    "parse_version",
    "read_workflow_export",
    "reduce_export",
]
