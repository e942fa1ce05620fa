"""A night is one command: what is new, to subjects in a set, verified, linked and told."""

from zoocut.night.nights import Outcome, run_nights
from zoocut.night.record import NightRecord, nights_in

__all__ = ["NightRecord", "Outcome", "nights_in", "run_nights"]
