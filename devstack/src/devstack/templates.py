"""WhatsApp's templates, by the operator's own command.

`python -m devstack.templates` is that command for whoever sits at this machine: with no account in
the environment, it is about the demo that runs here.
"""

import os
import sys

from devstack.registering import TEMPLATES
from devstack.webhooks import GIVEN, running_demo


def main() -> None:
    """Become the command, in the environment that it is about."""
    environment = dict(os.environ)
    if not any(environment.get(name) or environment.get(f"{name}_FILE") for name in GIVEN):
        environment |= running_demo(environment)
    os.execve(TEMPLATES[0], [*TEMPLATES, *sys.argv[1:]], environment)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main()
