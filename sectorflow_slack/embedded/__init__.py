"""The whole service from one command: a store of its own, the web and the worker, kept running.

For a fresh machine and for trying things out. With ``REDIS_URL`` set, the same command runs web and worker
on that Redis. The modules, each importing only those below it::

    launcher               the command: what runs, with which environment
    store  secrets         the store's process and data; the keys made at the first start
    process  server  home  a child process; the server's binary; the folder and its locks
    report                 one line for the person at the terminal, one error
"""
