"""A small registry in memory: one person's, that decides as the real one does."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

from pydantic import BaseModel

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    Address,
    CancellationRefused,
    CancelRegistration,
    ClaimRefused,
    ClaimSeat,
    DisownLink,
    DropTransfer,
    EventAnswer,
    EventCard,
    EventsAnswer,
    EventStatus,
    FindEvent,
    FindNotice,
    ForgetPerson,
    ListEvents,
    ListRegistrations,
    NoticeAnswer,
    NoticeDue,
    NoticeKind,
    OfferRefused,
    Outcome,
    ProveEmail,
    Query,
    RegistrationCard,
    RegistrationReleased,
    RegistrationsAnswer,
    RegistrationStatus,
    RequestCode,
    SeatClaimed,
    SeatHeld,
    TransferRefused,
    Unlink,
    WaitingListed,
    derived_id,
)
from contracts.people import HOLD_MINUTES
from conversation.dialogue.turn import ChatCommand
from conversation.replay.people import Person
from conversation.texts import Language

Manner = Literal["answers", "slow", "silent"]
"""`slow`: questions are answered, commands wait. `silent`: neither."""

SPACE = UUID("2f0a5a6e-37c2-5d1a-8b55-0b6f9b3f7a10")
"""The namespace of ids that nobody but a replay sees."""
OFFER_TIME = timedelta(hours=12)
"""How long a freed seat is kept for the first in line."""
HOLD_TIME = timedelta(minutes=HOLD_MINUTES)
"""How long a seat is kept for somebody who has yet to prove an address."""
LISTED_AFTER_START_MAX = timedelta(hours=24)
"""A seat at an event that began longer ago is not listed any more."""
TOLD_WHILE: dict[NoticeKind, tuple[EventStatus, tuple[RegistrationStatus, ...]]] = {
    "reminder-24h": ("published", ("confirmed",)),
    "reminder-1h": ("published", ("confirmed",)),
    "event-changed": ("published", ("confirmed", "waiting", "offered")),
    "event-cancelled": ("cancelled", ("confirmed", "waiting", "offered")),
    "seat-offered": ("published", ("offered",)),
    "offer-expired": ("published", ("cancelled",)),
    "seat-confirmed": ("published", ("confirmed",)),
    "place-in-line": ("published", ("waiting",)),
    "registration-cancelled": ("published", ("cancelled",)),
}
"""What has to be true of event and registration. Transfers need somebody else: none is told."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What is known, and since when not for certain."""

    answer: BaseModel | None
    last_known_at: datetime | None = None


SILENCE = Answered(None)


class PlayedRegistry:
    """Events, and what one person has at them. Other people are numbers on the events."""

    def __init__(
        self,
        address: Address,
        events: Iterable[EventCard] = (),
        registrations: Iterable[RegistrationCard] = (),
    ) -> None:
        self.address = address
        self.manner: Manner = "answers"
        self.person = Person()
        self.proof_by_email = False
        """Whether there is a mail server, so that a seat is only held before the proof."""
        self.events = {event.id: event for event in events}
        self._registrations = {one.id: one for one in registrations}
        self._outcomes: dict[UUID, Outcome] = {}
        self._last_known: dict[Query, Answered] = {}

    def named(self, title_or_code: str) -> EventCard:
        """The event of this title or code.

        Raises:
            KeyError: there is none.
        """
        for event in self.events.values():
            if title_or_code in (event.title, event.code):
                return event
        raise KeyError(title_or_code)

    @property
    def registrations(self) -> tuple[RegistrationCard, ...]:
        """What the person has, the soonest first, with each event as it is now."""
        theirs = (self._now(one) for one in self._registrations.values())
        kept = (one for one in theirs if one.status != "cancelled")
        return tuple(sorted(kept, key=lambda one: one.event.starts_at))

    def registration_at(self, event: EventCard) -> RegistrationCard | None:
        """The seat, offer or place in line that the person has at this event."""
        return next((one for one in self.registrations if one.event.id == event.id), None)

    def last_registration_at(self, event: EventCard) -> RegistrationCard | None:
        """The same, or the last that ended."""
        theirs = (self._now(one) for one in self._registrations.values())
        return next((one for one in reversed([*theirs]) if one.event.id == event.id), None)

    def has(self, registration: RegistrationCard) -> None:
        """The person had this before the chat began."""
        self._registrations[registration.id] = registration
        self.person.known = True

    def change(self, event: EventCard, **values: object) -> EventCard:
        """Change an event, as an organiser or other people do."""
        changed = EventCard.model_validate(
            {**event.model_dump(), "version": event.version + 1, **values}
        )
        self.events[changed.id] = changed
        return changed

    def offer(self, event: EventCard, now: datetime) -> RegistrationCard:
        """A seat comes free for this person, who is the first in line."""
        waiting = self.registration_at(event)
        assert waiting is not None
        assert waiting.status == "waiting"
        self.change(event, waiting=max(0, event.waiting - 1))
        return self._replace(
            waiting, status="offered", position=None, offer_expires_at=now + OFFER_TIME
        )

    def expire(self, event: EventCard) -> RegistrationCard:
        """The seat was kept long enough, and goes to the next."""
        offered = self.registration_at(event)
        assert offered is not None
        assert offered.status == "offered"
        return self._replace(offered, status="cancelled")

    def send_code(self, request: RequestCode, now: datetime) -> None:
        """Somebody asks for a code."""
        self.person.send_code(request, now)

    def confirm_held(self, now: datetime) -> tuple[RegistrationCard, ...]:
        """The held seats are theirs."""
        self._end_holds(now)
        return tuple(
            self._replace(one, status="confirmed", ticket=_ticket(one.event), hold_expires_at=None)
            for one in self.registrations
            if one.status == "held"
        )

    def join(self, brought: Iterable[RegistrationCard]) -> int:
        """Two people are one: of two registrations at an event the one from elsewhere is kept."""
        freed = 0
        for one in brought:
            own = self.registration_at(one.event)
            if own is not None:
                self._give_up(own)
                freed += 1
            self._registrations[one.id] = one
        return freed

    def part(self) -> None:
        """The chat has none of them any more."""
        self._registrations.clear()

    def give_up_all(self) -> int:
        """The person has none of them any more; how many others may have."""
        gone = self.registrations
        for one in gone:
            self._give_up(one)
        self._registrations.clear()
        return len(gone)

    def answer(self, query: Query, now: datetime) -> Answered:
        """What is known of this at that time; of events also what was known last."""
        self._end_holds(now)
        if self.manner == "silent":
            return self._as_it_was(query)
        said = self._say(query, now)
        self._last_known[query] = Answered(said, now)
        return Answered(said)

    def _as_it_was(self, query: Query) -> Answered:
        if isinstance(query, ListEvents):
            return self._last_known.get(query, SILENCE)
        listed = self._last_known.get(ListEvents(), SILENCE)
        if not isinstance(query, FindEvent) or not isinstance(listed.answer, EventsAnswer):
            return SILENCE
        card = next((one for one in listed.answer.events if one.code == query.code), None)
        in_the_list = SILENCE if card is None else replace(listed, answer=EventAnswer(event=card))
        return self._last_known.get(query, in_the_list)

    def _say(self, query: Query, now: datetime) -> BaseModel:
        match query:
            case ListEvents():
                listed = (one for one in self.events.values() if one.status == "published")
                coming = (one for one in listed if one.starts_at > now)
                return EventsAnswer(events=tuple(sorted(coming, key=lambda one: one.starts_at)))
            case FindEvent():
                code = (query.code or "").strip().upper()
                found = (one for one in self.events.values() if one.code == code)
                return EventAnswer(event=next(found, None))
            case ListRegistrations():
                theirs = self.registrations if query.address == self.address else ()
                return RegistrationsAnswer(
                    registrations=tuple(one for one in theirs if _is_listed(one, now)),
                    known=self.person.known,
                    proof_by_email=self.proof_by_email,
                )
            case FindNotice():
                return self._notice_answer(query.kind, query.registration_id, "en")
        raise AssertionError(f"nobody should ask {query.subject}")

    def notice(
        self, kind: NoticeKind, about: RegistrationCard, language: Language, now: datetime
    ) -> tuple[NoticeDue, NoticeAnswer]:
        """What makes the person be told this, and what the registry answers when asked for it."""
        due = NoticeDue(
            id=uuid5(SPACE, f"{kind} {about.id} {now.isoformat()}"),
            occurred_at=now,
            correlation_id=about.id,
            kind=kind,
            registration_id=about.id,
            event_id=about.event.id,
            event_version=about.event.version,
            expires_at=about.offer_expires_at or about.event.starts_at,
        )
        return due, self._notice_answer(kind, about.id, language)

    def carry_out(self, command: ChatCommand, now: datetime) -> Outcome:
        """Decide; a repeated command has the outcome that it had."""
        self._end_holds(now)
        if command.id not in self._outcomes:
            self._outcomes[command.id] = self._decide(command, now)
        return self._outcomes[command.id]

    def _decide(self, command: ChatCommand, now: datetime) -> Outcome:
        match command:
            case ClaimSeat():
                return self._claim(command, now)
            case CancelRegistration():
                return self._release(command.registration_id, now)
            case AcceptOffer():
                return self._accept(command.registration_id, now)
            case AcceptTransfer() | DropTransfer():
                return TransferRefused(reason="not-offered")
            case ProveEmail() | Unlink() | DisownLink() | ForgetPerson():
                return self.person.decide(command, self, now)

    def _claim(self, claim: ClaimSeat, now: datetime) -> Outcome:
        event = self.events.get(claim.event_id)
        if event is None:
            return ClaimRefused(reason="unknown-event")
        if event.status == "cancelled":
            return ClaimRefused(reason="cancelled", event=event)
        if event.status == "draft":
            return ClaimRefused(reason="draft", event=event)
        if event.status == "finished" or event.starts_at <= now:
            return ClaimRefused(reason="started", event=event)
        if event.registration_opens_at is not None and now < event.registration_opens_at:
            return ClaimRefused(reason="not-yet-open", event=event)
        if event.registration_closes_at is not None and event.registration_closes_at <= now:
            return ClaimRefused(reason="closed", event=event)
        if (held := self.registration_at(event)) is not None:
            if held.status == "held":
                return SeatHeld(registration=held, already=True)
            if held.status == "confirmed":
                return SeatClaimed(registration=held, already=True)
            return WaitingListed(registration=held, already=True)
        self.person.known = True
        return self._take_in(event, claim.name, derived_id(claim.id, "registration"), now)

    def _take_in(
        self, event: EventCard, name: str, registration_id: UUID, now: datetime
    ) -> Outcome:
        waits = event.seats_left == 0 or event.waiting > 0
        if self.proof_by_email and self.person.proven is None and not waits:
            return self._hold(event, name, registration_id, now)
        if waits:
            event = self.change(event, waiting=event.waiting + 1)
        else:
            event = self.change(event, seats_left=event.seats_left - 1)
        registration = RegistrationCard(
            id=registration_id,
            event=event,
            status="waiting" if waits else "confirmed",
            ticket=None if waits else _ticket(event),
            name=name,
            position=event.waiting if waits else None,
        )
        self._registrations[registration.id] = registration
        return (
            WaitingListed(registration=registration)
            if waits
            else SeatClaimed(registration=registration)
        )

    def _hold(self, event: EventCard, name: str, registration_id: UUID, now: datetime) -> Outcome:
        held = RegistrationCard(
            id=registration_id,
            event=self.change(event, seats_left=event.seats_left - 1),
            status="held",
            name=name,
            hold_expires_at=min(now + HOLD_TIME, event.starts_at),
        )
        self._registrations[held.id] = held
        return SeatHeld(registration=held)

    def _end_holds(self, now: datetime) -> None:
        for one in self.registrations:
            if one.hold_expires_at is not None and one.hold_expires_at <= now:
                self._give_up(one)

    def _give_up(self, one: RegistrationCard) -> None:
        self._replace(one, status="cancelled", hold_expires_at=None)
        self._room_after(one)

    def _release(self, registration_id: UUID, now: datetime) -> Outcome:
        held = self._registrations.get(registration_id)
        if held is None:
            return CancellationRefused(reason="not-yours")
        held = self._now(held)
        if held.event.starts_at <= now:
            return CancellationRefused(reason="started", event=held.event)
        if held.status == "cancelled":
            return RegistrationReleased(registration_id=held.id, event=held.event, already=True)
        self._replace(held, status="cancelled")
        event = self._room_after(held)
        return RegistrationReleased(registration_id=held.id, event=event, was=held.status)

    def _room_after(self, left: RegistrationCard) -> EventCard:
        event = left.event
        if left.status == "waiting":
            return self.change(event, waiting=max(0, event.waiting - 1))
        # A freed seat is offered to the first who waits.
        return event if event.waiting else self.change(event, seats_left=event.seats_left + 1)

    def _accept(self, registration_id: UUID, now: datetime) -> Outcome:
        held = self._registrations.get(registration_id)
        if held is None:
            return OfferRefused(reason="not-yours")
        held = self._now(held)
        if held.status == "confirmed":
            return SeatClaimed(registration=held, already=True)
        if held.event.status == "cancelled":
            return OfferRefused(reason="cancelled", event=held.event)
        if held.event.starts_at <= now:
            return OfferRefused(reason="started", event=held.event)
        if held.status == "cancelled":
            return OfferRefused(reason="expired", event=held.event)
        if held.status != "offered":
            return OfferRefused(reason="not-offered", event=held.event)
        seat = self._replace(
            held, status="confirmed", ticket=_ticket(held.event), offer_expires_at=None
        )
        return SeatClaimed(registration=seat)

    def _notice_answer(
        self, kind: NoticeKind, registration_id: UUID, language: Language
    ) -> NoticeAnswer:
        about = self._registrations.get(registration_id)
        if about is None:
            return NoticeAnswer()
        about = self._now(about)
        event_status, statuses = TOLD_WHILE.get(kind, ("published", ()))
        if about.event.status != event_status or about.status not in statuses:
            return NoticeAnswer()
        return NoticeAnswer(
            address=self.address,
            language=language,
            registration=about,
            expires_at=about.offer_expires_at,
        )

    def _replace(self, registration: RegistrationCard, **values: object) -> RegistrationCard:
        replaced = RegistrationCard.model_validate({**registration.model_dump(), **values})
        self._registrations[replaced.id] = replaced
        return replaced

    def _now(self, registration: RegistrationCard) -> RegistrationCard:
        event = self.events.get(registration.event.id, registration.event)
        return registration.model_copy(update={"event": event})


def _is_listed(registration: RegistrationCard, now: datetime) -> bool:
    event = registration.event
    if event.status != "published":
        return False
    # Nobody is in line for what has begun.
    over_at = LISTED_AFTER_START_MAX if registration.status == "confirmed" else timedelta()
    return now < event.starts_at + over_at


def _ticket(event: EventCard) -> str:
    return f"T1.{event.code}.replayed"
