"""Upload a run: the manifest's rows become subjects of a set, each exactly once, whatever happens on the way."""

from zoocut.uploading.conductor import Patience
from zoocut.uploading.folder import look_at_run, open_run
from zoocut.uploading.forecast import forecast
from zoocut.uploading.order import Order, endpoint_of
from zoocut.uploading.story import upload

__all__ = ["Order", "Patience", "endpoint_of", "forecast", "look_at_run", "open_run", "upload"]
