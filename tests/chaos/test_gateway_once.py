"""The same webhook, again and again, to several gateways at once: one message."""

import itertools
import sys
from collections import Counter

import pytest

from devstack.gateway_rig import GatewayRig
from devstack.scan import leaks, secrets_of
from tests.chaos.gateway_doors import PHONE_FROM, Doors, telegram_webhook, whatsapp_webhook
from tests.chaos.gateway_judge import inbound, numbers_of
from tests.chaos.gateway_storm import SECRET_WORD, SURNAME

GATEWAYS = 4
COPIES = 3
ROUNDS = 100
BATCH = 6
NEW_PER_BATCH = 4
"""Batches overlap, of one round and of two: the platform repeats what it thinks was lost among
what is new."""
WEBHOOKS = 3
"""Of one round: an update and two batches."""


async def repeated(*, rounds: int, guarantee_broken: str = "") -> tuple[Counter[int], set[int]]:
    """How often each message is stored, of all rounds; and which there should be."""
    environment = {"LOG_LEVEL": "debug"}
    if guarantee_broken:
        environment["TURNOUT_BREAK"] = guarantee_broken
    sent: set[int] = set()
    answers: Counter[int] = Counter()
    async with (
        GatewayRig(replicas=GATEWAYS, environment=environment) as rig,
        Doors(rig.urls) as doors,
    ):
        for number in range(rounds):
            first = number * 2 * NEW_PER_BATCH
            batches = [
                range(first, first + BATCH),
                range(first + NEW_PER_BATCH, first + NEW_PER_BATCH + BATCH),
            ]
            telegram = PHONE_FROM + number  # far from the others' numbers
            webhooks = [
                telegram_webhook(rig.values, telegram),
                *(whatsapp_webhook(rig.values, batch) for batch in batches),
            ]
            answers.update(await doors.post_everywhere(webhooks, copies=COPIES))
            sent |= {telegram, *itertools.chain(*batches)}
        assert answers == {200: rounds * WEBHOOKS * GATEWAYS * COPIES}, answers
        stored = Counter(numbers_of(await inbound(rig.nats_url)))
        words = {"a message": SECRET_WORD, "a name": SURNAME}
        words |= {f"phone {n}": str(PHONE_FROM + n) for n in sent if n < PHONE_FROM}
        leaked = leaks(rig.logs, secrets_of(rig.values) | words)
        assert not leaked, leaked[:20]
    return stored, sent


@pytest.mark.timeout(150)
async def test_a_webhook_three_times_at_once_to_four_gateways_is_one_message() -> None:
    stored, sent = await repeated(rounds=ROUNDS)
    sys.stdout.write(f"\n{len(sent)} messages, {WEBHOOKS * ROUNDS * GATEWAYS * COPIES} webhooks\n")
    assert set(stored) == sent
    assert set(stored.values()) == {1}


@pytest.mark.timeout(60)
async def test_messages_without_a_derived_id_are_stored_again_each_time() -> None:
    """The negative control: the same posts, and messages that the broker cannot tell apart."""
    stored, sent = await repeated(rounds=3, guarantee_broken="message-id")
    assert set(stored) == sent
    assert min(stored.values()) == GATEWAYS * COPIES
    assert max(stored.values()) == 2 * GATEWAYS * COPIES, "what is in two batches"
