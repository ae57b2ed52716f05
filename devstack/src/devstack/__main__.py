"""`./task demo`, `python -m devstack`."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from devstack.options import Options, read
from devstack.process import Failed
from devstack.requests import ask
from devstack.screen import Screen
from devstack.supervisor import Supervisor

PARENT_POLL_SECONDS = 0.5
SAME_WISH_SECONDS = 1.0
"""One Ctrl-C may come twice: from the terminal, and handed on by who started us."""


def main() -> int:
    """Run the installation until it is told to stop, or hand a request to the one that runs."""
    options, request = read(sys.argv[1:])
    screen = Screen()
    try:
        if request is not None:
            screen.say(ask(options.run, request))
            return 0
        with _alone(options):
            return asyncio.run(_run(options, screen))
    except Failed as failure:
        screen.failed(str(failure))
        return 1


async def _run(options: Options, screen: Screen) -> int:
    supervisor = Supervisor(options, screen)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    first_asked_at: float | None = None

    def asked_to_stop() -> None:
        nonlocal first_asked_at
        if first_asked_at is None:
            first_asked_at = loop.time()
        elif loop.time() - first_asked_at > SAME_WISH_SECONDS:
            supervisor.kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked_to_stop)
    watching_parent = asyncio.create_task(_stop_without_parent(options, stop))
    starting = asyncio.create_task(supervisor.start())
    stopping = asyncio.create_task(stop.wait())
    screen.begin()
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            supervisor.announce()
            await stop.wait()
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
    except Failed as failure:
        screen.failed(str(failure))
        return 1
    finally:
        watching_parent.cancel()
        stopping.cancel()
        screen.stopping()
        await supervisor.stop()
    screen.say("stopped")
    return 0


async def _stop_without_parent(options: Options, stop: asyncio.Event) -> None:
    """A demo whose caller was killed would hold its ports for ever."""
    parent = os.getppid()
    while options.stop_with_parent and os.getppid() == parent:
        await asyncio.sleep(PARENT_POLL_SECONDS)
    if options.stop_with_parent:
        stop.set()


@contextmanager
def _alone(options: Options) -> Iterator[None]:
    """One installation per home: two would take each other's data apart."""
    options.run.mkdir(parents=True, exist_ok=True)
    with (options.run / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Failed(
                f"a demo already runs in {options.home} (process {lock.read().strip()}); stop it "
                "with Ctrl-C, or start another with its own TURNOUT_HOME and TURNOUT_PORT_BASE"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


if __name__ == "__main__":
    sys.exit(main())
