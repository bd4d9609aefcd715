"""Benchmarks to run by hand; each prints the figures of one run."""
