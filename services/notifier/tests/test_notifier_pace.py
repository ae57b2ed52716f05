"""How fast one chat is written to: a debt with a burst, kept by compare-and-set."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from notifier_house import NOON, telegram_address, whatsapp_address

from contracts import Address
from contracts.reach import PeerChanged
from contracts.topology import PEERS
from notifier.pace import (
    WHATSAPP_PAIR_BURST,
    WHATSAPP_PAIR_INTERVAL_SECONDS,
    Pace,
    Paces,
)
from notifier.peers import CALM_SECONDS, PAUSE_SECONDS_MAX, Peer, Peers
from runtime.broker import Broker
from runtime.documents import Documents
from runtime.settings import ServiceSettings

PAIR = Paces().whatsapp_pair
GROUP = telegram_address("-1001")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def sent_at(pace: Pace, asked: list[float]) -> list[float]:
    """When messages go that are asked for at these times, each as soon as it may."""
    tat, now, sent = None, NOON, []
    for at in sorted(asked):
        now = max(now, NOON + seconds(at))
        now += seconds(pace.wait_seconds(tat, now))
        assert pace.wait_seconds(tat, now) == pytest.approx(0, abs=1e-5)
        tat = pace.book(tat, now)
        sent.append((now - NOON).total_seconds())
    return sent


def most_within(times: list[float], window: float) -> int:
    return max(sum(start <= at < start + window for at in times) for start in times)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=80), st.sampled_from(["chat", "pair"]))
def test_a_chat_never_gets_more_than_its_burst_and_its_pace(asked: list[float], of: str) -> None:
    pace = Paces().telegram_chat if of == "chat" else PAIR
    sent = sent_at(pace, asked)
    for window in (pace.interval_seconds, 10 * pace.interval_seconds):
        assert most_within(sent, window) <= pace.burst + window / pace.interval_seconds


def test_a_burst_borrows_from_later() -> None:
    """Twenty at once to a WhatsApp person, then two minutes of nothing, and all is as before."""
    sent = sent_at(PAIR, [0.0] * 50)
    assert sent[WHATSAPP_PAIR_BURST - 1] == 0
    assert sent[WHATSAPP_PAIR_BURST] == WHATSAPP_PAIR_INTERVAL_SECONDS
    rested = sent_at(PAIR, [0.0] * 20 + [120.0] * WHATSAPP_PAIR_BURST)
    assert rested[-1] == pytest.approx(120)


def test_a_group_gets_less_than_twenty_in_any_minute() -> None:
    sent = sent_at(Paces().telegram_group, [0.0] * 100)
    assert most_within(sent, 60) == 19


def test_without_the_debt_a_burst_could_be_repeated_at_once() -> None:
    """The negative control: what forgets the debt lets 88 pass where 45 are the limit."""
    forgetful = sent_at(PAIR, [0.0] * WHATSAPP_PAIR_BURST) + sent_at(
        PAIR, [0.0] * WHATSAPP_PAIR_BURST
    )
    assert most_within(forgetful, 1) > 45


@pytest.mark.parametrize(
    ("address", "pace"),
    [
        (telegram_address("42"), Paces().telegram_chat),
        (GROUP, Paces().telegram_group),
        (whatsapp_address(), PAIR),
        (Address(platform="email", account="mail", chat_id="1"), None),
    ],
)
def test_every_kind_of_chat_has_its_pace(address: Address, pace: Pace | None) -> None:
    assert Paces().of(address) == pace


@pytest_asyncio.fixture
async def documents(provisioned: str) -> AsyncIterator[Documents]:
    broker = Broker("notifier", ServiceSettings(nats_url=provisioned))
    await broker.frame.connect()
    yield await broker.bucket(PEERS)
    await broker.frame.stop()


async def test_many_replicas_that_write_to_one_chat_share_its_burst(documents: Documents) -> None:
    paces = Paces(whatsapp_pair=Pace(60.0, 5))
    booked = 0

    async def replica() -> None:
        nonlocal booked
        peers = Peers(documents, paces)
        for _ in range(4):
            record = await peers.open(whatsapp_address())
            if await record.book() == 0:
                booked += 1

    await asyncio.gather(*(replica() for _ in range(6)))
    assert booked == 5
    record = await Peers(documents, paces).open(whatsapp_address())
    assert 58 < record.wait_seconds() <= 60


async def test_a_send_costs_one_read_and_one_write(documents: Documents) -> None:
    class Counting(Documents):
        reads = writes = 0

        async def read(self, key: str) -> tuple[bytes, int] | None:
            Counting.reads += 1
            return await documents.read(key)

        async def create(self, key: str, value: bytes) -> int:
            Counting.writes += 1
            return await documents.create(key, value)

        async def replace(self, key: str, value: bytes, revision: int) -> int:
            Counting.writes += 1
            return await documents.replace(key, value, revision)

    peers = Peers(Counting(documents._kv))
    record = await peers.open(telegram_address(), heard_at=NOON)
    assert await record.book() == 0
    assert (Counting.reads, Counting.writes) == (1, 1)
    record = await peers.open(telegram_address(), heard_at=NOON)
    assert record.peer.heard_at == NOON
    await record.save()
    assert (Counting.reads, Counting.writes) == (2, 1), "nothing new is not written"


async def test_what_was_learnt_is_kept_when_somebody_else_was_first(documents: Documents) -> None:
    peers = Peers(documents)
    slow = await peers.open(telegram_address(), heard_at=NOON)
    await peers.change(telegram_address(), lambda peer: peer.pause(datetime.now(UTC) + seconds(9)))
    assert 8 < await slow.book() <= 9, "the other's pause is obeyed"
    await slow.save()
    kept = (await peers.open(telegram_address())).peer
    assert kept.heard_at == NOON
    assert kept.paused_until is not None


async def test_of_many_pauses_of_a_chat_the_longest_wins(documents: Documents) -> None:
    peers = Peers(documents)

    async def refused(after_seconds: float) -> None:
        record = await peers.open(telegram_address())
        await record.throttle(after_seconds)

    await asyncio.gather(*(refused(after) for after in (2, 30, 7, 21600, 5)))
    await refused(1)
    record = await peers.open(telegram_address())
    assert 21_590 < record.wait_seconds() <= 21_600
    # A success of a call that was under way changes nothing.
    await (await peers.open(telegram_address(), heard_at=NOON)).save()
    assert (await peers.open(telegram_address())).wait_seconds() > 21_590


def test_a_pair_that_gets_too_much_is_left_alone_for_ever_longer() -> None:
    peer, now, waits = Peer(), NOON, []
    for _ in range(8):
        peer = peer.throttle(PAIR, now, None)
        assert peer.paused_until is not None
        waits.append((peer.paused_until - now).total_seconds())
        now = peer.paused_until
    assert waits == [1, 4, 16, 64, 256, 1024, 1024, 1024]
    calm = peer.throttle(PAIR, now + seconds(CALM_SECONDS + 1), None)
    assert calm.refusals == 1


def test_the_burst_is_used_up_when_the_platform_says_so() -> None:
    peer = Peer().throttle(PAIR, NOON, 1)
    assert peer.wait_seconds(PAIR, NOON + seconds(2)) == WHATSAPP_PAIR_INTERVAL_SECONDS - 2
    assert peer.wait_seconds(PAIR, NOON + seconds(6)) == 0
    assert peer.book(PAIR, NOON + seconds(6)).wait_seconds(PAIR, NOON + seconds(6)) > 0


def test_a_platform_that_asks_for_a_week_is_asked_again_after_a_day() -> None:
    peer = Peer().throttle(PAIR, NOON, 7 * 86_400)
    assert peer.wait_seconds(PAIR, NOON) == PAUSE_SECONDS_MAX


def change(at: datetime, **changes: bool) -> PeerChanged:
    return PeerChanged.model_validate(
        {
            "id": "00000000-0000-0000-0000-000000000001",
            "occurred_at": NOON,
            "correlation_id": "00000000-0000-0000-0000-000000000002",
            "address": telegram_address(),
            "at": at,
            **changes,
        }
    )


@given(st.permutations(range(5)))
def test_the_newest_word_about_a_person_holds_in_whatever_order_it_comes(order: list[int]) -> None:
    words = [
        change(NOON, blocked=True),
        change(NOON + seconds(10), blocked=False),
        change(NOON + seconds(20), blocked=True),
        change(NOON + seconds(5), marketing_stopped=True),
        change(NOON + seconds(15), marketing_stopped=False),
    ]
    peer = Peer()
    for number in order:
        peer = peer.change(words[number])
    assert peer.blocked
    assert not peer.marketing_stopped


def test_who_writes_after_a_block_is_reached_again_and_who_wrote_before_is_not() -> None:
    blocked = Peer().hear(NOON).block(NOON + seconds(10))
    assert blocked.hear(NOON + seconds(5)).blocked
    assert not blocked.hear(NOON + seconds(11)).blocked
    assert not blocked.change(change(NOON + seconds(11), heard=True)).blocked


def test_documents_of_the_first_release_are_still_read() -> None:
    old = Peer.model_validate_json('{"heard_at":"2026-11-23T12:00:00Z","blocked":true}')
    assert old.heard_at == NOON
    assert old.blocked
    assert not old.hear(NOON + seconds(1)).blocked
    assert Peer.model_validate_json(json.dumps({"of_a_newer_release": 1})) == Peer()
