"""Looking after subject sets: see, arrange and remove what is at Zooniverse; every change is read back."""

from zoocut.subject_sets.changing import (
    change_metadata,
    create,
    delete,
    foresee_deletion,
    link,
    link_copy,
    rename,
    unlink,
)
from zoocut.subject_sets.finding import find_project, find_set, find_subjects, find_workflow, shown_by
from zoocut.subject_sets.local import LocalRun, local_runs
from zoocut.subject_sets.members import Retired, add, already_retired, remove, split_by
from zoocut.subject_sets.progress import Progress, WorkflowProgress, progress
from zoocut.subject_sets.showing import (
    Line,
    Member,
    SetList,
    WorkflowShare,
    describe,
    list_members,
    list_sets,
)
from zoocut.subject_sets.training import TrainingRow, mark_training, read_training, workflow_request

__all__ = [
    "Line",
    "LocalRun",
    "Member",
    "Progress",
    "Retired",
    "SetList",
    "TrainingRow",
    "WorkflowProgress",
    "WorkflowShare",
    "add",
    "already_retired",
    "change_metadata",
    "create",
    "delete",
    "describe",
    "find_project",
    "find_set",
    "find_subjects",
    "find_workflow",
    "foresee_deletion",
    "link",
    "link_copy",
    "list_members",
    "list_sets",
    "local_runs",
    "mark_training",
    "progress",
    "read_training",
    "remove",
    "rename",
    "shown_by",
    "split_by",
    "unlink",
    "workflow_request",
]
