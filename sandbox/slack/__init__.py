"""A strict stand-in for Slack: Web API, consent page, signed events."""
