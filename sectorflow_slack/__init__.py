"""The Slack side of SectorFlow: one question in Slack, one answer from each LLM.

The layers, each importing only those below it::

    app, worker            entry points: the Flask factory, the job engine's broker
    bootstrap              composition root: settings in, services out
    commands               what whoever runs the service types: ``flask --app wsgi …``
    web  tasks  storage  clients
    services               what the service does, in terms of the domain
    formatting             what people read: pure functions
    config  logging
    domain                 the standard library only
"""

__version__ = "0.1.0"
