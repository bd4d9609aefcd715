"""The remote APIs, one module each."""
