"""The gateway as a process: it refuses, dies and comes back."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from gateway_house import (
    APP_SECRET,
    BOT,
    PHONE_ID,
    TELEGRAM_SECRET,
    VERIFY_TOKEN,
    WAIT_SECONDS_MAX,
    Gateway,
)

from runtime.testing import free_port

SECRETS = {
    "TELEGRAM_TOKEN": f"{BOT}:demo-telegram-token",
    "TELEGRAM_SECRET": TELEGRAM_SECRET,
    "WHATSAPP_PHONE_ID": PHONE_ID,
    "WHATSAPP_APP_SECRET": APP_SECRET,
    "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
}
UPDATE = {"update_id": 1, "message": {"chat": {"id": 42}, "date": 1763800000, "text": "hello"}}


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    return kept | SECRETS | changes


@asynccontextmanager
async def process(nats_url: str, **changes: str) -> AsyncIterator[tuple[Gateway, int]]:
    """A gateway of its own, its pid, and our look at it; ended at the end, however it ended."""
    port = free_port()
    env = environment(NATS_URL=nats_url, HTTP_PORT=str(port), **changes)
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "gateway", env=env)
    try:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 0.2).close()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            gateway = await Gateway.reached(http, nats_url)
            yield gateway, child.pid
            await gateway.close()
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        await asyncio.wait_for(child.wait(), WAIT_SECONDS_MAX)


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_without_a_secret_it_does_not_start_and_says_which(missing: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "gateway"],
        env=environment(**{missing: ""}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode != 0
    assert f"set {missing} to" in ended.stderr
    assert "Traceback" not in ended.stderr
    for name, secret in SECRETS.items():
        assert name == missing or secret not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("point", "stored"), [("gateway.before-publish", 0), ("gateway.after-publish", 1)]
)
async def test_a_crash_is_answered_by_the_platforms_repetition_and_ends_in_one_message(
    provisioned: str, point: str, stored: int
) -> None:
    faults = {"TURNOUT_TEST": "1", "TURNOUT_CRASH_AT": f"{point}:1"}
    async with process(provisioned, **faults) as (gateway, _):
        with pytest.raises(httpx.TransportError):
            await gateway.telegram(UPDATE)
        assert len(await gateway.raw("INBOUND")) == stored

    async with process(provisioned) as (gateway, _):
        assert (await gateway.telegram(UPDATE)).status_code == 200
        assert len(await gateway.raw("INBOUND")) == 1


async def test_on_sigterm_it_ends_well(provisioned: str) -> None:
    async with process(provisioned) as (gateway, pid):
        assert (await gateway.telegram(UPDATE)).status_code == 200
        os.kill(pid, signal.SIGTERM)
