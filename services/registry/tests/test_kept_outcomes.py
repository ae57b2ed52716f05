"""What is kept of outcomes: enough to say the same again to the letter, and nothing of a person."""

from collections.abc import Iterator
from datetime import timedelta
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID, uuid4

import pytest
from message_house import send
from pydantic import BaseModel
from registry_commands import change, check_in, new, undo_check_in
from registry_house import CODES, TICKETS, House, QuietHouse, chat, claim_seat, give_back, tick

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    AddRegistration,
    Address,
    CancelEvent,
    CancelMessage,
    ChangePreferences,
    ClaimSeat,
    CodeRefused,
    Command,
    CommandFailed,
    CommandOutcome,
    CreateEvent,
    CreateToken,
    CreateWebhook,
    DeleteWebhook,
    DisownLink,
    DropTransfer,
    EmailProven,
    EventDetails,
    FeedMessages,
    FinishEvent,
    ForgetPerson,
    MoveIdentity,
    MoveRegistration,
    NoteReachability,
    OfferTransfer,
    PassOnSeats,
    PauseMessage,
    ProveEmail,
    ReplayWebhook,
    RequestCode,
    ResendTicket,
    ResumeMessage,
    RevokeToken,
    SeatClaimed,
    SeatHeld,
    SeatTransferred,
    Sender,
    SweepInvariants,
    TendEvents,
    TendPeople,
    Unlink,
    WaitingListed,
    derived_id,
)
from contracts.cards import RegistrationCard
from registry.carrying_out import ABOUT_EVENTS, OTHERS
from registry.journal import HandledOutcome, find_outcome
from registry.results import CheckedIn, RegistrationWritten, Result, Stored

NAME, EMAIL, PHONE = "Zelda Marker", "zelda.marker@example.org", "4915155501234"
SCANNER, TOKEN, URL = "Zelda's phone", "Zelda's script", "https://hooks.example.org/?key=zelda"
WORDS = "as Zelda wished"
ANN = Address(platform="whatsapp", account="106540352242922", chat_id=PHONE)
BEN, CLEO, DAN, EVE, FAY = (chat(number) for number in range(2, 7))
EVES_WHATSAPP = chat(5, "whatsapp")
OTHER_EMAIL = "zelda.two@example.org"
MARKERS = (
    *("elda", PHONE, "T1."),
    *(one.chat_id for one in (BEN, CLEO, DAN, EVE, EVES_WHATSAPP)),
)
"""Each is in what the scenario says; none may be in what is kept. Tickets begin with the third."""

OF_NO_PERSON = {
    *("code", "title", "description", "location", "timezone"),
    # An id, or "admin".
    "created_by",
    # Names of subjects and of invariants.
    *("events", "drift"),
}
"""Texts of results that are kept as they are."""
LEFT_OUT = {
    *("RegistrationCard.name", "RegistrationCard.ticket", "CheckedIn.by", "TokenView.name"),
    *("WebhookView.url", "WebhookView.description", "EmailProven.name"),
}


class Life:
    """What everybody may wish for happens once, and is noted with its outcome."""

    def __init__(self, house: QuietHouse) -> None:
        self.house = house
        self.lived: list[tuple[Command, Stored]] = []

    async def do(self, command: Command) -> Result:
        stored = await self.house.carry_out(command)
        self.lived.append((command, stored))
        return stored.result

    async def claim(self, event_id: UUID, address: Address) -> RegistrationCard:
        said = {"address": address, "name": NAME, "email_claimed": EMAIL}
        platform = {"registered_via": address.platform}
        result = await self.do(claim_seat(event_id).model_copy(update=said | platform))
        assert isinstance(result, SeatClaimed | SeatHeld | WaitingListed)
        return result.registration

    async def proves(self, address: Address, code: str | None = None) -> Result:
        """A code is asked for and typed; the right one where nothing else is said."""
        proof_id = derived_id((asked := new())["id"], "proof:0")
        await self.do(RequestCode(**asked, chat=address, email=OTHER_EMAIL.title(), language="en"))
        typed: dict[str, Any] = {"code": code or CODES.digits(proof_id), "name": NAME}
        said: dict[str, Any] = {"address": address, "sender": Sender(name=NAME), "language": "en"}
        return await self.do(ProveEmail(**new(), **typed, **said))

    async def linking(self) -> None:
        """A seat held, an address proven, a messenger joined, parted, disowned; all forgotten."""
        self.house.ask_for_proof()
        event_id = await self.house.event(20)
        held = await self.claim(event_id, EVE)
        assert held.status == "held"
        assert isinstance(await self.proves(EVE, "no code"), CodeRefused)
        proven = await self.proves(EVE)
        assert isinstance(proven, EmailProven)
        assert [card.id for card in proven.registrations] == [held.id]
        joined = await self.proves(EVES_WHATSAPP)
        assert isinstance(joined, EmailProven)
        assert (joined.name, joined.messengers) == (NAME, ("telegram",))
        assert joined.link_id is not None
        await self.do(DisownLink(**new(), address=EVE, link_id=joined.link_id))
        await self.do(Unlink(**new(), address=EVE))
        # Of somebody who has nothing: what is forgotten is not said again.
        await self.do(ForgetPerson(**new(), address=FAY))
        await self.do(TendPeople(**new(), due_at=self.house.clock.now()))

    async def people(self) -> UUID:
        """Seats claimed, given back, offered, taken, handed on; somebody added; people let in."""
        house, do = self.house, self.do
        event_id = uuid4()
        details = EventDetails(
            title="PyCon",
            starts_at=house.clock.now() + timedelta(days=3),
            timezone="Europe/Berlin",
            max_participants=2,
            status="published",
        )
        await do(CreateEvent(**new(), event_id=event_id, details=details))
        ann, ben, cleo = [await self.claim(event_id, one) for one in (ANN, BEN, CLEO)]
        await self.claim(event_id, ANN)
        dan = await self.claim(event_id, DAN)
        await do(give_back(ben, ANN))
        await do(give_back(ben, BEN))
        await do(_of(AcceptOffer, cleo, CLEO))
        await house.rows(
            "UPDATE users SET email = $1 FROM identities WHERE user_id = users.id AND chat_id = $2",
            EMAIL,
            DAN.chat_id,
        )
        await do(_of(OfferTransfer, cleo, CLEO, to_email=EMAIL))
        await do(_of(DropTransfer, cleo, CLEO))
        await do(_of(OfferTransfer, ann, ANN, to_email=EMAIL))
        taken = await do(_of(AcceptTransfer, ann, DAN))
        assert isinstance(taken, SeatTransferred)
        assert taken.registration.id != dan.id
        added = AddRegistration(**new(), event_id=event_id, name=NAME, email_claimed=EMAIL)
        waits = await do(added)
        assert isinstance(waits, RegistrationWritten)
        in_front: dict[str, Any] = {"to": "waiting", "place": "front", "reason": WORDS}
        about = {"event_id": event_id, "registration_id": waits.registration_id}
        await do(MoveRegistration(**new(), **about, **in_front))
        await do(ResendTicket(**new(), **about))
        await do(check_in(cleo, SCANNER))
        await do(check_in(cleo, "another one"))
        await do(check_in(taken.registration, SCANNER))
        await do(undo_check_in(taken.registration).model_copy(update={"reason": WORDS}))
        return event_id

    async def organisers(self, event_id: UUID) -> None:
        """Messages, tokens, webhooks; the clock; at last nothing takes place."""
        house, do = self.house, self.do
        message = send(event_id, text=WORDS)
        await do(message)
        about: dict[str, Any] = {"message_id": message.message_id}
        due: dict[str, Any] = {"due_at": house.clock.now()}
        await do(FeedMessages(**new(), **due))
        await do(PauseMessage(**new(), **about))
        await do(ResumeMessage(**new(), **about))
        await do(CancelMessage(**new(), **about))
        token: dict[str, Any] = {"token_id": uuid4(), "secret_sha256": "0" * 64}
        await do(CreateToken(**new(), **token, name=TOKEN, scopes=("read",)))
        await do(RevokeToken(**new(), token_id=token["token_id"]))
        hook: dict[str, Any] = {"webhook_id": uuid4()}
        await do(CreateWebhook(**new(), **hook, url=URL, events=("*",), description=WORDS))
        await do(ReplayWebhook(**new(), **hook, since=house.clock.now()))
        await do(DeleteWebhook(**new(), **hook))
        await do(ChangePreferences(**new(), chat=BEN, muted=True))
        await do(NoteReachability(**new(), chat=ANN, blocked=True, at=house.clock.now()))
        moved: dict[str, Any] = {"previous": PHONE, "at": house.clock.now(), "phone": PHONE}
        scoped = ANN.model_copy(update={"chat_id": f"DE.{PHONE}"})
        await do(MoveIdentity(**new(), chat=scoped, **moved, number_changed=False))
        await do(await change(house, event_id, title="PyCon II"))
        await do(tick(house.clock.now() + timedelta(days=2, hours=1)))
        await do(TendEvents(**new(), **due))
        await do(PassOnSeats(**new(), event_id=event_id))
        await do(SweepInvariants(**new(), **due))
        await do(FinishEvent(**new(), event_id=event_id))
        await do(CancelEvent(**new(), event_id=event_id, reason=WORDS))


def _of(
    kind: type[AcceptOffer] | type[OfferTransfer] | type[AcceptTransfer] | type[DropTransfer],
    card: RegistrationCard,
    address: Address,
    **more: Any,
) -> Command:
    about = {"event_id": card.event.id, "registration_id": card.id, "address": address}
    return kind(**new(), **about, **more)


async def live(house: QuietHouse) -> list[tuple[Command, Stored]]:
    life = Life(house)
    event_id = await life.people()
    await life.linking()
    await life.organisers(event_id)
    return life.lived


async def kept(house: House) -> str:
    rows = await house.rows("SELECT handled_commands::text AS row FROM handled_commands")
    return "\n".join(row["row"] for row in rows)


async def outcome(house: House, command: Command) -> HandledOutcome:
    found = await house.databases[0].run(lambda connection: find_outcome(connection, command.id))
    assert found is not None
    return found


@pytest.fixture
def kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows as the release before wrote them."""
    monkeypatch.setattr("registry.journal.keep", Stored.model_dump_json)


def said(lived: list[tuple[Command, Stored]]) -> str:
    return "\n".join(stored.model_dump_json() for _, stored in lived)


async def test_whatever_is_repeated_says_the_same_again_to_the_letter(
    quiet_house: QuietHouse,
) -> None:
    """By another process, after everything else has happened."""
    lived = await live(quiet_house)
    assert {type(command) for command, _ in lived} >= {*ABOUT_EVENTS, *OTHERS}
    another = quiet_house.replica()
    for command, first in lived:
        again = await quiet_house.carry_out(command, another)
        assert again.messages == first.messages, command.subject
        assert again.newest == first.newest
        if not _was_undone(first.result):
            assert again.result == first.result


def _was_undone(result: Result) -> bool:
    return isinstance(result, CheckedIn) and result.by == SCANNER


async def test_nothing_of_a_person_is_kept(quiet_house: QuietHouse) -> None:
    lived = await live(quiet_house)
    for marker in MARKERS:
        assert marker in said(lived), "what is looked for can be found"
    found = await kept(quiet_house)
    assert len(found) > 10_000
    assert [marker for marker in MARKERS if marker in found] == []


async def test_rows_of_the_release_before_have_it_all_and_are_said_again(
    quiet_house: QuietHouse, kept_whole: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the negative control of the search."""
    lived = await live(quiet_house)
    found = await kept(quiet_house)
    assert [marker for marker in MARKERS if marker not in found] == []
    monkeypatch.undo()
    for command, first in lived:
        if isinstance(command, TendPeople):
            # The release before did not know it.
            continue
        again = await quiet_house.carry_out(command)
        assert [(one.subject, one.id, one.body) for one in again.messages] == [
            (one.subject, one.id, one.body) for one in first.messages
        ]
        assert (again.result, again.newest) == (first.result, first.newest)


async def test_what_was_forgotten_is_not_said_again(quiet_house: QuietHouse) -> None:
    event_id = await quiet_house.event()
    command, other = claim_seat(event_id, 1), claim_seat(event_id, 2)
    first = [await quiet_house.carry_out(one) for one in (command, other)]
    await quiet_house.rows(
        "UPDATE event_registrations SET name = '' WHERE id = $1", _card(first[0].result).id
    )
    blank = _card((await quiet_house.carry_out(command)).result)
    assert blank == _card(first[0].result).model_copy(update={"name": "", "ticket": None})
    assert await quiet_house.carry_out(other) == first[1]


def _card(result: Result) -> RegistrationCard:
    assert isinstance(result, SeatClaimed)
    return result.registration


async def test_what_organisers_ask_for_again_is_what_they_were_told(
    quiet_house: QuietHouse,
) -> None:
    for command, first in await live(quiet_house):
        result = (await outcome(quiet_house, command)).result
        if getattr(command, "address", None) is None and not _was_undone(first.result):
            assert result == first.result
        assert result.kind == first.result.kind


async def test_a_command_that_was_given_up_keeps_nothing_of_its_chat(house: House) -> None:
    command = claim_seat(await house.event()).model_copy(update={"address": ANN, "name": NAME})
    await house.handlers.give_up(command, "bug: ZeroDivisionError")
    assert isinstance((await house.answer(command)).outcome, CommandFailed)
    assert (await outcome(house, command)).failed
    assert PHONE not in await kept(house)


async def test_a_repetition_is_told_where_the_repeated_command_says(house: House) -> None:
    """Published, as after a crash between COMMIT and publish."""
    said_first = claim_seat(await house.event()).model_copy(update={"address": ANN})
    sent = await house.broker.nats.subscribe("in.>")
    await house.do(said_first)
    await house.do(ClaimSeat.model_validate_json(said_first.model_dump_json()), house.replica())
    first, again = [await sent.next_msg(timeout=10) for _ in range(2)]
    assert (first.subject, first.data) == (again.subject, again.data)
    told = CommandOutcome.model_validate_json(again.data)
    assert told.address == ANN
    assert isinstance(told.outcome, SeatClaimed)
    assert TICKETS.check(told.outcome.registration.ticket or "") == told.outcome.registration.id


def texts(kind: Any, at: str) -> Iterator[str]:
    """Every place in a type where there may be a text of any content."""
    if get_origin(kind) is Literal:
        return
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield from texts(field.annotation, f"{kind.__name__}.{name}")
    elif kind is str:
        yield at
    elif get_origin(kind) in (Union, UnionType, Annotated, tuple, list, dict):
        for inner in get_args(kind):
            yield from texts(inner, at)


def test_every_text_of_every_result_is_of_no_person_or_left_out() -> None:
    """Whoever adds a text to a result decides here which of both it is."""
    found = set(texts(Result, "Result"))
    assert found >= LEFT_OUT
    assert {one for one in found - LEFT_OUT if one.split(".")[1] not in OF_NO_PERSON} == set()
