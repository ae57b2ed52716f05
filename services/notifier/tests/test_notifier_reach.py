"""Who can be written to: what people do and what platforms say, in any order, and who is told."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import nats
import pytest_asyncio
from notifier_house import NOON, outbound, telegram_address, whatsapp_address

from contracts import Address, NoteReachability, PeerChanged
from contracts.topology import PEERS
from notifier.decisions import Settle, decide
from notifier.peers import Peer, Peers
from notifier.reach import Reach, arriving, is_untold, moving, noting
from notifier.verdicts import Gone
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.settings import ServiceSettings

SECOND = timedelta(seconds=1)
ANN = telegram_address()
BEA = whatsapp_address()


def change(at: datetime = NOON, **changes: Any) -> PeerChanged:
    values: dict[str, Any] = {
        "id": uuid4(),
        "occurred_at": NOON,
        "correlation_id": uuid4(),
        "address": ANN,
        "at": at,
    }
    return PeerChanged(**(values | changes))


def test_the_latest_act_counts_in_whatever_order_they_are_told() -> None:
    acts = [
        change(NOON, blocked=True),
        change(NOON + 10 * SECOND, blocked=False, heard=True),
        change(NOON + 20 * SECOND, blocked=True),
        change(NOON + 30 * SECOND, blocked=False),
    ]
    for order in itertools.permutations(acts):
        peer = Peer()
        for act in order:
            peer = peer.change(act)
        assert not peer.blocked
        for act in order:
            assert peer.change(act) == peer


def test_after_a_refusal_the_next_thing_they_do_reopens_the_chat() -> None:
    heard = Peer(heard_at=NOON)
    refused = heard.block()
    # Our clock has no say in it: the platform's may be minutes behind.
    assert not refused.hear(NOON + SECOND).blocked
    assert not Peer().block().hear(NOON - timedelta(minutes=5)).blocked
    assert not refused.change(change(NOON + SECOND, blocked=False)).blocked
    # What was known already reopens nothing.
    assert refused.hear(NOON).blocked


def test_what_was_heard_before_a_block_does_not_end_it() -> None:
    blocked = Peer().change(change(NOON, blocked=True))
    assert blocked.hear(NOON - 2 * SECOND).blocked


def test_a_stop_of_marketing_stops_marketing_alone() -> None:
    stopped = Peer(heard_at=NOON).change(change(NOON, address=BEA, marketing_stopped=True))
    message = outbound(address=BEA, marketing=True)
    assert decide(message, stopped, NOON) == Settle("suppressed", "marketing-stopped")
    assert not isinstance(decide(outbound(address=BEA), stopped, NOON), Settle)
    resumed = stopped.change(change(NOON + SECOND, address=BEA, marketing_stopped=False))
    assert not isinstance(decide(message, resumed, NOON), Settle)
    # An older word changes nothing.
    assert resumed.change(change(NOON, marketing_stopped=True)) == resumed


def test_marketing_rests_for_a_day() -> None:
    peer = Peer(heard_at=NOON, marketing_rests_until=NOON + timedelta(hours=24))
    message = outbound(address=BEA, marketing=True)
    assert isinstance(decide(message, peer, NOON), Settle)
    later = peer.hear(NOON + timedelta(hours=24))
    assert not isinstance(decide(message, later, NOON + timedelta(hours=24)), Settle)


def test_a_window_that_whatsapp_calls_closed_is_closed_until_they_write() -> None:
    peer = Peer(heard_at=NOON, window_closed_for=NOON)
    assert decide(outbound(address=BEA), peer, NOON) == Settle("suppressed", "window-closed")
    written = peer.hear(NOON + SECOND)
    assert not isinstance(decide(outbound(address=BEA), written, NOON + SECOND), Settle)


def test_a_given_up_number_is_not_followed_once_somebody_else_writes_from_it() -> None:
    moved = moving(Peer(heard_at=NOON), "16505559999", NOON + SECOND)
    assert moved.moved_to == "16505559999"
    assert moved.hear(NOON + SECOND).moved_to == "16505559999"
    assert moved.hear(NOON + 2 * SECOND).moved_to is None


def test_what_they_decided_holds_under_the_new_id_too() -> None:
    before = Peer(heard_at=NOON, marketing_stopped=True, marketing_at=NOON)
    after = arriving(Peer(moved_to="back", moved_at=NOON), before, NOON + SECOND)
    assert (after.marketing_stopped, after.moved_to, after.heard_at) == (True, None, None)


def test_every_note_is_later_than_the_one_before() -> None:
    first = noting(Peer().block(), NOON)
    assert (first.note.number, first.note.at, first.note.owed) == (1, NOON, True)
    assert noting(first, NOON) == first
    # The clock went back.
    second = noting(first.hear(NOON + SECOND), NOON - timedelta(hours=1))
    assert second.note.number == 2
    assert second.note.at is not None
    assert second.note.at > NOON
    assert not second.note.blocked


# --- with a broker


@pytest_asyncio.fixture
async def peers(provisioned: str) -> AsyncIterator[tuple[Reach, Peers, str]]:
    broker = Broker("test", ServiceSettings(nats_url=provisioned))
    await broker.frame.connect()
    known = Peers(await broker.bucket(PEERS))
    yield Reach(broker, Clock(None), known), known, provisioned
    await broker.stop()


async def notes(url: str) -> list[NoteReachability]:
    client = await nats.connect(url)
    try:
        jetstream = client.jetstream()
        last = (await jetstream.stream_info("COMMANDS")).state.last_seq
        bodies = [await jetstream.get_msg("COMMANDS", n) for n in range(1, last + 1)]
        return [NoteReachability.model_validate_json(body.data or b"") for body in bodies]
    finally:
        await client.close()


Setup = tuple[Reach, Peers, str]


async def test_a_block_and_its_end_are_told_once_each(peers: Setup) -> None:
    reach, known, url = peers
    blocking, writing = change(blocked=True), change(NOON + SECOND, blocked=False, heard=True)
    for each in (blocking, blocking, writing, blocking, writing):
        await reach.take_in(each)
    told = await notes(url)
    assert [(note.chat, note.blocked) for note in told] == [(ANN, True), (ANN, False)]
    assert told[0].at < told[1].at
    assert not (await known.open(ANN)).peer.blocked


async def test_a_refusal_is_told_with_its_reason(peers: Setup) -> None:
    reach, known, url = peers
    await reach.learn(await known.open(ANN), Gone(reason="telegram-403"), uuid4())
    (note,) = await notes(url)
    assert (note.blocked, note.reason) == (True, "telegram-403")


async def test_whoever_dies_before_telling_leaves_it_to_the_next(peers: Setup) -> None:
    reach, known, url = peers
    await known.block(ANN)
    assert await notes(url) == []
    peer = (await known.open(ANN)).peer
    assert is_untold(peer)
    await reach.tell(ANN, uuid4())
    assert len(await notes(url)) == 1
    assert not is_untold((await known.open(ANN)).peer)


async def test_whoever_dies_after_telling_repeats_the_same_note(peers: Setup) -> None:
    reach, known, url = peers
    await known.block(ANN)
    await known.change(ANN, lambda peer: noting(peer, NOON))
    await reach.tell(ANN, uuid4())
    # As if the last write had not come through.
    await known.change(
        ANN,
        lambda peer: peer.model_copy(update={"note": peer.note.model_copy(update={"owed": True})}),
    )
    await reach.tell(ANN, uuid4())
    (note,) = await notes(url)
    assert note.at == NOON


async def test_what_waits_for_an_old_number_finds_the_new_one(peers: Setup) -> None:
    reach, _, _ = peers
    new = BEA.model_copy(update={"chat_id": "16505559999"})
    newer = BEA.model_copy(update={"chat_id": "US.7"})
    await reach.take_in(change(address=new, previous=BEA.chat_id))
    await reach.take_in(change(NOON + SECOND, address=newer, previous=new.chat_id))
    assert (await reach.follow(BEA, None)).address == newer
    # And back again, without going round in circles.
    await reach.take_in(change(NOON + 2 * SECOND, address=BEA, previous=newer.chat_id))
    assert (await reach.follow(BEA, None)).address == BEA
    assert (await reach.follow(new, None)).address == BEA


async def test_a_group_that_moved_is_remembered(peers: Setup) -> None:
    reach, _, _ = peers
    group = Address(platform="telegram", account=ANN.account, chat_id="-42")
    moved = await reach.moved(group, "-100123")
    assert moved.chat_id == "-100123"
    assert (await reach.follow(group, datetime.now(UTC))).address == moved
