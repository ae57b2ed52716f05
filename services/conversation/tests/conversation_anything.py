"""Anything that may happen to a chat: things said and tapped, outcomes, and a world to look at."""

from datetime import timedelta
from uuid import uuid5

from conversation_talk import NOW, SPACE, an_event
from hypothesis import strategies as st

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    CancellationRefused,
    CancelRegistration,
    ChatBlocked,
    ChatMoved,
    ClaimRefused,
    ClaimSeat,
    CodeRefused,
    CommandFailed,
    Content,
    DisownLink,
    DisownRefused,
    DropTransfer,
    EmailProven,
    ForgetPerson,
    FormSent,
    LinkDisowned,
    LocationSent,
    MediaSent,
    MessageEdited,
    MessageRevoked,
    OfferRefused,
    OtherSent,
    Outcome,
    PersonForgotten,
    ProveEmail,
    ReactionSent,
    RegistrationCard,
    RegistrationReleased,
    SeatClaimed,
    SeatHeld,
    SeatTransferred,
    Sender,
    TransferDropped,
    TransferOffered,
    TransferRefused,
    Unlink,
    Unlinked,
    UnlinkRefused,
    WaitingListed,
)
from contracts.inbound import ContactShared
from conversation.dialogue.choices import ALWAYS, OF_A_PROOF, OF_A_QUESTION
from conversation.dialogue.turn import ChatCommand
from conversation.replay.people import Elsewhere

OLGA_SENDS = Sender(name="Ольга", phone="79161234567")

EVENTS = (
    an_event(1, seats_left=2),
    an_event(2, title="Jazz", code="ABCDEF", seats_left=0, waiting=5, description="x" * 1500),
    an_event(3, title="Gone", code="GGGGGG", status="cancelled"),
    an_event(4, title="Later", code="LLLLLL", opens_at=NOW + timedelta(days=2)),
    an_event(5, title="Closed", code="CCCCCC", closes_at=NOW),
    an_event(6, title="Draft", code="DDDDDD", status="draft"),
    an_event(7, title="Джаз {на} %s крыше", code="JJJJJJ", seats_left=1, location=""),
    *(
        an_event(10 + n, title=f"Evening {n}", code=f"EEEE{n:02}".replace("0", "X")[:6])
        for n in range(2, 9)
    ),
)
CODES = [event.code for event in EVENTS]
SEAT = RegistrationCard(
    id=uuid5(SPACE, "somebody's seat"),
    event=EVENTS[0],
    status="confirmed",
    ticket="T1.K7Q2MX.signed",
    name="Ann Smith",
)
PLACE = SEAT.model_copy(update={"status": "waiting", "ticket": None, "position": 3})
OFFER = SEAT.model_copy(
    update={"status": "offered", "ticket": None, "offer_expires_at": NOW + timedelta(hours=6)}
)

HELD = SEAT.model_copy(
    update={"status": "held", "ticket": None, "hold_expires_at": NOW + timedelta(minutes=10)}
)
THERE = SEAT.model_copy(update={"id": uuid5(SPACE, "a seat elsewhere"), "name": "Ann Elsewhere"})
ELSEWHERE = Elsewhere("ann@example.com", "whatsapp", "Ann Elsewhere", (THERE,))
LINK = uuid5(SPACE, "a link")

WORDS = [
    *("/link", "/unlink", "/mydata", "/forget", "/privacy", "FORGET", "забудь", "no code"),
    *("123456", "123 456", "code 123456", "１２３４５６", "١٢٣٤٥٦", "654321", "12345", "1234567"),
    "Your code is 123456. It is worth something for 10 minutes.",
    *("/start", "/events", "/my", "/ticket", "/cancel", "/back", "/help", "/language", "/stop"),
    *("да", "нет", "yes", "no", "cancel", "отмена", "back", "назад", "help", "помощь", "next"),
    *("1", "2", "3", "9", "10", "PyCon", "Jazz", "events", "мои записи", "билет", "calendar"),
    *("Ann Smith", "Ольга Пример", "ann@example.com", "ann@gmial.com", "not an address"),
    *("/start event_K7Q2MX", "/start event_ZZZZZZ", "Register: Gone (GGGGGG)", "K7Q2MX"),
    *("Регистрация: Jazz (ABCDEF)", "/language ru", "in english", "stop", "старт", "спасибо"),
    *("😀", "{title}", "%s", "\u202e", " ", "x" * 4096, "\x00", "*_`[", "/nonsense"),
]
NO_ANSWERS: list[Content] = [
    *(MediaSent(media=media) for media in ("sticker", "voice", "audio", "photo", "location")),
    ContactShared(phone="10000000001", own=True),
    ContactShared(phone="10000000002", own=False),
    LocationSent(latitude=52.5, longitude=13.4, name="Funkhaus"),
    FormSent(fields={"seat": "yes"}),
    OtherSent(type="poll"),
    OtherSent(type="request_welcome"),
    MessageEdited(text="yes"),
]
IGNORED: list[Content] = [
    ReactionSent(emoji="👍"),
    MessageEdited(),
    MessageRevoked(),
    ChatBlocked(),
    ChatMoved(previous="16505551234"),
    OtherSent(type="system.customer_identity_changed"),
]
OUTCOMES: list[Outcome] = [
    SeatClaimed(registration=SEAT),
    SeatClaimed(registration=SEAT, already=True),
    *(
        ClaimRefused.model_validate({"reason": reason, "event": event})
        for reason in (
            *("full", "draft", "not-yet-open", "closed", "started", "cancelled"),
            *("unknown-event", "proof-first"),
        )
        for event in (EVENTS[3], None)
    ),
    WaitingListed(registration=PLACE),
    WaitingListed(registration=OFFER, already=True),
    RegistrationReleased(registration_id=SEAT.id, event=EVENTS[0]),
    RegistrationReleased(registration_id=SEAT.id, event=EVENTS[0], already=True),
    RegistrationReleased(registration_id=SEAT.id, event=EVENTS[1], was="waiting"),
    RegistrationReleased(registration_id=SEAT.id, event=EVENTS[1], was="offered"),
    *(
        CancellationRefused.model_validate({"reason": reason, "event": EVENTS[0]})
        for reason in ("not-yours", "started", "checked-in")
    ),
    *(
        OfferRefused.model_validate({"reason": reason, "event": event})
        for reason in (
            *("expired", "not-offered", "not-yours", "started", "cancelled"),
            "proof-first",
        )
        for event in (EVENTS[1], None)
    ),
    TransferOffered(registration=SEAT, expires_at=EVENTS[0].starts_at),
    SeatTransferred(registration=SEAT),
    TransferDropped(event=EVENTS[0]),
    *(
        TransferRefused.model_validate({"reason": reason, "event": EVENTS[0]})
        for reason in ("not-yours", "not-offered", "checked-in", "started", "cancelled", "has-seat")
    ),
    SeatHeld(registration=HELD),
    SeatHeld(registration=HELD, already=True),
    EmailProven(),
    EmailProven(name="Ann Elsewhere", registrations=(SEAT,)),
    EmailProven(registrations=(SEAT, THERE), messengers=("whatsapp",), link_id=LINK, freed=2),
    EmailProven(messengers=("telegram", "whatsapp"), link_id=LINK),
    *(
        CodeRefused.model_validate({"reason": reason, "tries_left": 3})
        for reason in ("wrong", "expired", "too-many", "barred")
    ),
    Unlinked(messengers=("telegram",)),
    Unlinked(),
    UnlinkRefused(reason="unknown"),
    UnlinkRefused(reason="only-way"),
    LinkDisowned(messenger="whatsapp"),
    LinkDisowned(messenger="telegram", already=True),
    DisownRefused(),
    PersonForgotten(freed=2),
    PersonForgotten(known=False),
    CommandFailed(),
]
OUTCOMES_OF: dict[type[ChatCommand], tuple[type[Outcome], ...]] = {
    ClaimSeat: (SeatClaimed, SeatHeld, WaitingListed, ClaimRefused, CommandFailed),
    CancelRegistration: (RegistrationReleased, CancellationRefused, CommandFailed),
    AcceptOffer: (SeatClaimed, SeatHeld, WaitingListed, OfferRefused, CommandFailed),
    AcceptTransfer: (SeatTransferred, TransferRefused, CommandFailed),
    DropTransfer: (TransferDropped, TransferRefused, CommandFailed),
    ProveEmail: (EmailProven, CodeRefused, CommandFailed),
    Unlink: (Unlinked, UnlinkRefused, CommandFailed),
    DisownLink: (LinkDisowned, DisownRefused, CommandFailed),
    ForgetPerson: (PersonForgotten, CommandFailed),
}
ARGUMENTS = ["", "1", "2", "99", *CODES, "ru", "en", "None", str(SEAT.id), str(LINK), "123456"]

typed = st.sampled_from(WORDS) | st.text(max_size=60)
tapped = st.builds(
    lambda verb, argument: f"{verb}:{argument}",
    st.sampled_from([*ALWAYS, *OF_A_QUESTION, *OF_A_PROOF, "cancel", "no-such-thing"]),
    st.sampled_from(ARGUMENTS),
) | st.text(max_size=60)
