"""A strict fake of SectorFlow's REST API."""
