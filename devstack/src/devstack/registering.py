"""Telling the platforms about us as an operator does, with the services' own commands."""

import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.process import run_once

COMMAND = (sys.executable, "-m", "gateway.webhooks")
TEMPLATES = (sys.executable, "-m", "notifier.templates")


async def register_webhooks(environment: Mapping[str, str], logs: Path, *arguments: str) -> None:
    """Register what the environment describes; doing it again changes nothing.

    Args:
        environment: as services have it.
        logs: the folder for what the command says.
        arguments: more of the command's own, such as `--platform telegram`.

    Raises:
        Failed: the platform refused; the message ends with what the command said.
    """
    command = (*COMMAND, "register", *arguments)
    await run_once("webhooks", command, environment, logs / "webhooks.log")


async def submit_templates(environment: Mapping[str, str], logs: Path) -> None:
    """Submit the templates that the accounts do not have yet; the simulator approves at once.

    Raises:
        Failed: the platform refused; the message ends with what the command said.
    """
    await run_once("templates", (*TEMPLATES, "submit"), environment, logs / "templates.log")
