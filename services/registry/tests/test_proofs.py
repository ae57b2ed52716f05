"""Codes: who has one proves an address, and nobody else learns or changes anything."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from proof_house import MINUTE, ProofHouse, refused, wrong
from registry_house import CODES, QuietHouse, chat, claim_seat

from contracts import (
    Address,
    CodeRefused,
    EmailProven,
    MoveIdentity,
    RequestCode,
    derived_id,
)
from contracts.people import (
    CODE_TRIES_MAX,
    CODES_PER_ADDRESS_AND_HOUR,
    CODES_PER_CHAT_AND_HOUR,
)
from registry import proof_store
from registry.proof_codes import ProofCodes
from registry.proof_results import CodeRequested
from registry.results import Stored

ANN, BEN, CLEO = chat(1), chat(2), chat(3)
ANNS_WHATSAPP = chat(1, "whatsapp")
EMAIL = "ann.lee@example.org"
NOBODYS = "nobody@example.org"


@pytest.fixture
def house(quiet_house: QuietHouse) -> ProofHouse:
    """With a mail server."""
    return ProofHouse(quiet_house)


@pytest.fixture
def mailless(quiet_house: QuietHouse) -> ProofHouse:
    """Without one."""
    return ProofHouse(quiet_house, by_email=False)


def test_the_same_proof_has_always_the_same_six_digits_and_each_another() -> None:
    ids = [UUID(int=number) for number in range(2_000)]
    codes = [CODES.digits(one) for one in ids]
    assert codes == [ProofCodes("a key for tests").digits(one) for one in ids]
    assert all(len(code) == 6 and code.isdecimal() for code in codes)
    assert len(set(codes)) > 1_990
    assert codes != [ProofCodes("another key").digits(one) for one in ids]
    assert all(CODES.is_code(one, code) for one, code in zip(ids, codes, strict=True))
    assert not any(CODES.is_code(one, wrong(code)) for one, code in zip(ids, codes, strict=True))
    # Digits of other alphabets are no code, and no fault.
    assert not CODES.is_code(ids[0], "١٢٣٤٥٦")


async def test_whoever_reads_the_mailbox_has_proven_the_address(house: ProofHouse) -> None:
    wish = house.wish(ANN, "Ann.Lee@Example.ORG")
    stored = await house.house.carry_out(wish)
    assert stored.result == CodeRequested(sent=1, within_limits=True)
    (mail,) = await house.sent(stored)
    assert mail.recipient is not None
    assert (mail.recipient.address.platform, mail.recipient.email_to) == ("email", EMAIL)
    proof_id = derived_id(wish.id, "proof:0")
    assert mail.recipient.address.chat_id == str(proof_id)
    assert (mail.messenger, mail.alternatives, mail.language) == ("telegram", (), "en")
    assert await house.proven() == []
    result = await house.types(ANN, mail.code or "")
    assert isinstance(result, EmailProven)
    assert await house.proven() == [EMAIL]
    # Nobody is sent a code that is of no use any more.
    assert (await house.found(proof_id)).recipient is None


async def test_the_code_is_kept_nowhere_and_said_to_no_stream(house: ProofHouse) -> None:
    code = await house.asks(ANN, EMAIL)
    await house.types(ANN, code)
    for table in ("email_proofs", "handled_commands", "audit", "users", "links"):
        rows = await house.house.rows(f"SELECT {table}::text AS row FROM {table}")
        found = "\n".join(row["row"] for row in rows)
        assert f'"{code}"' not in found
        assert f",{code}," not in found


async def test_five_wrong_guesses_end_a_code(house: ProofHouse) -> None:
    code = await house.asks(ANN, EMAIL)
    found = [await house.types(ANN, wrong(code)) for _ in range(CODE_TRIES_MAX + 2)]
    assert found == [
        *(refused("wrong", left) for left in (4, 3, 2, 1)),
        *[refused("too-many")] * 3,
    ]
    assert await house.types(ANN, code) == refused("too-many")
    assert await house.tries() == [CODE_TRIES_MAX]
    assert await house.proven() == []
    # Another one can be asked for.
    assert isinstance(await house.types(ANN, await house.asks(ANN, EMAIL)), EmailProven)


async def test_a_code_is_worth_nothing_after_ten_minutes(house: ProofHouse) -> None:
    code = await house.asks(ANN, EMAIL)
    house.house.clock.advance(10 * MINUTE)
    assert await house.types(ANN, code) == refused("expired")
    code = await house.asks(ANN, EMAIL)
    house.house.clock.advance(9 * MINUTE)
    assert isinstance(await house.types(ANN, code), EmailProven)


async def test_a_code_counts_once_and_ends_the_others_of_its_chat(house: ProofHouse) -> None:
    codes = [await house.asks(ANN, EMAIL) for _ in range(3)]
    assert isinstance(await house.types(ANN, codes[1]), EmailProven)
    for code in codes:
        assert await house.types(ANN, code) == refused("expired")
    assert await house.tries() == [0, 0, 0]
    used = await house.house.rows("SELECT 1 FROM email_proofs WHERE used_at IS NOT NULL")
    assert len(used) == 1


async def test_a_code_that_was_asked_for_again_leaves_the_first_one_good(
    house: ProofHouse,
) -> None:
    """Mails come late, and in any order."""
    first, second = [await house.asks(ANN, EMAIL) for _ in range(2)]
    assert await house.types(ANN, wrong(first)) == refused("wrong", 4)
    assert await house.tries() == [1, 1]
    assert second != first
    assert isinstance(await house.types(ANN, first), EmailProven)


async def test_nothing_is_proven_where_nothing_was_asked_for(house: ProofHouse) -> None:
    assert await house.types(ANN, "123456") == refused("expired")


async def test_a_code_is_worth_nothing_in_another_chat(house: ProofHouse) -> None:
    code, other = await house.asks(ANN, EMAIL), await house.asks(BEN, NOBODYS)
    assert await house.types(CLEO, code) == refused("expired")
    assert await house.types(ANNS_WHATSAPP, code) == refused("expired")
    assert await house.types(BEN, code) == refused("wrong", 4)
    # A guess in one chat is none in another.
    assert await house.tries() == [0, 1]
    assert await house.types(ANN, other) == refused("wrong", 4)
    assert await house.proven() == []
    assert isinstance(await house.types(ANN, code), EmailProven)


async def test_a_command_that_comes_twice_is_one_wish_and_one_guess(house: ProofHouse) -> None:
    wish = house.wish(ANN, EMAIL)
    first, again = [await house.house.carry_out(wish) for _ in range(2)]
    assert first == again
    guess = house.typed(ANN, "no code")
    results = [(await house.house.carry_out(guess)).result for _ in range(3)]
    assert results == [refused("wrong", 4)] * 3
    assert await house.tries() == [1]


async def guess_at_once(house: ProofHouse, code: str, count: int) -> list[CodeRefused]:
    """As many wrong guesses, on three replicas."""
    replicas = [house.house.replica() for _ in range(3)]
    found = await asyncio.gather(
        *(house.types(ANN, wrong(code), replicas[number % 3]) for number in range(count))
    )
    assert all(isinstance(one, CodeRefused) for one in found)
    return [one for one in found if isinstance(one, CodeRefused)]


async def test_guesses_at_the_same_moment_are_all_counted(house: ProofHouse) -> None:
    code = await house.asks(ANN, EMAIL)
    found = await guess_at_once(house, code, 12)
    told = sorted(one.tries_left for one in found if one.reason == "wrong")
    assert told == [1, 2, 3, 4]
    assert [one.reason for one in found].count("too-many") == 8
    assert await house.tries() == [CODE_TRIES_MAX]
    assert await house.types(ANN, code) == refused("too-many")


async def test_without_the_lock_more_would_be_looked_at_than_are_counted(
    house: ProofHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test before."""
    code = await house.asks(ANN, EMAIL)
    together(monkeypatch, "lock_live", 8, unlocked)
    found = await guess_at_once(house, code, 8)
    assert found == [refused("wrong", 4)] * 8
    assert await house.tries() == [1]


Store = Callable[..., Awaitable[Any]]


def together(
    monkeypatch: pytest.MonkeyPatch, name: str, count: int, instead: Store | None = None
) -> None:
    """Let as many transactions wait until each has read this, before one of them goes on."""
    barrier = asyncio.Barrier(count)
    looked: Store = instead or getattr(proof_store, name)

    async def look_and_wait(*given: Any) -> Any:
        found = await looked(*given)
        await barrier.wait()
        return found

    monkeypatch.setattr(proof_store, name, look_and_wait)


async def unlocked(connection: Any, *_: Any) -> list[proof_store.Proof]:
    rows = await connection.exec_driver_sql(
        "SELECT id, email, by_email, target_user_id, tries FROM email_proofs WHERE used_at IS NULL"
    )
    return [proof_store.Proof(**row) for row in rows.mappings()]


async def test_the_right_code_typed_twice_at_once_counts_once(house: ProofHouse) -> None:
    code = await house.asks(ANN, EMAIL)
    replicas = [house.house.replica() for _ in range(2)]
    found = await asyncio.gather(*(house.types(ANN, code, one) for one in replicas))
    assert sorted(one.kind for one in found) == ["code-refused", "email-proven"]


async def test_without_the_lock_a_code_would_count_twice(
    house: ProofHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test before."""
    await person(house, 1, EMAIL)
    code = await house.asks(ANN, EMAIL)
    together(monkeypatch, "lock_live", 2, unlocked)
    replicas = [house.house.replica() for _ in range(2)]
    found = await asyncio.gather(*(house.types(ANN, code, one) for one in replicas))
    assert [one.kind for one in found] == ["email-proven"] * 2


async def wish_at_once(house: ProofHouse, wishes: list[RequestCode]) -> list[CodeRequested]:
    replicas = [house.house.replica() for _ in range(3)]
    stored = await asyncio.gather(
        *(house.house.carry_out(wish, replicas[number % 3]) for number, wish in enumerate(wishes))
    )
    return [one.result for one in stored if isinstance(one.result, CodeRequested)]


def chats(count: int) -> list[Address]:
    return [chat(100 + number) for number in range(count)]


async def test_an_address_is_sent_three_codes_an_hour_whoever_asks(house: ProofHouse) -> None:
    spellings = [EMAIL, EMAIL.upper(), f" {EMAIL.title()} ", EMAIL, EMAIL]
    wishes = [house.wish(one, as_) for one, as_ in zip(chats(5), spellings, strict=True)]
    found = [(await house.house.carry_out(wish)).result for wish in wishes]
    sent = CodeRequested(sent=1, within_limits=True)
    enough = CodeRequested(sent=0, within_limits=False)
    assert found == [sent] * 3 + [enough] * 2
    # Whoever was one too many guesses like anybody: that others asked before them shows nowhere.
    guesses = [await house.types(one, "no code") for one in chats(5)]
    assert guesses == [refused("wrong", 4)] * 5
    assert await house.types(chats(5)[4], CODES.digits(derived_id(wishes[4].id, "proof:0"))) == (
        refused("wrong", 3)
    )
    house.house.clock.advance(61 * MINUTE)
    assert (await house.house.carry_out(house.wish(ANN, EMAIL))).result == sent


async def test_three_codes_an_hour_are_three_when_all_ask_at_once(house: ProofHouse) -> None:
    wishes = [house.wish(one, EMAIL) for one in chats(9)]
    found = await wish_at_once(house, wishes)
    assert [one.sent for one in found].count(1) == CODES_PER_ADDRESS_AND_HOUR


async def test_without_the_lock_all_who_ask_at_once_would_be_sent_one(
    house: ProofHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test before."""

    async def no_lock(*_: Any) -> None:
        return None

    monkeypatch.setattr(proof_store, "lock_wishes", no_lock)
    together(monkeypatch, "codes_left", 9)
    found = await wish_at_once(house, [house.wish(one, EMAIL) for one in chats(9)])
    assert [one.sent for one in found] == [1] * 9


async def test_a_chat_is_sent_ten_codes_an_hour_also_when_it_asks_at_once(
    house: ProofHouse,
) -> None:
    wishes = [house.wish(ANN, f"{number}@example.org") for number in range(15)]
    found = await wish_at_once(house, wishes)
    assert [one.sent for one in found].count(1) == CODES_PER_CHAT_AND_HOUR
    assert (await house.house.carry_out(house.wish(BEN, "1@example.org"))).result.kind


async def test_two_chats_that_ask_for_the_same_addresses_crosswise_do_not_wait_for_each_other(
    house: ProofHouse,
) -> None:
    wishes = [
        house.wish(one, email) for _ in range(3) for one in (ANN, BEN) for email in (EMAIL, NOBODYS)
    ]
    found = await wish_at_once(house, wishes)
    assert len(found) == len(wishes)


async def person(house: ProofHouse, number: int, email: str, *, proves: bool = True) -> UUID:
    """Somebody with a chat on Telegram, who has typed an address and perhaps proven it."""
    event_id = await house.house.event(30)
    said = {"email_claimed": email, "occurred_at": house.house.clock.now()}
    await house.house.carry_out(claim_seat(event_id, number).model_copy(update=said))
    if proves:
        code = await house.asks(chat(number), email)
        assert isinstance(await house.types(chat(number), code), EmailProven)
    (row,) = await house.house.rows(
        "SELECT user_id FROM identities WHERE chat_id = $1", chat(number).chat_id
    )
    found: UUID = row["user_id"]
    return found


async def wished(
    house: ProofHouse, asker: Address, email: str, by: Any = "messenger"
) -> tuple[RequestCode, Stored]:
    wish = house.wish(asker, email, by)
    return wish, await house.house.carry_out(wish)


async def test_a_code_goes_to_the_messenger_of_who_has_proven_the_address(
    house: ProofHouse,
) -> None:
    ann = await person(house, 1, EMAIL)
    await person(house, 2, EMAIL, proves=False)
    _, stored = await wished(house, ANNS_WHATSAPP, EMAIL.title())
    (told,) = await house.sent(stored)
    assert told.recipient is not None
    assert (told.recipient.address, told.messenger) == (ANN, "whatsapp")
    # If no chat can be written to, it is their mailbox as well.
    assert [way.email_to for way in told.alternatives] == [EMAIL]
    assert isinstance(await house.types(ANNS_WHATSAPP, told.code or ""), EmailProven)
    rows = await house.house.rows("SELECT DISTINCT user_id FROM identities WHERE user_id = $1", ann)
    assert len(rows) == 1
    own = await house.house.rows(
        "SELECT 1 FROM identities WHERE user_id = $1 AND chat_id = $2", ann, ANNS_WHATSAPP.chat_id
    )
    assert len(own) == 1


@pytest.mark.parametrize("email", [NOBODYS, "ben@example.org"])
async def test_where_nobody_can_read_a_code_it_is_guessed_at_and_counted_the_same(
    house: ProofHouse, email: str
) -> None:
    """`ben@…` was typed by somebody and never proven."""
    await person(house, 1, EMAIL)
    await person(house, 2, "ben@example.org", proves=False)
    answers = []
    for asker, asked in ((CLEO, EMAIL), (chat(4), email)):
        wish, stored = await wished(house, asker, asked)
        sent = [found.recipient is not None for found in await house.sent(stored)]
        digits = CODES.digits(derived_id(wish.id, "proof:0"))
        typed = [await house.types(asker, wrong(digits)) for _ in range(4)]
        # Whoever had the key could make the digits; they are worth nothing where nobody reads them.
        answers.append((typed, sent, await house.types(asker, digits)))
    (known, sent, joined), (unknown, not_sent, told) = answers
    assert known == unknown == [refused("wrong", left) for left in (4, 3, 2, 1)]
    assert (sent, not_sent) == ([True], [])
    assert isinstance(joined, EmailProven)
    assert told == refused("too-many")
    # One code for the first was sent before, and one here: the second wish is one too many, and
    # nobody can tell.
    for number, asked in ((0, EMAIL), (3, email)):
        askers = chats(6)[number : number + 3]
        found = [(await wished(house, asker, asked))[1].result for asker in askers]
        assert [one.sent for one in found if isinstance(one, CodeRequested)] == (
            [1, 0, 0] if asked == EMAIL else [0, 0, 0]
        )
        assert [await house.types(one, "no code") for one in askers] == [refused("wrong", 4)] * 3


async def test_without_a_mail_server_codes_go_to_all_who_have_typed_the_address(
    mailless: ProofHouse,
) -> None:
    for number in (1, 2, 3, 4):
        await person(mailless, number, EMAIL.title(), proves=False)
    _, stored = await wished(mailless, ANNS_WHATSAPP, EMAIL, "email")
    assert stored.result == CodeRequested(sent=3, within_limits=True)
    told = await mailless.sent(stored)
    assert [one.recipient and one.recipient.address for one in told] == [ANN, BEN, CLEO]
    assert {one.alternatives for one in told} == {()}
    assert len({one.code for one in told}) == 3
    # Whose code it is says whom the chat joins.
    assert isinstance(await mailless.types(ANNS_WHATSAPP, told[1].code or ""), EmailProven)
    rows = await mailless.house.rows(
        "SELECT chat_id FROM identities WHERE user_id = "
        "(SELECT user_id FROM identities WHERE chat_id = $1) ORDER BY 1",
        ANNS_WHATSAPP.chat_id,
    )
    assert [row["chat_id"] for row in rows] == [BEN.chat_id, ANNS_WHATSAPP.chat_id]
    # Typed and not read in the mailbox: it is a chat that was proven.
    assert await mailless.proven() == []


async def test_without_a_mail_server_an_address_is_sent_three_codes_an_hour_too(
    mailless: ProofHouse,
) -> None:
    """And who asks for one that nobody has typed can tell no difference."""
    for number in (1, 2):
        await person(mailless, number, EMAIL, proves=False)
    for email, sent in ((EMAIL, [2, 1, 0, 0]), (NOBODYS, [0, 0, 0, 0])):
        askers = [chat(50 + number) for number in range(4)]
        found = [(await wished(mailless, asker, email))[1].result for asker in askers]
        within = [True, True, False, False] if email == EMAIL else [True] * 4
        assert found == [
            CodeRequested(sent=count, within_limits=allowed)
            for count, allowed in zip(sent, within, strict=True)
        ]
        guesses = [await mailless.types(asker, "no code") for asker in askers]
        assert guesses == [refused("wrong", 4)] * 4
        mailless.house.clock.advance(11 * MINUTE)


async def test_without_a_mail_server_nobody_is_told_their_own_code(mailless: ProofHouse) -> None:
    await person(mailless, 1, EMAIL, proves=False)
    _, stored = await wished(mailless, ANN, EMAIL, "email")
    assert stored.result == CodeRequested(sent=0, within_limits=True)


async def test_a_code_finds_its_chat_when_the_chat_has_another_id_by_now(
    house: ProofHouse,
) -> None:
    number = Address(platform="whatsapp", account="106540352242922", chat_id="4915155501234")
    scoped = number.model_copy(update={"chat_id": "DE.9876543210"})
    code = await house.asks(number, EMAIL)
    await house.house.carry_out(
        MoveIdentity(
            id=uuid4(),
            occurred_at=house.house.clock.now(),
            correlation_id=uuid4(),
            chat=scoped,
            previous=number.chat_id,
            at=house.house.clock.now(),
            phone=number.chat_id,
            number_changed=False,
        )
    )
    assert await house.types(scoped, wrong(code)) == refused("wrong", 4)
    assert isinstance(await house.types(scoped, code), EmailProven)
