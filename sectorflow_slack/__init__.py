"""The Slack side of SectorFlow: one question in Slack, one answer from each LLM.

docs/architecture.md shows the layers; each imports only those below it.
"""

__version__ = "0.2.0"
