"""The sandbox's pages for people."""

from zoocut.sandbox.pages.views import routes

__all__ = ["routes"]
