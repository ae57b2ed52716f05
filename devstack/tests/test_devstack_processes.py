"""One process: started, watched, started again, stopped."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from devstack.keeper import Keeper
from devstack.ports import Ports, complaint, is_free
from devstack.process import Failed, Process, Program, run_once
from devstack.state import end_leftovers, read_state, write_state

LIVES_ON = "import time; print('hello', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LIVES_ON}"


def program(code: str, log: Path) -> Program:
    async def ready() -> bool:
        return b"hello" in log.read_bytes()

    return Program(name="some", command=(sys.executable, "-c", code), ready=ready, port=1)


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[[str], Process]]:
    made: list[Process] = []

    def make(code: str) -> Process:
        log = tmp_path / f"{len(made)}.log"
        made.append(Process(program(code, log), log))
        return made[-1]

    yield make
    for process in made:
        process.kill()
        if process.running:
            await process.exited()


async def until(holds: Callable[[], bool], seconds_max: float = 20) -> None:
    deadline = time.monotonic() + seconds_max
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_process_is_asked_to_stop_and_stops(make: Callable[[str], Process]) -> None:
    process = make(LIVES_ON)
    await process.start()
    await process.until_ready(20)
    pid = process.pid
    await process.stop()
    assert process.exit_code == -signal.SIGTERM
    assert not psutil.pid_exists(pid or 0)


async def test_one_that_does_not_listen_is_killed(make: Callable[[str], Process]) -> None:
    process = make(DEAF)
    await process.start()
    await process.until_ready(20)
    await process.stop(seconds_max=0.2)
    assert process.exit_code == -signal.SIGKILL


async def test_one_that_cannot_start_is_named_with_the_end_of_its_log(
    make: Callable[[str], Process],
) -> None:
    process = make("raise SystemExit('no such database')")
    await process.start()
    with pytest.raises(Failed, match=r"some ended with code 1(.|\n)*no such database"):
        await process.until_ready(20)


async def test_a_planted_crash_is_for_the_first_life_only(
    make: Callable[[str], Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURNOUT_CRASH_AT", "somewhere:1")
    process = make("import os; print(os.environ.get('TURNOUT_CRASH_AT'))")
    for extra in (None, None, {"TURNOUT_CRASH_AT": "elsewhere:2"}):
        await process.start(extra)
        await process.exited()
    assert process.log.read_text().split() == ["somewhere:1", "None", "elsewhere:2"]


async def test_work_that_ends_with_an_error_is_an_error(tmp_path: Path) -> None:
    await run_once("good", (sys.executable, "-c", "pass"), {}, tmp_path / "good.log")
    with pytest.raises(Failed, match="bad ended with code 3"):
        await run_once("bad", (sys.executable, "-c", "exit(3)"), {}, tmp_path / "bad.log")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start clears up")
async def test_children_go_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = f"""
import asyncio
from pathlib import Path
from devstack.process import Process, Program
async def ready(): return True
async def main():
    child = Process(
        Program(name="x", command=({sys.executable!r}, "-c", {LIVES_ON!r}), ready=ready, port=1),
        Path({str(tmp_path / "child.log")!r}),
    )
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    child = int(await supervisor.stdout.readline())
    assert psutil.pid_exists(child)
    supervisor.kill()
    await supervisor.wait()
    await until(lambda: not psutil.pid_exists(child))


@pytest.mark.parametrize("restart", [True, False])
async def test_the_dead_are_started_again_unless_told_otherwise(
    make: Callable[[str], Process], restart: bool
) -> None:
    process, said = make(LIVES_ON), list[str]()
    keeper = Keeper(process, restart=restart, changed=lambda: None, say=said.append)
    career = asyncio.create_task(keeper.keep())
    await keeper.first_ready()
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    died_at = time.monotonic()
    await until(lambda: len(said) > 0)
    if restart:
        await until(lambda: process.pid not in (None, first))
        assert 0.9 < time.monotonic() - died_at < 5
    else:
        # Longer than a restart would take, and nothing happens.
        with pytest.raises(AssertionError):
            await until(lambda: process.running, seconds_max=1.5)
        keeper.start({})
        await until(lambda: process.running)
    career.cancel()


async def test_a_stopped_one_stays_stopped_and_a_restarted_one_comes_at_once(
    make: Callable[[str], Process],
) -> None:
    process = make(LIVES_ON)
    keeper = Keeper(process, restart=True, changed=lambda: None, say=lambda _: None)
    career = asyncio.create_task(keeper.keep())
    await keeper.first_ready()
    first, asked_at = process.pid, time.monotonic()
    await keeper.restart({})
    await until(lambda: process.pid not in (None, first))
    assert time.monotonic() - asked_at < 0.9
    await process.until_ready(20)
    await keeper.stop()
    with pytest.raises(AssertionError):
        await until(lambda: process.running, seconds_max=1.5)
    career.cancel()


async def test_what_an_earlier_run_left_is_ended_and_nobody_else(
    make: Callable[[str], Process], tmp_path: Path
) -> None:
    left, stranger = make(LIVES_ON), make(LIVES_ON)
    for process in (left, stranger):
        await process.start()
        await process.until_ready(20)
    assert stranger.started_at is not None
    # The pid was written down for a process of long ago and belongs to somebody else by now.
    stranger.started_at -= 3600
    write_state(tmp_path, [left, stranger], {"ready": True})
    assert await asyncio.to_thread(end_leftovers, tmp_path) == ["some 1"]
    await until(lambda: not left.running)
    assert stranger.running


def test_a_state_that_is_no_state_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    (tmp_path / "state.json").write_text('{"processes": [')
    assert read_state(tmp_path) is None
    assert end_leftovers(tmp_path) == []


def test_a_busy_port_is_named_with_who_has_it_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ports = Ports(port)
        assert not is_free(port)
        said = complaint(["gateway"], ports) or ""
    assert f"port {port} (gateway) is taken by process {os.getpid()}" in said
    assert "TURNOUT_PORT_BASE=" in said
    assert complaint(["gateway"], ports) is None
