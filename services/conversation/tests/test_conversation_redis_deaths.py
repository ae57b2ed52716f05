"""A replica dies between any two of its writes, and Redis comes back with old data behind it."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from uuid import uuid5

import pytest
from conversation_house import handlers_at, house_at
from conversation_talk import ANN, ANN_SENDS, SPACE

from contracts import InboundMessage, TextSaid, derived_id
from runtime.testing_redis import RedisServer

_numbers = itertools.count()


def item(text: str) -> InboundMessage:
    now = datetime.now(UTC)
    input_id = uuid5(SPACE, f"before death {next(_numbers)}")
    return InboundMessage(
        id=input_id,
        occurred_at=now,
        correlation_id=input_id,
        address=ANN,
        sender=ANN_SENDS,
        content=TextSaid(text=text),
        sent_at=now,
    )


@pytest.mark.parametrize("returns", ["with all it had", "with old data"])
@pytest.mark.parametrize(
    ("point", "away"),
    [
        ("after-redis", None),
        ("after-cas", None),
        ("after-announcement", "redis"),
        ("after-cas", "redis"),
        ("after-wanting", "registry"),
        ("after-journal", "registry"),
    ],
)
async def test_a_replica_that_dies_between_two_writes_throws_nobody_back(
    provisioned: str, redis_server: RedisServer, point: str, away: str | None, returns: str
) -> None:
    in_redis = {"state_store": "redis", "redis_url": redis_server.url}
    async with house_at(provisioned) as house:
        async with handlers_at(provisioned, **in_redis) as handlers:
            await handlers.hear(first := item("/start"))
            old = redis_server.copy()
            await handlers.hear(second := item("1"))
        if away == "redis":
            redis_server.kill()
        elif away == "registry":
            house.states.mood = "is away"
        doomed = a_process(provisioned, redis_server.url, f"conversation.{point}:1")
        await house.says(third := item("yes"))
        assert await asyncio.to_thread(doomed.wait, 20) == -signal.SIGKILL
        if away != "redis" and returns == "with all it had":
            old = redis_server.copy("latest.rdb")
        redis_server.kill()
        redis_server.start(old)
        house.states.mood = "answers"
        async with handlers_at(provisioned, **in_redis) as handlers:
            await handlers.hear(third)
            await handlers.hear(fourth := item("Ann Lee"))
        said = await house.messages()
        assert [message.id for message in said] == [
            derived_id(each.id, 0) for each in (first, second, third, fourth)
        ]
        assert "name" in said[2].text
        assert "e-mail" in said[3].text


def a_process(nats_url: str, redis_url: str, crash_at: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "conversation"],
        env={
            **os.environ,
            "NATS_URL": nats_url,
            "STATE_STORE": "redis",
            "REDIS_URL": redis_url,
            "TURNOUT_TEST": "1",
            "TURNOUT_CRASH_AT": crash_at,
        },
        stdout=subprocess.DEVNULL,
    )
