"""Upload a run: the manifest's rows become subjects of a set, each exactly once, whatever happens on the way."""

from zoocut.uploading.folder import look_at_run, open_run
from zoocut.uploading.forecast import forecast
from zoocut.uploading.goals import where_to
from zoocut.uploading.request import CHECKS, Timing, UploadRequest
from zoocut.uploading.uploading import upload

__all__ = [
    "CHECKS",
    "Timing",
    "UploadRequest",
    "forecast",
    "look_at_run",
    "open_run",
    "upload",
    "where_to",
]
