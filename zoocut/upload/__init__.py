"""Upload a run: the manifest's rows become subjects of a set, each exactly once, whatever happens on the way."""

from zoocut.upload.conductor import Patience
from zoocut.upload.folder import look_at_run, open_run
from zoocut.upload.forecast import forecast
from zoocut.upload.order import Order, endpoint_of
from zoocut.upload.story import upload

__all__ = ["Order", "Patience", "endpoint_of", "forecast", "look_at_run", "open_run", "upload"]
