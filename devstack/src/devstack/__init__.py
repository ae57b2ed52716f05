"""Starts all of Turnout on one machine, without Docker."""
