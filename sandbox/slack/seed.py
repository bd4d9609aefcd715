"""The made-up team, users and apps that the sandbox starts with."""

from __future__ import annotations

from urllib.parse import urlsplit

from sandbox.slack.records import App, Channel, Team, User
from sandbox.slack.world import World

TEAM_ID = "T0ACME00001"
GENERAL_ID = "C0GENERAL01"
RANDOM_ID = "C0RANDOM001"
ARCHIVED_ID = "C0OLDNEWS01"
MAYA_ID = "U0MAYA00001"
TOM_ID = "U0TOM000001"
AIKO_ID = "U0AIKO00001"
#: A group DM of all three.
GROUP_DM_ID = "C0GROUPDM01"

#: The distributed app; the service is started with the same values in SLACK_APP_ID and its like.
SECTORFLOW_APP_ID = "A0SECTORFLW"
SECTORFLOW_CLIENT_ID = "1000000000001.1000000000002"
SECTORFLOW_CLIENT_SECRET = "5ec70f10w0000000000000000client00"  # noqa: S105 - made up, for a sandbox
SECTORFLOW_SIGNING_SECRET = "5ec70f10w0000000000000000signing0"  # noqa: S105 - made up, for a sandbox

#: The customer's own app: only its home team can install it.
CUSTOMER_APP_ID = "A0ACMEHELPR"
CUSTOMER_CLIENT_ID = "1000000000001.2000000000001"
CUSTOMER_CLIENT_SECRET = "acmehelper00000000000000client000"  # noqa: S105 - made up, for a sandbox
CUSTOMER_SIGNING_SECRET = "acmehelper00000000000000signing00"  # noqa: S105 - made up, for a sandbox

SCOPES = ("app_mentions:read", "chat:write", "im:history", "chat:write.customize", "assistant:write")
BOT_EVENTS = (
    "app_mention",
    "message.im",
    "app_home_opened",
    "app_uninstalled",
    "tokens_revoked",
    "agent_session_stopped",
)


def seed(world: World, events_url: str) -> World:
    """Fill an empty world: a team, three users, their channels, and two apps that are not installed."""
    world.add_team(Team(TEAM_ID, "Acme", "acme"))
    world.add_user(User(MAYA_ID, TEAM_ID, "maya", "Maya Lindqvist", "#2bac76"))
    world.add_user(User(TOM_ID, TEAM_ID, "tom", "Tom Okafor", "#e8912d"))
    world.add_user(User(AIKO_ID, TEAM_ID, "aiko", "Aiko Tanaka", "#b3417a"))
    people = {MAYA_ID, TOM_ID, AIKO_ID}
    world.add_channel(Channel(GENERAL_ID, TEAM_ID, "general", members=set(people), topic="Company-wide news"))
    world.add_channel(Channel(RANDOM_ID, TEAM_ID, "random", members=set(people), topic="Everything else"))
    world.add_channel(Channel(ARCHIVED_ID, TEAM_ID, "old-news", members=set(people), is_archived=True))
    world.add_channel(
        Channel(GROUP_DM_ID, TEAM_ID, "mpdm-maya--tom--aiko-1", kind="mpim", members=set(people))
    )
    world.add_app(_sectorflow_app(events_url))
    world.add_app(_customer_app(events_url))
    return world


def _sectorflow_app(events_url: str) -> App:
    return App(
        app_id=SECTORFLOW_APP_ID,
        client_id=SECTORFLOW_CLIENT_ID,
        client_secret=SECTORFLOW_CLIENT_SECRET,
        signing_secret=SECTORFLOW_SIGNING_SECRET,
        verification_token="sectorflow-verification",  # noqa: S106 - made up, for a sandbox
        name="SectorFlow",
        home_team_id="T0SECTORFLW",
        redirect_urls=redirect_urls(events_url),
        scopes=SCOPES,
        bot_events=BOT_EVENTS,
        events_url=events_url,
        interactivity_url=interactivity_url(events_url),
        is_distributed=True,
        org_deploy=True,
    )


def _customer_app(events_url: str) -> App:
    return App(
        app_id=CUSTOMER_APP_ID,
        client_id=CUSTOMER_CLIENT_ID,
        client_secret=CUSTOMER_CLIENT_SECRET,
        signing_secret=CUSTOMER_SIGNING_SECRET,
        verification_token="acme-verification",  # noqa: S106 - made up, for a sandbox
        name="Acme Helper",
        home_team_id=TEAM_ID,
        redirect_urls=redirect_urls(events_url),
        scopes=SCOPES,
        bot_events=BOT_EVENTS,
        events_url=events_url,
        interactivity_url=interactivity_url(events_url),
    )


def redirect_urls(events_url: str) -> tuple[str, ...]:
    """Return the redirect URLs of a service with this events URL; both names of loopback."""
    url = urlsplit(events_url)
    hosts = {url.hostname or "localhost"}
    if hosts <= {"localhost", "127.0.0.1"}:
        hosts = {"localhost", "127.0.0.1"}
    port = f":{url.port}" if url.port else ""
    return tuple(f"{url.scheme}://{host}{port}/slack/oauth_redirect" for host in sorted(hosts))


def interactivity_url(events_url: str) -> str:
    """Return the interactivity URL that belongs to an events URL."""
    return events_url.rsplit("/", 1)[0] + "/interactions"
