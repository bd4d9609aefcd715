"""A strict stand-in for SectorFlow's REST API."""
