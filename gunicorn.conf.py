"""gunicorn's settings for the web process, each with its reason."""

import logging
import os

from sectorflow_slack.config import SettingsError, load_settings
from sectorflow_slack.http_server import BufferingWorker, Logger
from sectorflow_slack.logging import gunicorn_logging

try:
    settings = load_settings()
except SettingsError as error:
    raise SystemExit(f"sectorflow-slack: settings\n{error}") from None

# Every interface: the platform's router is in front, and PORT is the variable that platforms set.
bind = f"0.0.0.0:{settings.port}"

# Throughput grows with workers, as each runs one Python thread at a time: two handle 2.2 times as much.
# At least two: Slack calls our events URL while it creates an app for us.
workers = max(2, settings.web_concurrency or min(4, os.cpu_count() or 1))

# Threads wait for Redis, and for SectorFlow and Slack during an install. If Redis hangs, each waits a second
# before it gives up, and must still meet Slack's 3 s at 50 events a second. gevent was measured: hardly
# faster, and its slowest requests take a second.
worker_class = BufferingWorker
threads = 32
# Fewer than the 1,024 files that a process may usually open.
worker_connections = 512

# Load the application once and share its memory between workers; it connects to nothing before the fork.
preload_app = True

# Longer than the longest request: a registration waits up to 5 s for SectorFlow, OAuth up to 10 s for Slack.
timeout = 30
# Heroku kills 30 s after SIGTERM; accepted requests are done long before.
graceful_timeout = 20
# Longer than any router in front keeps an idle connection (Heroku 90 s, nginx and AWS 60 s): if we closed it
# first, its next request would be lost, and be a 502 for Slack.
keepalive = 95

# Strangers may set no variable of ours by a header: not SCRIPT_NAME, and no name with an underscore.
forwarder_headers = ""
header_map = "refuse"

# Do not recycle workers: that resets connections, and Slack would see errors.
max_requests = 0

# With the heartbeat file on a disk that stalls, gunicorn would kill healthy workers.
shared_memory = "/dev/shm"  # noqa: S108 - a name for gunicorn, not a file of ours
worker_tmp_dir = shared_memory if os.path.isdir(shared_memory) else None

# gunicorn opens a control socket in HOME by default since 25.1.
control_socket_disable = True

# No access log; everything else goes to stdout as JSON.
logger_class = Logger
logconfig_dict = gunicorn_logging(settings.log_level)


def post_worker_init(worker: object) -> None:
    """Log the warnings about Redis's configuration, once per process, and start to flush its metrics."""
    services = worker.app.callable.extensions["sectorflow_slack"]  # type: ignore[attr-defined]
    for warning in services.warnings():
        logging.getLogger("sectorflow_slack").warning(warning)
    services.metrics.start()


def worker_exit(server: object, worker: object) -> None:
    """Flush the metrics of the last seconds."""
    worker.app.callable.extensions["sectorflow_slack"].metrics.flush()  # type: ignore[attr-defined]
