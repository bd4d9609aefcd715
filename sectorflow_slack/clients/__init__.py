"""The clients of the remote APIs, Slack's and SectorFlow's, and the HTTP session that they share."""
