"""Redis, one module per family of keys."""
