"""`python -m zoocut`."""

from zoocut.cli.main import run

run()
