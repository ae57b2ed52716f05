"""The embedded PostgreSQL after an unclean end."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from devstack.house import free_base
from devstack.ports import Ports
from devstack.postgres_server import create_database, database_url, postgres_program, prepare
from devstack.process import Process


@pytest.fixture
def ports() -> Ports:
    return Ports(free_base())


@pytest.fixture
async def server(tmp_path: Path, ports: Ports) -> AsyncIterator[Process]:
    # As somebody's home folder: nobody else may enter it.
    tmp_path.chmod(0o700)
    await prepare(tmp_path, tmp_path / "initdb.log")
    process = Process(postgres_program(tmp_path, ports), tmp_path / "postgres.log")
    await process.start()
    await process.until_ready(60)
    yield process
    await process.stop()


async def test_it_sorts_and_folds_cyrillic_and_keeps_what_was_written_through_a_kill(
    server: Process, ports: Ports
) -> None:
    await create_database(ports)
    await create_database(ports)
    connection = await asyncpg.connect(database_url(ports))
    assert await connection.fetchval("SELECT lower('ЁЛКА')") == "ёлка"
    await connection.execute("CREATE TABLE kept (what text); INSERT INTO kept VALUES ('this')")
    server.kill()
    await server.exited()
    await server.start()
    await server.until_ready(60)
    connection = await asyncpg.connect(database_url(ports))
    assert await connection.fetchval("SELECT what FROM kept") == "this"
    await connection.close()


async def test_a_half_made_data_folder_is_made_anew(tmp_path: Path) -> None:
    partial = tmp_path / "postgres.partial"
    partial.mkdir()
    (partial / "PG_VERSION").write_text("18\n")
    await prepare(tmp_path, tmp_path / "initdb.log")
    assert not partial.exists()
    assert (tmp_path / "postgres" / "global" / "pg_control").exists()


async def test_a_pid_file_whose_number_is_somebody_else_is_taken_away(tmp_path: Path) -> None:
    await prepare(tmp_path, tmp_path / "initdb.log")
    pid_file = tmp_path / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{tmp_path}\n")
    await prepare(tmp_path, tmp_path / "initdb.log")
    assert not pid_file.exists()


async def test_a_server_that_still_runs_there_is_stopped_cleanly(
    server: Process, tmp_path: Path
) -> None:
    await prepare(tmp_path, tmp_path / "initdb.log")
    assert await server.exited() == 0
    assert "database system is shut down" in server.log.read_text()
    assert server.program.stop_signal == signal.SIGINT
