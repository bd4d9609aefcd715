"""The scopes and events of the service's apps, the paths that Slack calls, and patterns of Slack's ids.

The patterns match whole values, in settings and in requests.
"""

#: Bot scopes. No channel history is read.
SCOPES = ("app_mentions:read", "chat:write", "im:history", "chat:write.customize", "assistant:write")

#: Bot events.
EVENTS = (
    *("app_mention", "message.im", "app_home_opened", "app_uninstalled", "tokens_revoked"),
    "agent_session_stopped",
)

APP_ID = r"A[A-Z0-9]{2,30}"
#: A workspace, or an organisation (Enterprise Grid).
TEAM_ID = r"[TE][A-Z0-9]{2,30}"
#: A message's ``ts``, which is its id.
TS = r"[0-9]{1,16}\.[0-9]{1,16}"
CLIENT_ID = r"[0-9]{1,30}\.[0-9]{1,30}"
#: Secrets, tokens and keys: they must fit into a header unencoded.
VISIBLE_ASCII = r"[\x21-\x7e]+"
#: The maximum length of a client secret or signing secret.
SECRET_MAX_LENGTH = 255

EVENTS_PATH = "/slack/events"
INTERACTIONS_PATH = "/slack/interactions"
OAUTH_REDIRECT_PATH = "/slack/oauth_redirect"
INSTALL_PATH = "/slack/install"
