"""Measure the service beside others: ``python -m bench`` prints tables for docs/performance.md."""
