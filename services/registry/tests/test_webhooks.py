"""Webhooks: what happened is told, signed, again until it is heard, and never into our network."""

import asyncio
import inspect
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from access_house import (
    TICKET_KEY,
    Heard,
    Receiver,
    answer,
    is_genuine,
    make_app,
    running,
)
from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from registry_house import House, MovableClock

import contracts
from contracts import EventPublished, Message, RegistrationCancelled, RegistrationConfirmed
from contracts.topology import REGISTRY_WEBHOOKS
from registry.database import Database
from registry.webhooks import deliveries
from registry.webhooks.deliveries import Attempt
from registry.webhooks.intake import FACTS, Intake
from registry.webhooks.posting import ANSWER_BYTES_MAX, Poster, Undelivered
from registry.webhooks.schedule import GIVE_UP_AFTER, next_attempt
from registry.webhooks.sender import Sender
from registry.webhooks.signing import Signer
from registry.webhooks.targets import is_public, problem_with
from runtime.failures import Unavailable
from runtime.testing import eventually

NOW = datetime(2026, 11, 20, tzinfo=UTC)
FACT_SECONDS_MAX = 15.0


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().listening() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def other_receiver() -> AsyncIterator[Receiver]:
    async with Receiver().listening() as receiver:
        yield receiver


def confirmed() -> RegistrationConfirmed:
    return RegistrationConfirmed(
        id=uuid4(),
        occurred_at=NOW,
        correlation_id=uuid4(),
        registration_id=uuid4(),
        event_id=uuid4(),
    )


async def create(api: AsyncClient, url: str, *events: str) -> dict[str, Any]:
    created = await api.post("/api/webhooks", json={"url": url, "events": list(events) or ["*"]})
    assert created.status_code == 201, created.text
    webhook: dict[str, Any] = created.json()
    return webhook


async def listed(api: AsyncClient, webhook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    page = await api.get(f"/api/webhooks/{webhook['id']}/deliveries", params=query)
    assert page.status_code == 200, page.text
    found: list[dict[str, Any]] = page.json()["deliveries"]
    return found


async def until(fact: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(FACT_SECONDS_MAX):
        while not await fact():
            await asyncio.sleep(0.02)


async def until_ended(api: AsyncClient, webhook: dict[str, Any], *wanted: str) -> None:
    """Until the deliveries of a webhook have these statuses, and none is under way."""

    async def are() -> bool:
        found = await listed(api, webhook)
        return sorted(one["status"] for one in found) == sorted(wanted) and all(
            one["status"] != "pending" or one["last_problem"] for one in found
        )

    await until(are)


# --- being told ---


async def test_what_happened_is_told_and_signed(
    api: AsyncClient, house: House, receiver: Receiver
) -> None:
    webhook = await create(api, receiver.url("/hook?a=b"), "registration.confirmed")
    assert webhook["status"] == "active"
    fact = confirmed()
    await house.broker.publish(fact)
    await eventually(lambda: receiver.heard)
    heard = receiver.heard[0]
    assert heard.target == "POST /hook?a=b HTTP/1.1"
    assert heard.headers["content-type"] == "application/json"
    assert heard.id == str(fact.id)
    assert heard.content == {
        "type": "registration.confirmed",
        "timestamp": "2026-11-20T00:00:00+00:00",
        "data": {"registration_id": str(fact.registration_id), "event_id": str(fact.event_id)},
    }
    assert is_genuine(heard, webhook["secret"])
    await until_ended(api, webhook, "delivered")
    delivery = (await listed(api, webhook))[0]
    assert (delivery["attempts"], delivery["last_response_status"]) == (1, 204)
    assert delivery["message_id"] == heard.id


async def test_a_signature_is_worth_nothing_for_anything_else(
    api: AsyncClient, house: House, receiver: Receiver
) -> None:
    webhook = await create(api, receiver.url())
    other = await create(api, receiver.url("/other"), "event.finished")
    await house.broker.publish(confirmed())
    await eventually(lambda: receiver.heard)
    heard = receiver.heard[0]
    assert is_genuine(heard, webhook["secret"])
    later = str(int(heard.headers["webhook-timestamp"]) + 1)
    for forged in (
        Heard(heard.target, heard.headers, heard.body.replace(b"confirmed", b"cancelled")),
        Heard(heard.target, heard.headers | {"webhook-id": str(uuid4())}, heard.body),
        Heard(heard.target, heard.headers | {"webhook-timestamp": later}, heard.body),
    ):
        assert not is_genuine(forged, webhook["secret"])
    assert not is_genuine(heard, other["secret"])


async def test_a_webhook_is_told_only_what_it_asked_for(
    api: AsyncClient, house: House, receiver: Receiver
) -> None:
    some = await create(api, receiver.url("/some"), "registration.cancelled", "event.published")
    everything = await create(api, receiver.url("/all"))
    ids = {"correlation_id": uuid4(), "occurred_at": NOW, "event_id": uuid4()}
    await house.broker.publish(confirmed())
    await house.broker.publish(
        RegistrationCancelled(id=uuid4(), registration_id=uuid4(), reason="left", **ids)
    )
    await house.broker.publish(EventPublished(id=uuid4(), event_version=1, **ids))
    await until_ended(api, everything, *["delivered"] * 3)
    await until_ended(api, some, *["delivered"] * 2)
    told = {one.content["type"] for one in receiver.heard if "/some" in one.target}
    assert told == {"registration.cancelled", "event.published"}


def test_everything_that_happens_can_be_told() -> None:
    happened = {
        value.subject
        for value in vars(contracts).values()
        if inspect.isclass(value)
        and issubclass(value, Message)
        and getattr(value, "subject", "").split(".")[0] in ("registration", "event")
    }
    assert set(FACTS) == happened
    assert {one.filter_subject.split(".")[0] for one in REGISTRY_WEBHOOKS} == {
        subject.split(".")[0] for subject in happened
    }


async def test_a_fact_that_is_heard_twice_is_told_once(
    api: AsyncClient, house: House, receiver: Receiver
) -> None:
    webhook = await create(api, receiver.url())
    first, second = confirmed(), confirmed()
    for fact in (first, first, first, second):
        body = fact.model_dump_json().encode()
        # Under another message id, so that the stream keeps it each time, as a redelivery would.
        await house.broker.publish_raw(fact.route(), body, id=uuid4())
    await until_ended(api, webhook, "delivered", "delivered")
    assert sorted(one.id for one in receiver.heard) == sorted([str(first.id), str(second.id)])


async def test_without_the_database_every_waiting_fact_is_held(
    house: House, clock: MovableClock
) -> None:
    """And kept when it is back: the handler is called again with the same fact."""
    wakened: list[None] = []
    nowhere = Database("postgresql://turnout@/turnout?host=/nowhere")
    for database, failing in ((nowhere, True), (house.databases[0], False)):
        intake = Intake(database=database, clock=clock, wake=lambda: wakened.append(None))
        results = await asyncio.gather(
            *(intake.take_in(confirmed()) for _ in range(3)), return_exceptions=True
        )
        assert [isinstance(one, Unavailable) for one in results] == [failing] * 3
    assert wakened == []


async def test_several_replicas_send_each_once(
    api: AsyncClient,
    house: House,
    receiver: Receiver,
    database_url: str,
    provisioned: str,
    clock: MovableClock,
) -> None:
    async with AsyncExitStack() as stack:
        for replica in (2, 3):
            app = make_app(database_url, provisioned, clock, replica)
            await stack.enter_async_context(running(app))
        webhook = await create(api, receiver.url())
        facts = [confirmed() for _ in range(60)]
        await asyncio.gather(*(house.broker.publish(fact) for fact in facts))
        await until_ended(api, webhook, *["delivered"] * len(facts))
    assert sorted(one.id for one in receiver.heard) == sorted(str(fact.id) for fact in facts)
    assert {one["attempts"] for one in await listed(api, webhook)} == {1}
    # The limit holds for each process.
    assert receiver.at_once_max <= 3 * 2


async def test_a_slow_receiver_holds_up_no_other(
    api: AsyncClient, house: House, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.before_answering = asyncio.Event()
    slow, quick = await create(api, receiver.url()), await create(api, other_receiver.url())
    for _ in range(12):
        await house.broker.publish(confirmed())
    await until_ended(api, quick, *["delivered"] * 12)
    assert {one["status"] for one in await listed(api, slow)} == {"pending"}
    assert receiver.at_once_max == len(receiver.heard) == 2
    receiver.before_answering.set()
    await until_ended(api, slow, *["delivered"] * 12)
    assert receiver.at_once_max == 2


# --- trying again ---


async def test_what_was_not_taken_is_sent_again(
    api: AsyncClient, house: House, receiver: Receiver, clock: MovableClock
) -> None:
    webhook = await create(api, receiver.url())
    receiver.answers = [answer(500)]
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "pending")
    delivery = (await listed(api, webhook))[0]
    assert (delivery["last_response_status"], delivery["last_problem"]) == (
        500,
        "The answer was 500.",
    )
    wait = datetime.fromisoformat(delivery["next_attempt_at"]) - clock.now()
    assert wait <= timedelta(seconds=5)
    clock.advance(timedelta(seconds=5))
    await until_ended(api, webhook, "delivered")
    first, second = receiver.heard
    assert (first.id, first.body) == (second.id, second.body)
    # The clock that was turned is ours alone: both are fresh to the receiver.
    assert is_genuine(first, webhook["secret"])
    assert is_genuine(second, webhook["secret"])
    assert (await listed(api, webhook))[0]["attempts"] == 2


async def test_after_three_days_it_has_failed_and_can_be_sent_again(
    api: AsyncClient, house: House, receiver: Receiver, clock: MovableClock
) -> None:
    webhook = await create(api, receiver.url())
    receiver.answers = [answer(503)] * 3
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "pending")
    clock.advance(GIVE_UP_AFTER - timedelta(minutes=1))
    await until_heard(receiver, 2)
    await until_ended(api, webhook, "pending")
    clock.advance(timedelta(minutes=1))
    await until_ended(api, webhook, "failed")
    delivery = (await listed(api, webhook, status="failed"))[0]
    assert (delivery["attempts"], delivery["next_attempt_at"]) == (3, None)
    path = f"/api/webhooks/{webhook['id']}/deliveries/{delivery['id']}/replay"
    assert (await api.post(path)).json() == {"replayed": 1, "next_since": None}
    await until_ended(api, webhook, "delivered")
    assert len({one.id for one in receiver.heard}) == 1
    assert len(receiver.heard) == 4


async def until_heard(receiver: Receiver, count: int) -> None:
    await eventually(lambda: len(receiver.heard) >= count, FACT_SECONDS_MAX)


def test_waiting_doubles_from_five_seconds_to_six_hours_and_ends_after_three_days() -> None:
    at, waits, failures = NOW, [], 0
    while True:
        failures += 1
        after = next_attempt(failures=failures, pending_since=NOW, now=at, chance=0.0)
        if after is None:
            break
        waits.append((after - at).total_seconds())
        at = after
    assert waits[:5] == [5, 10, 20, 40, 80]
    assert max(waits) == 6 * 3600
    assert at == NOW + GIVE_UP_AFTER
    assert failures < 30


@given(
    failures=st.integers(1, 10_000),
    chance=st.floats(0, 1),
    waited=st.timedeltas(timedelta(0), GIVE_UP_AFTER - timedelta(seconds=1)),
    retry_after_seconds=st.floats(0, 1e9),
)
def test_the_next_attempt_is_neither_at_once_nor_after_the_end(
    failures: int, chance: float, waited: timedelta, retry_after_seconds: float
) -> None:
    now = NOW + waited
    after = next_attempt(
        failures=failures,
        pending_since=NOW,
        now=now,
        chance=chance,
        retry_after_seconds=retry_after_seconds,
    )
    assert after is not None
    assert now < after <= min(NOW + GIVE_UP_AFTER, now + timedelta(hours=6))
    if after < NOW + GIVE_UP_AFTER:
        assert after - now >= timedelta(seconds=min(retry_after_seconds, 6 * 3600))


async def test_a_receiver_says_how_long_to_wait(
    api: AsyncClient, house: House, receiver: Receiver, clock: MovableClock
) -> None:
    webhook = await create(api, receiver.url())
    receiver.answers = [answer(429, "Retry-After: 3600")]
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "pending")
    delivery = (await listed(api, webhook))[0]
    wait = datetime.fromisoformat(delivery["next_attempt_at"]) - clock.now()
    assert timedelta(minutes=59) < wait <= timedelta(hours=1)


async def test_an_attempt_of_a_process_that_died_is_made_by_another(
    api: AsyncClient, house: House, receiver: Receiver, clock: MovableClock
) -> None:
    """And what the dead one would still write about it does not count."""
    webhook = await create(api, receiver.url())
    database = house.databases[0]
    now = clock.now()
    fact = confirmed()
    owed = deliveries.Owed(
        id=uuid4(),
        webhook_id=UUID(webhook["id"]),
        message_id=fact.id,
        type=fact.subject,
        body="{}",
    )
    taken: list[Attempt] = await database.run(
        lambda connection: _keep_and_claim(connection, owed, now)
    )
    assert [one.number for one in taken] == [1]
    clock.advance(deliveries.LEASE - timedelta(seconds=5))
    await house.broker.publish(confirmed())
    await until_heard(receiver, 1)
    assert receiver.heard[0].id != str(fact.id)
    receiver.answers = [answer(500)]
    clock.advance(timedelta(seconds=5))
    await until_heard(receiver, 2)
    await until_ended(api, webhook, "delivered", "pending")
    await database.run(
        lambda connection: deliveries.end_attempt(
            connection, taken[0], clock.now(), delivered=True, response_status=200, problem=None
        )
    )
    await until_ended(api, webhook, "delivered", "pending")


async def _keep_and_claim(connection: Any, owed: deliveries.Owed, now: datetime) -> list[Attempt]:
    await deliveries.insert_owed(connection, [owed], now)
    return await deliveries.claim(connection, now, free=8, free_per_webhook=2, busy={})


async def test_a_receiver_that_is_gone_is_not_asked_again(
    api: AsyncClient, house: House, receiver: Receiver, clock: MovableClock
) -> None:
    webhook = await create(api, receiver.url())
    receiver.answers = [answer(500), answer(500), answer(410)]
    await house.broker.publish(confirmed())
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "pending", "pending")
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "failed", "failed", "failed")
    found = (await api.get("/api/webhooks")).json()["webhooks"]
    assert [one["status"] for one in found] == ["disabled"]
    clock.advance(timedelta(days=1))
    await house.broker.publish(confirmed())
    other = await create(api, receiver.url("/other"))
    await house.broker.publish(confirmed())
    await until_ended(api, other, "delivered")
    assert sum("/hook" in one.target for one in receiver.heard) == 3
    path = f"/api/webhooks/{webhook['id']}/replay"
    refused = await api.post(path, json={"since": NOW.isoformat()})
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:turnout:problem:disabled-webhook",
    )


# --- sending again, looking, deleting ---


async def test_everything_since_a_time_is_sent_again(
    api: AsyncClient, house: House, receiver: Receiver, clock: MovableClock
) -> None:
    webhook = await create(api, receiver.url())
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "delivered")
    clock.advance(timedelta(hours=1))
    since = clock.now()
    later = [confirmed() for _ in range(3)]
    for fact in later:
        await house.broker.publish(fact)
    await until_ended(api, webhook, *["delivered"] * 4)
    path = f"/api/webhooks/{webhook['id']}/replay"
    replayed = await api.post(path, json={"since": since.isoformat()})
    assert replayed.json() == {"replayed": 3, "next_since": None}
    await until_heard(receiver, 7)
    await until_ended(api, webhook, *["delivered"] * 4)
    assert sorted(one.id for one in receiver.heard[4:]) == sorted(str(fact.id) for fact in later)
    assert (await api.post(path, json={"since": "2026-11-20T00:00:00"})).status_code == 422


async def test_a_long_outage_is_sent_again_in_parts(
    api: AsyncClient, database_url: str, clock: MovableClock
) -> None:
    webhook = await create(api, "http://127.0.0.1:9/")
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """INSERT INTO webhook_deliveries (id, webhook_id, message_id, type, body, status,
             taken_in_at, pending_since, ended_at)
           SELECT gen_random_uuid(), $1, gen_random_uuid(), 'event.changed', '{}', 'failed', at,
             at, at
           FROM (SELECT $2::timestamptz + n * interval '1 second' AS at
                 FROM generate_series(1, 5001) n) t""",
        UUID(webhook["id"]),
        clock.now() - timedelta(days=2),
    )
    path = f"/api/webhooks/{webhook['id']}/replay"
    since, replayed = (clock.now() - timedelta(days=3)).isoformat(), []
    while since:
        answered = (await api.post(path, json={"since": since})).json()
        replayed.append(answered["replayed"])
        since = answered["next_since"]
    assert replayed == [5000, 1]
    failed = "SELECT count(*) FROM webhook_deliveries WHERE pending_since < $1"
    assert await connection.fetchval(failed, clock.now() - timedelta(hours=1)) == 0
    await connection.close()


async def test_deliveries_come_in_pages_the_newest_first(
    api: AsyncClient, house: House, receiver: Receiver
) -> None:
    webhook = await create(api, receiver.url())
    for number in range(1, 4):
        await house.broker.publish(confirmed())
        await until_ended(api, webhook, *["delivered"] * number)
    path = f"/api/webhooks/{webhook['id']}/deliveries"
    first = (await api.get(path, params={"limit": 2})).json()
    second = (await api.get(path, params={"cursor": first["next_cursor"]})).json()
    ids = [one["message_id"] for one in first["deliveries"] + second["deliveries"]]
    assert ids == [one.id for one in reversed(receiver.heard)]
    assert second["next_cursor"] is None
    assert await listed(api, webhook, status="failed") == []


async def test_a_deleted_webhook_is_told_nothing_more(
    api: AsyncClient, house: House, receiver: Receiver, clock: MovableClock
) -> None:
    webhook, other = await create(api, receiver.url()), await create(api, receiver.url("/other"))
    receiver.answers = [answer(500), answer(500)]
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "pending")
    await until_ended(api, other, "pending")
    path = f"/api/webhooks/{webhook['id']}"
    assert (await api.delete(path)).status_code == 204
    assert (await api.delete(path)).status_code == 204
    clock.advance(timedelta(hours=1))
    await house.broker.publish(confirmed())
    await until_ended(api, other, "delivered", "delivered")
    assert sum("/hook" in one.target for one in receiver.heard) == 1
    assert (await api.get(f"{path}/deliveries")).status_code == 404
    assert (
        await api.post(f"{path}/replay", json={"since": "2026-01-01T00:00Z"})
    ).status_code == 404
    assert [one["id"] for one in (await api.get("/api/webhooks")).json()["webhooks"]] == [
        other["id"]
    ]
    assert (await api.delete(f"/api/webhooks/{uuid4()}")).status_code == 404
    some = f"/api/webhooks/{other['id']}/deliveries/{uuid4()}/replay"
    assert (await api.post(some)).status_code == 404


async def test_what_is_over_is_kept_for_thirty_days(
    api: AsyncClient, house: House, receiver: Receiver, clock: MovableClock
) -> None:
    webhook, deleted = await create(api, receiver.url()), await create(api, receiver.url("/x"))
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "delivered")
    await until_ended(api, deleted, "delivered")
    sender = Sender(
        database=house.databases[0], clock=clock, signer=Signer(TICKET_KEY), is_test=True
    )
    clock.advance(timedelta(days=29))
    await sender.tidy()
    count = "SELECT count(*) FROM webhook_deliveries"
    assert (await house.rows(count))[0][0] == 2
    await api.delete(f"/api/webhooks/{deleted['id']}")
    await sender.tidy()
    assert (await house.rows(count))[0][0] == 1
    clock.advance(timedelta(days=2))
    receiver.answers = [answer(500)]
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "delivered", "pending")
    await sender.tidy()
    await until_ended(api, webhook, "pending")


async def test_the_same_key_makes_one_webhook_with_one_secret(api: AsyncClient) -> None:
    body, headers = {"url": "https://example.org/", "events": ["*"]}, {"Idempotency-Key": "k"}
    answers = await asyncio.gather(
        *(api.post("/api/webhooks", json=body, headers=headers) for _ in range(3))
    )
    assert {one.status_code for one in answers} == {201}
    assert len({one.text for one in answers}) == 1
    found = (await api.get("/api/webhooks")).json()["webhooks"]
    assert len(found) == 1
    assert "secret" not in found[0]


async def test_there_are_not_more_webhooks_than_each_fact_can_look_at(
    api: AsyncClient, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """INSERT INTO webhooks (id, url, events, description, created_at, created_by)
           SELECT gen_random_uuid(), 'https://example.org/', '{*}', '', now(), 'admin'
           FROM generate_series(1, 99)"""
    )
    await connection.close()
    body = {"url": "https://example.org/", "events": ["*"]}
    answers = await asyncio.gather(*(api.post("/api/webhooks", json=body) for _ in range(3)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409]


async def test_the_figures_say_how_deliveries_end(
    api: AsyncClient, house: House, receiver: Receiver
) -> None:
    webhook = await create(api, receiver.url())
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "delivered")
    metrics = (await api.get("/metrics")).text
    labels = 'outcome="delivered",service="registry"'
    assert f"turnout_webhook_deliveries_total{{{labels}}}" in metrics
    assert "turnout_webhook_oldest_pending_seconds" in metrics


# --- where it may go ---


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://example.org/", "https://"),
        ("ftp://example.org/", "https://"),
        ("example.org", "https://"),
        ("https://", "host"),
        ("https://:443/", "host"),
        ("https://example.org:0/", "host"),
        ("https://example.org:99999/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://ann:secret@example.org/", "user or a password"),
        ("https://@example.org/", "user or a password"),
        ("https://example.org/#here", "fragment"),
        ("https://example.org/a b", "ASCII"),
        ("https://пример.рф/", "ASCII"),
        ("https://example.org/\n", "ASCII"),
        ("https://example.org/" + "x" * 2000, "2000 characters"),
        ("https://localhost/", "public Internet"),
        ("https://api.localhost/", "public Internet"),
        ("https://127.0.0.1/", "public Internet"),
        ("https://10.1.2.3:8443/", "public Internet"),
        ("https://169.254.169.254/latest/meta-data", "public Internet"),
        ("https://[::1]/", "public Internet"),
        ("https://[::ffff:10.0.0.1]/", "public Internet"),
        ("https://[fe80::1]/", "public Internet"),
        ("https://metadata.google.internal/", "public Internet"),
    ],
)
def test_an_address_that_is_none_of_ours_to_ask_is_refused(url: str, says: str) -> None:
    assert says in (problem_with(url, is_test=False) or "")


@pytest.mark.parametrize(
    "url",
    ["https://example.org", "https://93.184.216.34:8443/x?y=z", "https://xn--e1afmkfd.xn--p1ai/"],
)
def test_an_address_in_the_open_internet_is_taken(url: str) -> None:
    assert problem_with(url, is_test=False) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("::ffff:93.184.216.34", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::a00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:a00:1::", False),
        ("example.org", False),
    ],
)
def test_which_addresses_are_public(address: str, expected: bool) -> None:
    assert is_public(address) is expected


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "127.1"])
async def test_a_name_that_stands_for_a_private_address_is_not_asked(
    receiver: Receiver, host: str
) -> None:
    url = f"http://{host}:{receiver.port}/"
    async with Poster(connections_max=1, is_test=False) as poster:
        with pytest.raises(Undelivered, match="not in the public Internet"):
            await poster.post(url, {}, b"{}")
    assert receiver.heard == []
    # The check is what keeps it away: without it, it is heard.
    async with Poster(connections_max=1, is_test=True) as poster:
        assert (await poster.post(url, {}, b"{}")).status == 204
    assert len(receiver.heard) == 1


async def test_a_redirect_is_not_followed(
    api: AsyncClient, house: House, receiver: Receiver, other_receiver: Receiver
) -> None:
    webhook = await create(api, receiver.url())
    receiver.answers = [answer(307, f"Location: {other_receiver.url()}")]
    await house.broker.publish(confirmed())
    await until_ended(api, webhook, "pending")
    assert (await listed(api, webhook))[0]["last_response_status"] == 307
    assert other_receiver.heard == []


async def test_of_a_long_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    wanted = ANSWER_BYTES_MAX * 64
    receiver.answers = [answer(200, body=b"x" * wanted)]
    async with Poster(connections_max=1, is_test=True) as poster:
        assert (await poster.post(receiver.url(), {}, b"{}")).status == 200


async def test_no_answer_is_waited_for_without_end(receiver: Receiver) -> None:
    receiver.before_answering = asyncio.Event()
    async with Poster(connections_max=1, is_test=True, answer_seconds_max=0.2) as poster:
        with pytest.raises(Undelivered, match=r"No answer within 0\.2 s"):
            await poster.post(receiver.url(), {}, b"{}")
    receiver.before_answering.set()


@pytest.mark.parametrize(
    ("answered", "says"),
    [(b"", "no answer in HTTP"), (b"SSH-2.0-OpenSSH\r\n\r\n", "no answer in HTTP")],
)
async def test_an_answer_that_is_none_is_a_failure(
    receiver: Receiver, answered: bytes, says: str
) -> None:
    receiver.answers = [answered]
    async with Poster(connections_max=1, is_test=True) as poster:
        with pytest.raises(Undelivered, match=says):
            await poster.post(receiver.url(), {}, b"{}")


async def test_where_nobody_listens_there_is_no_connection() -> None:
    async with Receiver().listening() as receiver:
        url = receiver.url()
    async with Poster(connections_max=1, is_test=True) as poster:
        with pytest.raises(Undelivered, match="No connection"):
            await poster.post(url, {}, b"{}")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for `localhost` that made itself, with its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", "key.pem", "-out", "certificate.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    both = tmp_path / "both.pem"
    both.write_text((tmp_path / "key.pem").read_text() + (tmp_path / "certificate.pem").read_text())
    return both


@pytest.mark.parametrize(
    ("vouched_for", "host", "says"),
    [
        (True, "localhost", None),
        (False, "localhost", "certificate verify failed: self.signed"),
        (True, "127.0.0.1", "certificate verify failed: IP address mismatch"),
    ],
)
async def test_a_certificate_must_be_vouched_for_and_have_the_name(
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    vouched_for: bool,
    host: str,
    says: str | None,
) -> None:
    if vouched_for:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with (
        Receiver().listening(context) as receiver,
        Poster(connections_max=1, is_test=True) as poster,
    ):
        url = f"https://{host}:{receiver.port}/"
        if says is None:
            assert (await poster.post(url, {}, b"{}")).status == 204
        else:
            with pytest.raises(Undelivered, match=says):
                await poster.post(url, {}, b"{}")
        assert len(receiver.heard) == (says is None)
