"""A page that looks and works like a Slack channel, and Slack messages rendered as HTML and as text."""
