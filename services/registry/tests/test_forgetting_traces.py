"""A person's marks in every place of the tables, and none of them after they are forgotten."""

from datetime import timedelta
from typing import Any

from registry_commands import enter, new, promise
from registry_house import QuietHouse, chat, claim_seat
from test_consents import consent
from test_forgetting import forget, tend

from contracts import Address, MoveRegistration, NoteReachability, RequestCode, Sender

NAME, MAIL, PHONE = "Zelda Marker", "zelda.marker@example.org", "4915155501234"
BY_NUMBER = Address(platform="whatsapp", account="106540352242922", chat_id=PHONE)
EARLIER = "4915155509999"
MARKS = ("elda", PHONE, EARLIER, chat(1).chat_id)


async def found(house: QuietHouse) -> dict[str, list[str]]:
    """Per mark, each column of each table in which it is."""
    columns = await house.rows(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public'"
    )
    assert len(columns) > 150
    where: dict[str, list[str]] = {}
    for table, column in sorted(tuple(row.values()) for row in columns):
        query = f'SELECT count(*) FROM "{table}" WHERE CAST("{column}" AS text) ILIKE $1'
        for mark in MARKS:
            if (await house.rows(query, f"%{mark}%"))[0]["count"]:
                where.setdefault(mark, []).append(f"{table}.{column}")
    return where


async def live(house: QuietHouse) -> None:
    """Zelda is known on both messengers, waits, has a seat, was here, and was written about."""
    over = await house.event(starts_in=timedelta(minutes=5))
    ahead, full = await house.event(), await house.event(1)
    said: dict[str, Any] = {"name": NAME, "email_claimed": MAIL, "consent": consent()}
    for event_id in (over, ahead):
        await house.do(claim_seat(event_id, 1).model_copy(update=said))
    first = await enter(house, full, 2)
    await house.do(claim_seat(full, 1).model_copy(update=said))
    (person,) = await house.rows(
        "SELECT user_id FROM identities WHERE chat_id = $1", chat(1).chat_id
    )
    user = person["user_id"]
    await house.do(
        claim_seat(ahead, 3, platform="whatsapp").model_copy(
            update=said | {"address": BY_NUMBER, "sender": Sender(phone=PHONE)}
        )
    )
    await house.rows(
        "UPDATE event_registrations SET user_id = $1, event_id = $2 WHERE user_id = "
        "(SELECT user_id FROM identities WHERE chat_id = $3)",
        user,
        await house.event(),
        PHONE,
    )
    await house.rows(
        "UPDATE events SET taken = (SELECT count(*) FROM event_registrations AS r "
        "WHERE r.event_id = events.id AND r.status = 'confirmed')"
    )
    other = await house.rows("SELECT user_id FROM identities WHERE chat_id = $1", PHONE)
    await house.rows("UPDATE identities SET user_id = $1 WHERE chat_id = $2", user, PHONE)
    await house.rows("DELETE FROM consents WHERE user_id = $1", other[0]["user_id"])
    await house.rows("DELETE FROM users WHERE id = $1", other[0]["user_id"])
    await house.rows(
        "UPDATE users SET email = $1, whatsapp_phone = $2 WHERE id = $3", MAIL, f"+{PHONE}", user
    )
    await house.do(promise(first, 2, MAIL))
    await house.rows(
        """INSERT INTO links (id, user_id, platform, account, chat_id, linked_at, brought)
           VALUES (gen_random_uuid(), $1, 'whatsapp', '106540352242922', $2, now(), '{}')""",
        user,
        PHONE,
    )
    await house.rows(
        """INSERT INTO chat_moves (platform, account, chat_id, moved_to, at)
           VALUES ('whatsapp', '106540352242922', $1, $2, now())""",
        EARLIER,
        PHONE,
    )
    await house.rows(
        """INSERT INTO user_states (platform, account, chat, user_id, current_state, state_data,
             epoch, n, updated_at)
           VALUES ('whatsapp', '106540352242922', $1, $2, 'start', jsonb_build_object('stamp',
             '0', 'document', jsonb_build_object('name', $3::text)), 1, 1, now())""",
        PHONE,
        user,
        NAME,
    )
    for address in (BY_NUMBER, chat(1)):
        await house.do(NoteReachability(**new(), chat=address, blocked=True, at=house.clock.now()))
        await house.do(
            RequestCode(**new(), chat=address, email=MAIL, by="messenger", language="en")
        )
    (waits,) = await house.rows(
        "SELECT id FROM event_registrations WHERE event_id = $1 AND status = 'waiting'", full
    )
    about: dict[str, Any] = {"event_id": full, "registration_id": waits["id"]}
    in_front: dict[str, Any] = {"to": "waiting", "place": "front"}
    await house.do(MoveRegistration(**new(), **about, **in_front, reason="Zelda speaks at nine"))
    house.clock.advance(timedelta(minutes=10))


async def test_no_mark_of_a_forgotten_person_is_in_any_column(quiet_house: QuietHouse) -> None:
    house = quiet_house
    await live(house)
    before = await found(house)
    # The negative control: each mark is found, and in every place that can hold one.
    assert before.keys() == {*MARKS}
    places = {place for where in before.values() for place in where}
    assert places >= {
        *("users.name", "users.email", "users.email_claimed", "users.whatsapp_phone"),
        *("users.telegram_id", "identities.chat_id", "links.chat_id", "chat_moves.chat_id"),
        *("chat_moves.moved_to", "reachability.chat_id", "user_states.chat", "audit.reason"),
        *("user_states.state_data", "event_registrations.name", "email_proofs.email"),
        "email_proofs.chat_id",
    }
    await house.do(forget(1))
    left = {place for where in (await found(house)).values() for place in where}
    # What is to be purged elsewhere, and what is counted for an hour.
    waiting = {
        "forgettings.chat_id",
        *(name for name in left if name.startswith(("email_proofs.", "user_states."))),
    }
    assert left <= waiting
    for _ in range(26):
        await tend(house)
        house.clock.advance(timedelta(hours=1))
    assert await found(house) == {}
