"""Where a person is told something: the best way first, each kind once, none that is closed."""

from datetime import timedelta
from uuid import uuid4

from registry_commands import prove
from registry_house import QuietHouse, chat, claim_seat
from test_reachability import LATER, note

from contracts import Address, FindNotice, NoticeAnswer, Platform
from contracts.cards import RegistrationCard
from registry.queries import Queries


async def asked(house: QuietHouse, seat: RegistrationCard) -> NoticeAnswer:
    query = FindNotice(kind="reminder-1h", registration_id=seat.id, event_version=1)
    return await Queries(database=house.databases[0], clock=house.clock).find_notice(query)


def platforms(answer: NoticeAnswer) -> list[Platform]:
    first = [answer.address.platform] if answer.address else []
    return first + [way.address.platform for way in answer.alternatives]


async def link(house: QuietHouse, to: int, address: Address, *, days_ago: int) -> None:
    """Until linking exists, this is how somebody has a second chat."""
    await house.rows(
        "INSERT INTO identities SELECT $1, $2, $3, user_id, now(), now() - $4::interval "
        "FROM identities WHERE chat_id = $5",
        address.platform,
        address.account,
        address.chat_id,
        timedelta(days=days_ago),
        chat(to).chat_id,
    )


async def everywhere(house: QuietHouse) -> RegistrationCard:
    """A seat of somebody with Telegram (used last), a second bot, WhatsApp and proven e-mail."""
    seat = await house.seat(await house.event())
    second_bot = Address(platform="telegram", account="654321", chat_id=chat(1).chat_id)
    await prove(house, 1, "ann@example.org")
    await link(house, 1, chat(1, "whatsapp"), days_ago=2)
    await house.rows(
        "INSERT INTO identities SELECT $1, $2, $3, user_id, now(), now() - interval '1 day' "
        "FROM identities WHERE platform = 'whatsapp'",
        second_bot.platform,
        second_bot.account,
        second_bot.chat_id,
    )
    return seat


async def test_the_messenger_used_last_comes_first_and_every_kind_once(
    quiet_house: QuietHouse,
) -> None:
    answer = await asked(quiet_house, await everywhere(quiet_house))
    assert answer.address == chat(1)
    assert platforms(answer) == ["telegram", "whatsapp", "email"]
    by_mail = answer.alternatives[1]
    assert by_mail.email_to == "ann@example.org"
    assert "@" not in by_mail.address.chat_key


async def test_a_closed_way_is_not_tried_while_another_is_open(quiet_house: QuietHouse) -> None:
    seat = await everywhere(quiet_house)
    await quiet_house.do(note(blocked=True))
    answer = await asked(quiet_house, seat)
    assert answer.address is not None
    assert answer.address.account == "654321"
    await quiet_house.do(note(blocked=True, address=chat(1, "whatsapp")))
    await quiet_house.do(note(blocked=True, address=answer.address))
    assert platforms(await asked(quiet_house, seat)) == ["email"]
    await quiet_house.do(note(blocked=False, at=LATER))
    assert platforms(await asked(quiet_house, seat)) == ["telegram", "email"]


async def test_the_only_way_stays_though_it_is_closed_so_that_somebody_says_why(
    quiet_house: QuietHouse,
) -> None:
    seat = await quiet_house.seat(await quiet_house.event())
    await quiet_house.do(note(blocked=True))
    assert (await asked(quiet_house, seat)).address == chat(1)


async def test_an_address_that_was_only_typed_is_no_way(quiet_house: QuietHouse) -> None:
    seat = await quiet_house.seat(await quiet_house.event())
    assert platforms(await asked(quiet_house, seat)) == ["telegram"]


async def test_whoever_has_proven_an_address_and_no_chat_is_written_to_by_mail(
    quiet_house: QuietHouse,
) -> None:
    event_id = await quiet_house.event()
    await quiet_house.do(claim_seat(event_id))
    (row,) = await quiet_house.rows("SELECT id FROM event_registrations")
    await prove(quiet_house, 1, "ann@example.org")
    await quiet_house.rows("DELETE FROM identities")
    query = FindNotice(kind="reminder-1h", registration_id=row["id"], event_version=1)
    queries = Queries(database=quiet_house.databases[0], clock=quiet_house.clock)
    answer = await queries.find_notice(query)
    assert (platforms(answer), answer.email_to) == (["email"], "ann@example.org")
    unknown = query.model_copy(update={"registration_id": uuid4()})
    assert platforms(await queries.find_notice(unknown)) == []
