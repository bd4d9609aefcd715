"""gunicorn's settings for the servers that the service is compared with: its own, where they cost time."""

import os

worker_class = "gthread"
preload_app = True
keepalive = 5
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
control_socket_disable = True
