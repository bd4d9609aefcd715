"""A strict fake of Slack: Web API, consent page, signed events."""
