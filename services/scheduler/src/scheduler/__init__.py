"""Ticks: what is due is said once, however many schedulers run."""
