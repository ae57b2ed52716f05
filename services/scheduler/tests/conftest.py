"""Fixtures of the scheduler's tests."""

from runtime.testing import nats_server, nats_url, provisioned

__all__ = ["nats_server", "nats_url", "provisioned"]
