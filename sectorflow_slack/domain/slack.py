"""What the service asks of Slack: the scopes and events of its apps, and the paths Slack calls."""

#: Bot scopes. No channel history is read.
SCOPES = ("app_mentions:read", "chat:write", "im:history", "chat:write.customize", "assistant:write")

#: Bot events.
EVENTS = ("app_mention", "message.im", "app_home_opened", "app_uninstalled", "tokens_revoked")

EVENTS_PATH = "/slack/events"
INTERACTIONS_PATH = "/slack/interactions"
OAUTH_REDIRECT_PATH = "/slack/oauth_redirect"
INSTALL_PATH = "/slack/install"
