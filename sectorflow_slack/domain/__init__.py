"""Values, errors and interfaces of the service; knows the standard library only."""
