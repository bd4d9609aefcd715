"""Measure the service beside others: ``python -m bench`` prints tables, and ``--write`` puts them into the docs."""
