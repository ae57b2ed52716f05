"""Telling the platforms, here the simulator, where the gateway is: by the operator's own command.

`python -m devstack.webhooks` is that command for whoever sits at this machine: with no account in
the environment, it is about the demo that runs here.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.installation import plan
from devstack.options import read
from devstack.process import Failed
from devstack.registering import COMMAND
from devstack.state import read_state

GIVEN = ("TURNOUT_ACCOUNTS", "TELEGRAM_TOKEN", "WHATSAPP_TOKEN", "PUBLIC_URL")
"""Any of them, or its `…_FILE`, means an installation of one's own."""


def main() -> None:
    """Become the command, in the environment that it is about."""
    environment = dict(os.environ)
    if not any(environment.get(name) or environment.get(f"{name}_FILE") for name in GIVEN):
        environment |= running_demo(environment)
    os.execve(COMMAND[0], [*COMMAND, *sys.argv[1:]], environment)  # noqa: S606 - no shell wanted


def running_demo(environment: Mapping[str, str]) -> dict[str, str]:
    """What the services of the demo in this home are told; nothing, if none runs."""
    options, _ = read([], environment)
    state = read_state(Path(options.run))
    if state is None or not state["processes"]:
        return {}
    try:
        return dict(plan(options).environment)
    except Failed:
        return {}


if __name__ == "__main__":
    main()
