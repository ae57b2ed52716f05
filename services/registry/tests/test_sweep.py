"""The sweep finds nothing after a rush, and each invariant finds exactly what breaks it."""

import asyncio
from datetime import datetime, timedelta

import pytest
from httpx import AsyncClient
from registry_commands import change, check_in, enter, new
from registry_house import House, QuietHouse, chat, claim_seat, give_back

from contracts import SweepInvariants
from registry.results import Swept
from registry.sweep import INVARIANTS, keep, sweep
from runtime.testing import FACT_POLL_SECONDS, FACT_SECONDS_MAX

FAR = timedelta(days=30)


async def found(house: House) -> dict[str, int]:
    """The invariants that are broken, and by how many rows."""
    drift = await house.databases[0].run(sweep)
    return {name: rows for name, rows in drift.items() if rows}


async def living_event(house: QuietHouse) -> None:
    """Somebody in each state: confirmed, checked in, offered, waiting twice, given back."""
    event_id = await house.event(2, starts_in=FAR)
    cards = [await enter(house, event_id, person) for person in range(5)]
    await house.do(check_in(cards[0]))
    await house.do(give_back(cards[1], chat(1)))
    await house.do(await change(house, event_id, max_participants=3))
    await house.do(await change(house, event_id, max_participants=1))
    for person in (5, 6):
        await enter(house, event_id, person)


def sweep_now(at: datetime) -> SweepInvariants:
    return SweepInvariants(**new(), due_at=at)


async def test_nothing_is_found_after_a_rush(house: House) -> None:
    event_id = await house.event(10, starts_in=FAR)
    replicas = [house.replica() for _ in range(3)]
    cards = [await house.seat(event_id, person) for person in range(10)]
    rush = [claim_seat(event_id, person) for person in range(10, 60)]
    leaving = [give_back(card, chat(person)) for person, card in enumerate(cards[:5])]
    await asyncio.gather(
        *(house.do(command, replicas[n % 3]) for n, command in enumerate([*rush, *leaving]))
    )
    assert await found(house) == {}
    rows = await house.rows("SELECT taken, offered, waiting FROM events")
    assert [tuple(row.values()) for row in rows] == [(10, 5, 45)]


_PROOF = """INSERT INTO email_proofs
    (id, platform, account, chat_id, request_id, email, by_email, language, created_at, expires_at,
     used_at)
    SELECT gen_random_uuid(), 'telegram', '1', '2', gen_random_uuid(), 'a@b.example', true, 'en',
        now(), now() + '10 min', {used} FROM generate_series(1, {count})"""
_LINK = """INSERT INTO links
    (id, user_id, platform, account, chat_id, linked_at, brought, ended_at, disowned)
    SELECT gen_random_uuid(), u.id, i.platform, i.account, i.chat_id, now(), '{{}}', {ended},
        {disowned} FROM identities AS i JOIN users AS u ON u.id {same} i.user_id LIMIT 1"""
BREAKING = {
    "counters-equal-rows": "UPDATE events SET waiting = waiting + 1",
    "taken-within-capacity": "UPDATE events SET over_by = over_by - 1",
    "one-registration-a-person": """UPDATE event_registrations SET user_id =
        (SELECT user_id FROM event_registrations WHERE status = 'confirmed' LIMIT 1)
        WHERE status = 'offered'""",
    "tickets-are-for-seats": """UPDATE event_registrations SET ticket = 'T'
        WHERE status = 'cancelled'""",
    "one-ticket-a-seat": """
        WITH given AS (UPDATE event_registrations SET status = 'confirmed', offer_expires_at = NULL,
            ticket = (SELECT ticket FROM event_registrations WHERE status = 'confirmed' LIMIT 1)
            WHERE status = 'offered' RETURNING id)
        UPDATE events SET offered = offered - (SELECT count(*) FROM given)""",
    "offers-come-from-the-line": """UPDATE event_registrations SET queue_number = NULL
        WHERE status = 'offered'""",
    "checked-in-is-confirmed": """
        WITH scanned AS (UPDATE event_registrations SET checked_in_at = now()
            WHERE status = 'cancelled' RETURNING event_id)
        UPDATE events SET checked_in = checked_in + 1 WHERE id = (SELECT event_id FROM scanned)""",
    "one-number-a-place": "UPDATE event_registrations SET queue_number = 4 "
    "WHERE status = 'waiting'",
    "held-seats-have-an-end-and-no-ticket": """UPDATE event_registrations
        SET hold_expires_at = now() WHERE status = 'cancelled'""",
    "codes-are-used-in-time": _PROOF.format(used="now() + '1 h'", count=1),
    "one-code-is-used-at-a-time": _PROOF.format(used="now()", count=2),
    "joined-chats-speak-for-who-they-joined": _LINK.format(
        ended="NULL", disowned="false", same="<>"
    ),
    "disowned-chats-speak-for-others": _LINK.format(ended="now()", disowned="true", same="="),
    "seats-are-promised-to-people": """UPDATE event_registrations
        SET transfer_to = gen_random_uuid(), transfer_expires_at = now() + interval '1 day'
        WHERE status = 'confirmed'""",
    "forgotten-is-nobody": """
        WITH gone AS (UPDATE event_registrations SET name = '' WHERE status = 'cancelled'
            RETURNING user_id)
        UPDATE users SET forgotten_at = now() WHERE id = (SELECT user_id FROM gone)""",
    "forgotten-has-no-seat-ahead": """
        WITH gone AS (UPDATE users
            SET forgotten_at = now(), name = '', email_claimed = NULL, telegram_id = NULL
            WHERE id = (SELECT user_id FROM event_registrations WHERE status = 'cancelled')
            RETURNING id)
        DELETE FROM identities USING gone WHERE user_id = gone.id""",
}
GUARDS = """
    DROP INDEX uq_event_registrations_active;
    ALTER TABLE events DROP CONSTRAINT ck_events_taken_within_capacity;
    ALTER TABLE event_registrations DROP CONSTRAINT ck_event_registrations_in_line_by_number;
    ALTER TABLE event_registrations DROP CONSTRAINT ck_event_registrations_hold_has_an_end;
"""


@pytest.mark.parametrize("invariant", INVARIANTS)
async def test_each_invariant_finds_what_breaks_it_and_nothing_else(
    quiet_house: QuietHouse, invariant: str
) -> None:
    await living_event(quiet_house)
    assert await found(quiet_house) == {}
    for guard in GUARDS.strip().splitlines():
        await quiet_house.rows(guard)
    await quiet_house.rows(BREAKING[invariant])
    assert set(await found(quiet_house)) == {invariant}


async def test_a_tick_keeps_what_it_found(quiet_house: QuietHouse) -> None:
    await living_event(quiet_house)
    clean = (await quiet_house.carry_out(sweep_now(quiet_house.clock.now()))).result
    assert clean == Swept(drift=dict.fromkeys(INVARIANTS, 0))
    await quiet_house.rows(BREAKING["counters-equal-rows"])
    drifted = (await quiet_house.carry_out(sweep_now(quiet_house.clock.now()))).result
    assert isinstance(drifted, Swept)
    assert drifted.drift["counters-equal-rows"] == 1
    assert len(await quiet_house.rows("SELECT 1 FROM sweeps")) == 1


async def test_what_a_sweep_found_is_in_health_and_in_the_metrics(
    api: AsyncClient, quiet_house: QuietHouse
) -> None:
    assert (await api.get("/health")).json()["sweep"] == {"at": None}
    at = quiet_house.clock.now()
    drift = dict.fromkeys(INVARIANTS, 0) | {"counters-equal-rows": 3}
    await quiet_house.databases[0].run(lambda connection: keep(connection, drift, at))
    async with asyncio.timeout(FACT_SECONDS_MAX):
        while (health := await api.get("/health")).json()["sweep"]["at"] is None:
            await asyncio.sleep(FACT_POLL_SECONDS)
    assert health.json()["sweep"] == {"at": at.isoformat(), "drift": drift}
    # A finding is for a human; it takes no replica out of service.
    assert health.status_code == 200
    metrics = (await api.get("/metrics")).text
    (line,) = [one for one in metrics.splitlines() if "counters-equal-rows" in one]
    assert line.startswith("turnout_invariant_drift{")
    assert line.endswith(" 3.0")
