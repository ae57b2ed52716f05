"""An operator sends again what was set aside: once, whatever happens meanwhile."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from notifier_house import outbound
from notifier_stage import Person, Stage, running, settings
from test_notifier_lookback import result, send, to, write_entry

from contracts import OutboundMessage
from contracts.topology import ring
from notifier.ledger import Entry
from runtime.endings import DELIVERIES_MAX
from runtime.provision import provision
from runtime.testing import NatsServer


async def redrive(stage: Stage, **environment: str) -> int:
    """`./task dead -- redrive --all`; its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime.dead", "redrive", "--all"),
        env=os.environ | {"NATS_URL": stage.nats_url} | environment,
        stdout=subprocess.DEVNULL,
    )
    return await asyncio.wait_for(process.wait(), 60)


async def dead(stage: Stage) -> int:
    return (await stage.client.jetstream().stream_info("DEAD")).state.messages


async def set_aside(stage: Stage, person: Person) -> OutboundMessage:
    """A message of a bot that nobody has a token for."""
    await provision(stage.client.jetstream(), [ring("telegram", "999")])
    async with running(settings(stage, telegram_token="999:another")):
        message = await stage.send(person)
        assert await stage.outcome(message) == ("set-aside", "no-token-for-account", False)
    assert await dead(stage) == 1
    return message


async def test_a_message_that_was_set_aside_is_sent_when_its_cause_is_repaired(
    stage: Stage,
) -> None:
    ann = await stage.person("telegram")
    message = await set_aside(stage, ann)
    async with running(settings(stage)):
        assert await redrive(stage) == 0
        assert await result(stage, message) == ("accepted", None, False)
    assert [said["text"] for said in await ann.heard()] == [message.text]
    assert await dead(stage) == 0


async def test_redriven_before_the_cause_is_repaired_it_can_be_redriven_once_more(
    stage: Stage,
) -> None:
    ann = await stage.person("telegram")
    message = await set_aside(stage, ann)
    async with running(settings(stage, telegram_token="999:another")):
        assert await redrive(stage) == 0
        assert (await result(stage, message))[0] == "set-aside"
    assert await dead(stage) == 1
    async with running(settings(stage)):
        assert await redrive(stage) == 0
        assert await result(stage, message) == ("accepted", None, False)
    assert len(await ann.heard()) == 1


@pytest.mark.parametrize("forgets", [False, True], ids=["at once", "after the broker forgot"])
async def test_killed_between_the_publish_and_taking_it_out_the_person_hears_once(
    stage: Stage, nats_server: NatsServer, forgets: bool
) -> None:
    ann = await stage.person("telegram")
    message = await set_aside(stage, ann)
    planted = {"TURNOUT_TEST": "1", "TURNOUT_CRASH_AT": "dead.after-publish:1"}
    async with running(settings(stage)):
        assert await redrive(stage, **planted) == -signal.SIGKILL
        assert await result(stage, message) == ("accepted", None, False)
    assert await dead(stage) == 1, "nobody came to take it out"
    if forgets:
        # A work queue's memory of message ids is made of what is stored: a restart empties it.
        nats_server.kill()
        nats_server.start()
        async with asyncio.timeout(10):
            while not stage.client.is_connected:
                await asyncio.sleep(0.02)
    async with running(settings(stage)):
        assert await redrive(stage) == 0
        assert await result(stage, message) == ("accepted", None, False)
        assert await dead(stage) == 0
    assert len(await ann.heard()) == 1


@pytest.mark.parametrize(
    ("entry", "ends", "times"),
    [
        ({"status": "accepted"}, ("accepted", None, False), 0),
        ({"status": "failed", "reason": "x"}, ("failed", "x", False), 0),
        ({"status": "set-aside"}, ("accepted", None, False), 1),
        ({"status": "unknown"}, ("accepted", None, True), 1),
        ({"status": "unknown", "repeated": True}, ("unknown", "answer-lost", True), 0),
    ],
    ids=["sent before", "failed before", "never sent", "lost once", "lost twice"],
)
async def test_what_became_of_it_before_decides(
    stage: Stage,
    notifier: httpx.AsyncClient,
    entry: dict[str, Any],
    ends: tuple[str, str | None, bool],
    times: int,
) -> None:
    ann = await stage.person("telegram")
    message = to(ann, redriven=uuid4())
    await write_entry(stage, message, state="settled", **entry)
    await send(stage, ann, message)
    assert await result(stage, message) == ends
    assert len(await ann.heard()) == times


def test_one_act_opens_an_entry_once() -> None:
    act, other = uuid4(), uuid4()
    aside = Entry(state="settled", status="set-aside", reason="x", refusals=3)
    opened = aside.reopened(act)
    assert opened == Entry(redriven=act)
    assert opened.reopened(act) is opened
    again = opened.model_copy(update={"state": "settled", "status": "set-aside"})
    assert again.reopened(act) is again
    assert again.reopened(other).state == "ready"
    assert aside.reopened(None) is aside
    bulk = outbound(priority="bulk")
    assert bulk.redriven is None, "nothing is redriven unless somebody asks for it"


async def test_refused_more_often_than_a_bug_may_be_tried_it_waits_and_does_not_die(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    chat = ann.address.chat_id
    await stage.fault("429", person=chat, count=DELIVERIES_MAX + 1, retry_after=1)
    message = await stage.send(ann)
    assert await ann.hears()
    assert await result(stage, message) == ("accepted", None, False)
    assert await dead(stage) == 0


async def test_refused_until_its_deadline_it_expires_and_does_not_die(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    await stage.fault("429", person=ann.address.chat_id, seconds=60, retry_after=2)
    deadline = datetime.now(UTC) + timedelta(seconds=3)
    message = await stage.send(ann, expires_at=deadline)
    assert await result(stage, message) == ("expired", None, False)
    assert await ann.heard() == []
    assert await dead(stage) == 0
