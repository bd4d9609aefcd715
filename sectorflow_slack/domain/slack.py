"""What the service asks of Slack: the scopes and events of its apps, and the paths Slack calls.

And what it takes for Slack's ids and secrets, as patterns of the whole, in settings and in requests alike.
"""

#: Bot scopes. No channel history is read.
SCOPES = ("app_mentions:read", "chat:write", "im:history", "chat:write.customize", "assistant:write")

#: Bot events.
EVENTS = ("app_mention", "message.im", "app_home_opened", "app_uninstalled", "tokens_revoked")

APP_ID = r"A[A-Z0-9]{2,30}"
#: A workspace, or an organisation (Enterprise Grid).
TEAM_ID = r"[TE][A-Z0-9]{2,30}"
CLIENT_ID = r"[0-9]{1,30}\.[0-9]{1,30}"
#: Whatever goes into a header as it is: secrets, tokens and keys, Slack's and others'.
VISIBLE_ASCII = r"[\x21-\x7e]+"
#: No client secret and no signing secret is longer.
SECRET_MAX_LENGTH = 255

EVENTS_PATH = "/slack/events"
INTERACTIONS_PATH = "/slack/interactions"
OAUTH_REDIRECT_PATH = "/slack/oauth_redirect"
INSTALL_PATH = "/slack/install"
