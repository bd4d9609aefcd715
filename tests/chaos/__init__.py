"""Proofs that nothing is lost and nothing comes twice, with real processes that are really killed."""
