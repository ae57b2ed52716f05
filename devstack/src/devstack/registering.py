"""Registering webhooks as an operator does, with the gateway's own command."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from devstack.process import run_once

COMMAND = (sys.executable, "-m", "gateway.webhooks")


async def register_webhooks(
    platform: Literal["telegram", "whatsapp"], environment: Mapping[str, str], logs: Path
) -> None:
    """Register one platform's webhooks; doing it again changes nothing.

    Raises:
        Failed: the platform refused; the message ends with what the command said.
    """
    label = f"webhooks-{platform}"
    command = (*COMMAND, "register", "--platform", platform)
    await run_once(label, command, environment, logs / f"{label}.log")
