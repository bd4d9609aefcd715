# The image of both processes: web by default, a worker by another command (compose.yaml).
# `ops/pin-images` adds the digests of the base images, which a build that has to be repeatable needs.
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /opt/sectorflow-slack
COPY requirements.txt ./
# Every requirement has a wheel and a hash: there is nothing to compile, and no index can substitute one.
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --only-binary=:all: --require-hashes -r requirements.txt \
 && /opt/venv/bin/pip uninstall --yes pip setuptools \
 && rm requirements.txt

COPY bin bin
COPY sectorflow_slack sectorflow_slack
COPY gunicorn.conf.py wsgi.py ./
# With the bytecode in the image, the root file system can be read-only.
RUN python -m compileall -q /opt/venv/lib sectorflow_slack wsgi.py


FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="SectorFlow for Slack" \
      org.opencontainers.image.description="Ask several LLMs at once in Slack, through SectorFlow" \
      org.opencontainers.image.version="0.2.0"

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin sectorflow

COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/sectorflow-slack /opt/sectorflow-slack

# `sectorflow-slack` is the operator's command, from `bin`.
ENV PATH=/opt/sectorflow-slack/bin:/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/sectorflow-slack
USER 10001

EXPOSE 8000
# Both processes finish what they have accepted, within 30 seconds.
STOPSIGNAL SIGTERM
# The web process's; compose.yaml and the Kubernetes manifests have the worker's.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\") or 8000}/healthz', timeout=4)"]
CMD ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
