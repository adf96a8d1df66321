"""Intervals: patient-cluster bootstrap, exact and score intervals for proportions, and when there is none."""
