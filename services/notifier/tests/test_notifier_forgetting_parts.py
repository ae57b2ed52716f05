"""What is forgotten of a chat part by part, and what is not: crashes, repetitions, newer words."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from nats.js.errors import NotFoundError
from notifier_house import NOON, outbound, whatsapp_address

from contracts import Address, DeliveryReported, OutboundMessage, PeerChanged
from contracts.topology import BULK, LEDGER, OUTBOUND, PEERS, Tier
from notifier.forgetting import CLOCKS_DIFFER_SECONDS, Forgetting, kept
from notifier.ledger import Ledger
from notifier.peers import Peer, Peers
from notifier.reach import Reach
from notifier.results import Results
from notifier.tier import TierLimit
from notifier.whose import Whose
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.documents import Documents
from runtime.provision import provision
from runtime.settings import ServiceSettings

ANN, BEN = whatsapp_address(), whatsapp_address("16505550099")
TIER = Tier(portfolio="99", recipients=2)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def test_what_was_done_since_is_kept_and_nothing_else() -> None:
    later = NOON + (CLOCKS_DIFFER_SECONDS + 1) * SECOND
    full = Peer(heard_at=NOON, marketing_stopped=True, marketing_at=NOON, whose="a", parked=True)
    assert kept(full, NOON, later, waiting=False) == Peer()
    back = full.model_copy(update={"heard_at": later})
    assert kept(back, NOON, later, waiting=False) == Peer(heard_at=later)
    stopped = full.model_copy(update={"marketing_at": later})
    assert kept(stopped, NOON, later, waiting=False) == Peer(
        marketing_stopped=True, marketing_at=later
    )


def test_the_wish_itself_is_not_taken_for_somebody_new() -> None:
    """The platform's clock may be a little ahead of ours."""
    said = Peer(heard_at=NOON + 2 * SECOND)
    assert kept(said, NOON, NOON, waiting=False) == Peer()


def test_limits_hold_on_until_the_last_time() -> None:
    until = NOON + HOUR
    paused = Peer(heard_at=NOON, paused_until=until, refusals=2, tat=until)
    assert kept(paused, NOON, NOON, waiting=False) == Peer(
        paused_until=until, refusals=2, tat=until
    )
    assert kept(paused, NOON, until, waiting=False) == Peer()
    assert kept(paused, NOON, None, waiting=False) == Peer()


@dataclass
class Kit:
    broker: Broker
    documents: Documents
    peers: Peers
    forgetting: Forgetting

    async def forget(self, after: timedelta = timedelta(), at: datetime = NOON) -> None:
        change = PeerChanged(
            id=uuid4(),
            occurred_at=at + after,
            correlation_id=uuid4(),
            address=ANN,
            at=at,
            forgotten=True,
        )
        await self.forgetting.forget(change)

    async def waits(self, **changes: Any) -> OutboundMessage:
        message = outbound(**({"address": ANN} | changes))
        await self.broker.publish(message)
        return message

    async def left(self, stream: str) -> int:
        return (await self.broker.jetstream.stream_info(stream)).state.messages

    async def result(self, message: OutboundMessage) -> DeliveryReported | None:
        subject = f"delivery.{message.address.platform}.{message.id}"
        try:
            raw = await self.broker.jetstream.get_last_msg("DELIVERY", subject)
        except NotFoundError:
            return None
        return DeliveryReported.model_validate_json(raw.data or b"")


@pytest_asyncio.fixture
async def kit(provisioned: str) -> AsyncIterator[Kit]:
    """The parts that forget, and no lanes: what is in a stream stays there."""
    broker = Broker("test", ServiceSettings(nats_url=provisioned))
    await broker.frame.connect()
    await provision(broker.jetstream, [], tiers=[TIER])
    documents = await broker.bucket(PEERS)
    results = Results(broker, Clock(None), Ledger(await broker.bucket(LEDGER)))

    def tier_of(_address: Address) -> Tier | None:
        return TIER

    yield Kit(broker, documents, Peers(documents), Forgetting(broker, documents, results, tier_of))
    await broker.jetstream.delete_stream(TIER.stream)
    await broker.stop()


async def test_what_waits_in_the_lanes_ends_unless_it_is_newer_or_somebody_else_s(kit: Kit) -> None:
    before = NOON - SECOND
    old = [
        await kit.waits(occurred_at=before),
        await kit.waits(occurred_at=before, priority="reminder"),
        await kit.waits(occurred_at=before, priority="bulk"),
    ]
    goodbye = await kit.waits(occurred_at=NOON + SECOND)
    other = await kit.waits(occurred_at=before, address=BEN)
    for _ in range(2):  # a repetition changes nothing
        await kit.forget()
        assert (await kit.left(OUTBOUND.name), await kit.left(BULK.name)) == (2, 0)
    for message in old:
        result = await kit.result(message)
        assert result is not None
        assert (result.status, result.reason) == ("suppressed", "forgotten")
    assert (await kit.result(goodbye), await kit.result(other)) == (None, None)
    await kit.forget(20 * HOUR)
    assert await kit.left(OUTBOUND.name) == 1
    assert await kit.result(goodbye) is not None


async def test_the_last_time_spares_whoever_has_come_back(kit: Kit) -> None:
    await kit.peers.hear(ANN, NOON + HOUR)
    await kit.waits(occurred_at=NOON + HOUR)
    await kit.forget(20 * HOUR)
    assert await kit.left(OUTBOUND.name) == 1
    assert (await kit.peers.open(ANN)).peer == Peer(heard_at=NOON + HOUR)


async def test_no_name_leads_from_the_ledger_to_who_was_forgotten(kit: Kit) -> None:
    whose = Whose(kit.broker, kit.documents)
    names = []
    for address in (ANN, BEN):
        record = await kit.peers.open(address)
        await whose.name(record)
        await record.save()
        assert record.peer.whose is not None
        names.append(record.peer.whose)
    assert [await whose.find(name) for name in names] == [ANN, BEN]
    # The same chat keeps its name: the second look writes nothing.
    record = await kit.peers.open(ANN)
    await whose.name(record)
    assert record.peer.whose == names[0]
    await kit.forget()
    assert [await whose.find(name) for name in names] == [None, BEN]


async def test_the_tier_forgets_who_it_was_and_still_counts_them(kit: Kit) -> None:
    limit = TierLimit(kit.broker, TIER)
    assert await limit.admit(ANN)
    assert await limit.admit(BEN)
    for _ in range(2):
        await kit.forget()
        assert await kit.left(TIER.stream) == TIER.recipients
        assert not await limit.admit(whatsapp_address("16505550011")), "two is the limit"
    info = await kit.broker.jetstream.stream_info(TIER.stream, subjects_filter=">")
    assert not any(ANN.chat_id in subject for subject in info.state.subjects or {})


@pytest.mark.parametrize("dies", ["results", "whose", "peer"])
async def test_whoever_dies_in_the_middle_leaves_it_to_the_next(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    class Died(Exception):
        pass

    async def die(*_: Any, **__: Any) -> None:
        raise Died

    target = {
        "results": (Results, "report"),
        "whose": (Whose, "forget"),
        "peer": (Forgetting, "_drop_peer"),
    }[dies]
    await kit.peers.hear(ANN, NOON - SECOND)
    message = await kit.waits(occurred_at=NOON - SECOND)
    with monkeypatch.context() as patch:
        patch.setattr(*target, die)
        with pytest.raises(Died):
            await kit.forget()
    await kit.forget()
    assert await kit.left(OUTBOUND.name) == 0
    assert await kit.documents.read(f"whatsapp.{ANN.chat_key}") is None
    result = await kit.result(message)
    assert result is not None
    assert (result.status, result.reason) == ("suppressed", "forgotten")


async def test_after_forgetting_the_registry_hears_of_a_new_block_as_of_a_new_one(kit: Kit) -> None:
    """Notes are counted anew, and must not have the id of one that was handled long ago."""
    reach, ids = Reach(kit.broker, Clock(None), kit.peers), set()
    for number in range(2):
        at = datetime.now(UTC) + number * HOUR
        await kit.peers.block(ANN)
        await reach.tell(ANN, uuid4())
        raw = await kit.broker.jetstream.get_msg("COMMANDS", number + 1)
        ids.add((raw.headers or {})["Nats-Msg-Id"])
        await kit.forget(at=at)
    assert len(ids) == 2
