"""Publish a run: its images, and the manifest by their addresses, go to where they are served from."""

from zoocut.publishing.publishing import Publication, plan_publication, publish

__all__ = ["Publication", "plan_publication", "publish"]
