"""Run the sandbox: ``python -m sandbox --port 9000 --events-url http://localhost:8000/slack/events``."""

from __future__ import annotations

import argparse
import sys

from sandbox.app import create_sandbox
from sandbox.server import HOST, build_server
from sandbox.state import SandboxSettings, sandbox_of


def main() -> None:
    """Serve until interrupted."""
    options = _parse()
    settings = SandboxSettings(
        events_url=options.events_url,
        sectorflow_latency=options.sectorflow_latency,
        retry_scale=options.retry_scale,
        rate_limits=not options.no_rate_limits,
    )
    app = create_sandbox(settings)
    server = build_server(app, options.port)
    sys.stdout.write(f"Sandbox listens on http://{HOST}:{server.server_port}\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    finally:
        sandbox_of(app).events.close()


def _parse() -> argparse.Namespace:
    defaults = SandboxSettings()
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Play Slack and SectorFlow.")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free port")
    parser.add_argument("--events-url", default=defaults.events_url, help="where the apps' events go")
    parser.add_argument(
        "--sectorflow-latency", type=float, default=defaults.sectorflow_latency, metavar="SECONDS"
    )
    parser.add_argument(
        "--retry-scale", type=float, default=1.0, help="multiplies Slack's waits before retries"
    )
    parser.add_argument("--no-rate-limits", action="store_true", help="never answer 429")
    return parser.parse_args()


if __name__ == "__main__":
    main()
