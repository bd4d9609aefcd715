"""A page that looks and works like a Slack channel, and Slack messages drawn as HTML and as text."""
