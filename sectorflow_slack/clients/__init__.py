"""The remote APIs: ``slack*.py`` for Slack, the rest for SectorFlow, and what both call HTTP with."""
