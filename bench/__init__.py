"""Measurements; each runs by hand and prints figures of one run."""
