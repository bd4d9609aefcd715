"""Every call of the Slack client, with arguments that tests recognise."""

from sectorflow_slack.domain.questions import Address, Message
from tests.clients.local_server import says
from tests.clients.test_slack_replies import REFRESH_TOKEN
from tests.values import BOT_TOKEN, CUSTOMERS_APP

BLOCKS = [{"type": "section", "text": {"type": "plain_text", "text": "Höhe"}}]
MESSAGE = Message("the fallback", tuple(BLOCKS))
CHANNEL = Address("C0GENERAL")
THREAD = Address("C0GENERAL", "1.0", "Acme Assistant")
VIEW = {"type": "home", "blocks": BLOCKS}
MANIFEST = {"display_information": {"name": "the-manifest"}}
REDIRECT_URI = "https://slack.example.com/slack/oauth_redirect"
CODE = "the-secret-code"
CONFIG_TOKEN = "xoxe.xoxp-1-the-secret-config-token"
TRIGGER = "the-secret-trigger"
#: Texts that no error and no log line may contain.
SECRETS = (
    *(BOT_TOKEN, CUSTOMERS_APP.client_secret, CODE, REFRESH_TOKEN, CONFIG_TOKEN, TRIGGER),
    *(MESSAGE.text, "Höhe", "the-manifest"),
)
CALLS = {
    "exchange_code": lambda slack: slack.exchange_code(CUSTOMERS_APP, CODE, REDIRECT_URI),
    "refresh": lambda slack: slack.refresh(CUSTOMERS_APP, REFRESH_TOKEN),
    "revoke": lambda slack: slack.revoke(BOT_TOKEN),
    "bot_name": lambda slack: slack.bot_name(BOT_TOKEN),
    "create_app": lambda slack: slack.create_app(CONFIG_TOKEN, MANIFEST, timeout=5),
    "delete_app": lambda slack: slack.delete_app(CONFIG_TOKEN, "A0MADE"),
    "post": lambda slack: slack.post(BOT_TOKEN, THREAD, MESSAGE),
    "update": lambda slack: slack.update(BOT_TOKEN, "C0GENERAL", "1.2", MESSAGE),
    "delete": lambda slack: slack.delete(BOT_TOKEN, "C0GENERAL", "1.2"),
    "post_ephemeral": lambda slack: slack.post_ephemeral(BOT_TOKEN, THREAD, "U0ANN", MESSAGE),
    "set_status": lambda slack: slack.set_status(BOT_TOKEN, "C0GENERAL", "1.0", MESSAGE.text),
    "set_session_status": lambda slack: slack.set_session_status(
        BOT_TOKEN, "C0GENERAL", "1.0", is_processing=True, title=MESSAGE.text
    ),
    "set_suggested_prompts": lambda slack: slack.set_suggested_prompts(
        BOT_TOKEN, "D0ANN", "Hello", {MESSAGE.text: MESSAGE.text}
    ),
    "publish_home": lambda slack: slack.publish_home(BOT_TOKEN, "U0ANN", VIEW),
    "open_view": lambda slack: slack.open_view(BOT_TOKEN, TRIGGER, VIEW),
    "probe": lambda slack: slack.probe(),
}


def refused(code, **fields):
    """Answer with an error code of Slack's."""
    return says({"ok": False, "error": code, **fields})
