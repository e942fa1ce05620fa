"""A Panoptes-compatible server on loopback, for rehearsal and tests.

`running` starts one in a process of its own; `zoocut.sandbox.app.application` makes the web application,
to which further routes can be added.
"""

from zoocut.sandbox.running import Running, running

__all__ = ["Running", "running"]
