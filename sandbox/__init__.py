"""Strict fakes of Slack and SectorFlow, for the tests and the demo.

One process on one port plays both sides: it refuses what the real ones would refuse, with their own errors,
and talks to the service only over HTTP. Everything is in memory.
"""
