"""The fixtures of this room; what they are made of is in `simulator_driver`."""

from simulator_driver import app, served, sim

__all__ = ["app", "served", "sim"]
