"""Fixtures of the conversation's tests."""

import sys
from pathlib import Path

from runtime.testing import nats_server, nats_url, provisioned
from runtime.testing_redis import redis_server

# So that the helpers beside are found in every import mode of pytest.
sys.path.insert(0, str(Path(__file__).parent))

__all__ = ["nats_server", "nats_url", "provisioned", "redis_server"]
