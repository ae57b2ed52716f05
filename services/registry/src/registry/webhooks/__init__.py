"""Webhooks: what happened, told to organisers' programs at addresses of theirs."""
