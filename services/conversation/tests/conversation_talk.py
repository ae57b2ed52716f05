"""A chat with the pure dialogue: a world of facts, and a person who talks."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from pydantic import BaseModel

from contracts import (
    AcceptOffer,
    Address,
    CancelRegistration,
    ChangePreferences,
    ChoiceTapped,
    ClaimSeat,
    CommandOutcome,
    Content,
    EventAnswer,
    EventCard,
    EventsAnswer,
    EventStatus,
    FindEvent,
    FindNotice,
    InboundMessage,
    ListEvents,
    ListRegistrations,
    NoticeAnswer,
    NoticeKind,
    OutboundMessage,
    Outcome,
    Query,
    RegistrationCard,
    RegistrationReleased,
    RegistrationsAnswer,
    RequestCode,
    SeatClaimed,
    Sender,
    TextSaid,
    WaitingListed,
    derived_id,
)
from conversation.dialogue import FactMissing, Facts, Heard, Owed, State, Step, new_chat, step
from conversation.dialogue.turn import ChatCommand

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SPACE = UUID("11111111-2222-5333-8444-555555555555")
ANN_SENDS = Sender(name="Ann Smith", language="en")
ANN = Address(platform="telegram", account="123456", chat_id="42")
OLGA = Address(platform="whatsapp", account="106540352242922", chat_id="RU.77")


def an_event(  # each field of it matters in some story
    number: int = 1,
    *,
    title: str = "PyCon",
    code: str = "K7Q2MX",
    seats_left: int = 12,
    status: EventStatus = "published",
    description: str = "",
    starts_at: datetime = datetime(2026, 12, 6, 17, 0, tzinfo=UTC),
    location: str = "Hall 3",
    waiting: int = 0,
    opens_at: datetime | None = None,
    closes_at: datetime | None = None,
) -> EventCard:
    return EventCard(
        id=uuid5(SPACE, f"event {number}"),
        code=code,
        title=title,
        description=description,
        starts_at=starts_at,
        timezone="Europe/Berlin",
        location=location,
        max_participants=20,
        seats_left=seats_left,
        status=status,
        version=1,
        waiting=waiting,
        registration_opens_at=opens_at,
        registration_closes_at=closes_at,
    )


def a_registration(event: EventCard, name: str = "Ann Smith") -> RegistrationCard:
    return RegistrationCard(
        id=uuid5(SPACE, f"registration {event.id}"),
        event=event,
        status="confirmed",
        ticket=f"T1.{event.code}.signed",
        name=name,
    )


def a_place(event: EventCard, position: int = 3, name: str = "Ann Smith") -> RegistrationCard:
    """A place in the waiting list."""
    return RegistrationCard(
        id=uuid5(SPACE, f"registration {event.id}"),
        event=event,
        status="waiting",
        name=name,
        position=position,
    )


def an_offer(
    event: EventCard, until: datetime = NOW + timedelta(hours=6), name: str = "Ann Smith"
) -> RegistrationCard:
    """A seat that is kept for somebody who waited."""
    return RegistrationCard(
        id=uuid5(SPACE, f"registration {event.id}"),
        event=event,
        status="offered",
        name=name,
        offer_expires_at=until,
    )


@dataclass
class World:
    """What the registry would answer."""

    events: list[EventCard] = field(default_factory=lambda: [an_event()])
    registrations: list[RegistrationCard] = field(default_factory=list)
    known: bool = True
    """Whether the chat speaks for anybody."""
    proof_by_email: bool = True
    notices: dict[NoticeKind, NoticeAnswer] = field(default_factory=dict)
    """What is true of a registration that is not, or no longer, in the person's list."""
    silent: bool = False
    mute: frozenset[type[Query]] = frozenset()
    """Questions of these kinds alone have no answer."""
    last_known_at: datetime | None = None
    """Silent since then, and what everybody sees alike is remembered."""
    asked: list[Query] = field(default_factory=list)

    def answer(self, query: Query) -> BaseModel | None:
        self.asked.append(query)
        if self.last_known_at is not None and not isinstance(query, ListEvents | FindEvent):
            return None
        if self.silent or type(query) in self.mute:
            return None
        match query:
            case ListEvents():
                listed = [event for event in self.events if event.status == "published"]
                return EventsAnswer(events=tuple(listed))
            case FindEvent(code=code):
                found = [event for event in self.events if event.code == code]
                return EventAnswer(event=found[0] if found else None)
            case ListRegistrations():
                return RegistrationsAnswer(
                    registrations=tuple(self.registrations),
                    known=self.known,
                    proof_by_email=self.proof_by_email,
                )
            case FindNotice(kind=kind):
                return self.notices.get(kind, NoticeAnswer())
        raise AssertionError(f"nobody should ask {query}")


def take(state: State, item: Heard, world: World, now: datetime) -> Step:
    """One step, with every question answered by the world."""
    facts = Facts()
    while True:
        try:
            return step(state, item, facts, now)
        except FactMissing as missing:
            answer = world.answer(missing.query)
            facts = facts.with_answer(missing.query, answer, world.last_known_at)


@dataclass
class Talk:
    """One person in one chat; remembers what was said on both sides."""

    address: Address = ANN
    sender: Sender = ANN_SENDS
    world: World = field(default_factory=World)
    now: datetime = NOW
    state: State | None = None
    before: State | None = None
    """The chat before the last thing that happened to it."""
    heard: list[OutboundMessage] = field(default_factory=list)
    commands: list[ChatCommand] = field(default_factory=list)
    """Those that the chat waits for."""
    wishes: list[ChangePreferences] = field(default_factory=list)
    codes: list[RequestCode] = field(default_factory=list)
    items: list[Heard] = field(default_factory=list)

    def does(self, content: Content) -> list[OutboundMessage]:
        item = InboundMessage(
            id=uuid5(SPACE, f"{self.address} {len(self.items)}"),
            occurred_at=self.now,
            correlation_id=uuid5(SPACE, f"{self.address} {len(self.items)}"),
            address=self.address,
            sender=self.sender,
            content=content,
            sent_at=self.now,
        )
        return self.take(item)

    def says(self, text: str) -> str:
        return said(self.does(TextSaid(text=text)))

    def taps(self, label: str) -> str:
        """Tap the newest button with this label."""
        for message in reversed(self.heard):
            for choice in message.choices:
                if choice.label == label:
                    return self.taps_id(choice.id, label)
        raise AssertionError(f"no button {label!r} was ever shown")

    def taps_id(self, choice_id: str, label: str | None = None) -> str:
        return said(self.does(ChoiceTapped(choice_id=choice_id, label=label)))

    def told(self, outcome: Outcome, command_id: UUID | None = None) -> str:
        command_id = command_id or self.commands[-1].id
        item = CommandOutcome(
            id=derived_id(command_id, "outcome"),
            occurred_at=self.now,
            correlation_id=command_id,
            address=self.address,
            command_id=command_id,
            outcome=outcome,
        )
        return said(self.take(item))

    def gets_a_seat(self) -> str:
        claim = self.commands[-1]
        assert isinstance(claim, ClaimSeat)
        event = next(event for event in self.world.events if event.id == claim.event_id)
        registration = a_registration(event, claim.name)
        self.world.registrations.append(registration)
        return self.told(SeatClaimed(registration=registration))

    def gets_in_line(self, position: int = 3) -> str:
        claim = self.commands[-1]
        assert isinstance(claim, ClaimSeat)
        event = next(event for event in self.world.events if event.id == claim.event_id)
        registration = a_place(event, position, claim.name)
        self.world.registrations.append(registration)
        return self.told(WaitingListed(registration=registration))

    def takes_the_offer(self) -> str:
        accept = self.commands[-1]
        assert isinstance(accept, AcceptOffer)
        offered = next(one for one in self.world.registrations if one.id == accept.registration_id)
        self.world.registrations.remove(offered)
        seat = a_registration(offered.event, offered.name)
        self.world.registrations.append(seat)
        return self.told(SeatClaimed(registration=seat))

    def gives_up(self) -> str:
        """The registry ends the registration that was to be cancelled, whatever it was."""
        cancel = self.commands[-1]
        assert isinstance(cancel, CancelRegistration)
        gone = next(one for one in self.world.registrations if one.id == cancel.registration_id)
        self.world.registrations.remove(gone)
        assert gone.status != "cancelled"
        return self.told(
            RegistrationReleased(registration_id=gone.id, event=gone.event, was=gone.status)
        )

    def take(self, item: Heard) -> list[OutboundMessage]:
        self.items.append(item)
        self.now += timedelta(seconds=1)
        before = self.before = self.state or new_chat(item)
        taken = take(before, item, self.world, self.now)
        self.state = taken.state
        messages = messages_of(taken.owed)
        self.heard += messages
        for owed in taken.owed:
            if isinstance(owed, ChangePreferences):
                self.wishes.append(owed)
            elif isinstance(owed, RequestCode):
                self.codes.append(owed)
            elif not isinstance(owed, OutboundMessage):
                self.commands.append(owed)
        return messages

    @property
    def labels(self) -> list[str]:
        return [choice.label for choice in self.heard[-1].choices]

    @property
    def stage(self) -> str:
        assert self.state is not None
        return self.state.stage.value


def messages_of(owed: tuple[Owed, ...]) -> list[OutboundMessage]:
    return [one for one in owed if isinstance(one, OutboundMessage)]


def said(messages: list[OutboundMessage]) -> str:
    return "\n---\n".join(message.text for message in messages)


def russian() -> Talk:
    return Talk(address=OLGA, sender=Sender(name="Ольга", phone="79161234567"))
