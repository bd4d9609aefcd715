"""The ways in which the answers to a question are shown."""
