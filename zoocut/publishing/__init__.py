"""Publish a run: its images, and the manifest by their addresses, go to where they are served from."""

from zoocut.publishing.destinations import open_destination
from zoocut.publishing.publishing import Publication, plan_publication, publish

__all__ = ["Publication", "open_destination", "plan_publication", "publish"]
