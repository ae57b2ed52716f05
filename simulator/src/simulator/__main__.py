"""`python -m simulator --port 8090 --smtp-port 8093`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import socket
import sys

import uvicorn

from simulator.app import create_app
from simulator.mail import start_smtp
from simulator.settings import settings_from_environment
from simulator.world import World, create_world

SHUTDOWN_SECONDS_MAX = 3


def main() -> None:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(
        prog="simulator", description="Telegram and WhatsApp on your laptop."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8090, help="page, control API, platform APIs")
    parser.add_argument("--smtp-port", type=int, default=8093, help="mail sink")
    arguments = parser.parse_args()
    try:
        asyncio.run(_serve(arguments.host, arguments.port, arguments.smtp_port))
    except (OSError, ValueError) as error:
        sys.exit(f"The simulator cannot start: {error}")
    except KeyboardInterrupt:
        return


async def _serve(host: str, port: int, smtp_port: int) -> None:
    world = create_world(settings_from_environment())
    config = uvicorn.Config(
        create_app(world),
        host=host,
        port=port,
        log_level="warning",
        # Access logs would print the bot's token, which is part of each Bot API path.
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
    )
    smtp = await start_smtp(world.mailbox, host, smtp_port)
    gc.collect()
    gc.freeze()
    async with smtp:
        await _Server(config, world).serve()


class _Server(uvicorn.Server):
    """Ends the long polls of open pages first: they would hold up the shutdown."""

    def __init__(self, config: uvicorn.Config, world: World) -> None:
        super().__init__(config)
        self._world = world

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop waiting, then stop serving."""
        for person in self._world.core.people:
            person.chat.close()
        await super().shutdown(sockets)


if __name__ == "__main__":
    main()
