"""Pictures of what people see, for the documentation: ``python -m sandbox.pictures``."""
