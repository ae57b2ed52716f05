"""The gateway as a process: it refuses, dies and comes back."""

import os
import signal
import subprocess
import sys

import httpx
import pytest
from gateway_house import SECRETS, environment, process

UPDATE = {"update_id": 1, "message": {"chat": {"id": 42}, "date": 1763800000, "text": "hello"}}


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
    async with process(provisioned, **faults) as gateway:
        with pytest.raises(httpx.TransportError):
            await gateway.house.telegram(UPDATE)
        assert len(await gateway.house.raw("INBOUND")) == stored

    async with process(provisioned) as gateway:
        assert (await gateway.house.telegram(UPDATE)).status_code == 200
        assert len(await gateway.house.raw("INBOUND")) == 1


async def test_on_sigterm_it_ends_well(provisioned: str) -> None:
    async with process(provisioned) as gateway:
        assert (await gateway.house.telegram(UPDATE)).status_code == 200
        os.kill(gateway.pid, signal.SIGTERM)
