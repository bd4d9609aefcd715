"""Run the whole service with one command: a Redis server, the web process and the worker.

For a fresh machine and for trying things out. With ``REDIS_URL`` set, the same command runs web and worker
on that Redis. The modules, each importing only those below it::

    launcher   the command: the processes and their environment
    store      the server: its binary, its process and data
    home       the folder: its locks, and the keys made at the first start
    process    a child process, messages on the terminal, and the error
"""
