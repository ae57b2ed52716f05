"""`./task dead` for whoever sits at this machine: about the demo that runs here, unless `NATS_URL`
says otherwise.
"""

import os
import sys

from devstack.webhooks import running_demo

COMMAND = (sys.executable, "-m", "runtime.dead")


def main() -> None:
    """Become the command, in the environment that it is about."""
    environment = dict(os.environ)
    if not environment.get("NATS_URL"):
        environment |= running_demo(environment)
    os.execve(COMMAND[0], [*COMMAND, *sys.argv[1:]], environment)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main()
