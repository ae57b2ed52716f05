"""Ratios against yardsticks, both sides measured in the same run."""
