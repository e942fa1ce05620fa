"""The whole journey on a simulated field and the sandbox."""

from zoocut.demo.rehearsal import Outcome, demo

__all__ = ["Outcome", "demo"]
