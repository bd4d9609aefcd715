"""How gunicorn serves the web process; each value with its reason."""

import logging
import os

from sectorflow_slack.config import SettingsError, load_settings
from sectorflow_slack.logging import gunicorn_logging

try:
    settings = load_settings()
except SettingsError as error:
    raise SystemExit(f"sectorflow-slack: settings\n{error}") from None

# Every interface: the platform's router is in front. PORT is the platform's word for where.
bind = f"0.0.0.0:{settings.port}"

# Workers are what counts (one Python runs at a time in each): two of them take 2.2 times what one takes.
# Never fewer than two: Slack asks our events URL back while it makes an app for us.
workers = max(2, settings.web_concurrency or min(4, os.cpu_count() or 1))

# Threads wait for Redis, and for SectorFlow and Slack during an install. While Redis hangs each waits a
# second before it gives up, and Slack's 3 s must hold all the same at 50 events a second. gevent was
# measured and left: hardly faster, and its slowest requests take a second.
worker_class = "gthread"
threads = 32

# The application is loaded once and shared by the workers' memory; it connects to nothing before the fork.
preload_app = True

# Longer than the longest request: registering asks SectorFlow for up to 5 s, consent asks Slack for 10 s.
timeout = 30
# Heroku kills 30 s after SIGTERM; what was accepted is done long before.
graceful_timeout = 20
# Longer than a load balancer keeps an idle connection is unneeded; Slack opens new ones.
keepalive = 5

# Workers are not recycled: it resets connections, and Slack would see errors.
max_requests = 0

# A heartbeat file on a disk that stalls would get workers killed.
shared_memory = "/dev/shm"  # noqa: S108 - a name for gunicorn, not a file of ours
worker_tmp_dir = shared_memory if os.path.isdir(shared_memory) else None

# Since 25.1 gunicorn opens a control socket in HOME unless told not to.
control_socket_disable = True

# Request lines hold install links and OAuth codes: no access log. All else as JSON on stdout.
accesslog = None
logconfig_dict = gunicorn_logging(settings.log_level)


def post_worker_init(worker: object) -> None:
    """Say what to change about Redis, once for each process, where those who run the service will see it."""
    services = worker.app.callable.extensions["sectorflow_slack"]  # type: ignore[attr-defined]
    for warning in services.warnings():
        logging.getLogger("sectorflow_slack").warning(warning)
