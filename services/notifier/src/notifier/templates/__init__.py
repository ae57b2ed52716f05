"""WhatsApp's message templates: what may be said when the 24-hour window is closed.

`data` holds one file per template; nothing else knows their words. `catalogue` reads them,
`rules` says what Meta would refuse, `graph` asks and tells Meta, `standing` keeps what Meta says of
them, `syncing` keeps that fresh, and `python -m notifier.templates` is the operator's command.
"""
