"""Where a chat stands: everything that the next step depends on, and nothing else."""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from contracts import EventCard, InboundMessage, RegistrationStatus, Sender
from contracts.model import Value
from conversation.texts import Language


class Stage(StrEnum):
    """The owner's six states, and two for proof. Waiting for an outcome is no stage but
    `State.waiting`.
    """

    START = "START"
    CHOOSING_EVENT = "CHOOSING_EVENT"
    """Reading the list, or one card when `Context.event` is set."""
    ENTERING_NAME = "ENTERING_NAME"
    ENTERING_EMAIL = "ENTERING_EMAIL"
    CONFIRMING = "CONFIRMING"
    REGISTERED = "REGISTERED"
    LINKING = "LINKING"
    """Asked for the address that they are registered with."""
    VERIFYING = "VERIFYING"
    """Asked for the code that was sent to it."""


REGISTERING = frozenset({Stage.ENTERING_NAME, Stage.ENTERING_EMAIL, Stage.CONFIRMING})
"""The stages that something typed so far would be lost in."""
PROVING = frozenset({Stage.LINKING, Stage.VERIFYING})
"""The stages in which somebody shows that an address is theirs."""
ASKING = REGISTERING | PROVING
"""The stages with an open question, which is asked again after something said aside."""

Role = Literal["yes", "no", "back", "next", "previous"]


class Offer(Value):
    """One choice of the last prompt; its number, its label or its role may be typed instead."""

    id: str
    label: str
    description: str | None = None
    role: Role | None = None


class Profile(Value):
    """What a person told us at the first registration, so that nobody is asked twice."""

    name: str | None = None
    email: str | None = None
    proven: bool = False
    """They have shown in this chat that an address is theirs; that is asked for once."""


class ChosenEvent(Value):
    """What the questions need of the event, so that they can be asked while the registry rests."""

    id: UUID
    code: str
    title: str
    starts_at: AwareDatetime
    timezone: str
    location: str

    @classmethod
    def of(cls, card: EventCard) -> "ChosenEvent":
        """The part of a card that is kept."""
        return cls(
            id=card.id,
            code=card.code,
            title=card.title,
            starts_at=card.starts_at,
            timezone=card.timezone,
            location=card.location,
        )


class Context(Value):
    """A registration in the making."""

    event: ChosenEvent | None = None
    in_line: bool = False
    """Every seat was taken when this began, so that a place in the waiting list is meant."""
    name: str | None = None
    email: str | None = None
    suggested_name: str | None = None
    suggested_email: str | None = None
    typed_email: str | None = None
    """Waits for a word on the suggestion."""
    token: str | None = None
    """Names the question that is open now; buttons of older questions carry older ones."""

    def looking_at(self, event: ChosenEvent | None) -> "Context":
        """Nothing is being registered; what was typed so far is kept for the next time."""
        return Context(event=event, name=self.name, email=self.email)


class Dropping(Value):
    """A seat, or a place in line, that the person was just asked about giving up."""

    registration_id: UUID
    event: ChosenEvent
    status: RegistrationStatus = "confirmed"
    """What it was when the person was asked."""


class HeldSeat(Value):
    """A seat that is kept until the proof is there."""

    registration_id: UUID
    event: ChosenEvent
    until: AwareDatetime


class Proof(Value):
    """An address that is being shown to be theirs, and what waits for that.

    It outlasts a look around: the code may be typed wherever the chat stands by then.
    """

    email: str | None = None
    """Where the code went; None before an address was typed."""
    by: Literal["email", "messenger"] = "email"
    """How it was sent."""
    by_email: bool = True
    """Whether a code can be sent to a mailbox here."""
    then: str | None = None
    """The choice that goes on by itself after the proof."""
    claim: Context | None = None
    """The seat that is asked for again after the proof; it comes before `then`."""
    held: HeldSeat | None = None
    token: str = ""
    """Names the question for the code; buttons of older ones carry older ones."""
    asked_at: AwareDatetime | None = None
    """When the last code was asked for."""
    sender: Sender = Sender()
    """Who typed the code, for the claim that follows it."""


class Asked(Value):
    """A wish that the person was just asked about once more."""

    wish: Literal["unlink", "disown", "forget"]
    about: str
    """The token of the question, or the link that it is about."""


Wish = Literal["claim", "drop", "accept", "prove", "unlink", "disown", "forget"]
"""`drop` is also declining what was offered; `accept` takes it."""


class Waiting(Value):
    """The one command of this chat that has no outcome yet."""

    command_id: UUID
    wish: Wish
    choice_id: str
    """What was tapped for it; tapping it again is the same wish."""
    since: AwareDatetime
    told: bool = False
    """The person knows that it takes longer."""
    muted: bool | None = None
    """Said since. The registry is told once more after the outcome: it may not have known the
    person when it was told first, and the command carries what held before."""
    language: Language | None = None
    """Chosen since; the same."""


class State(Value):
    """One chat."""

    stage: Stage = Stage.START
    language: Language = "en"
    language_chosen: bool = False
    """The person said so; until then it is a guess."""
    muted: bool = False
    """Nothing but answers, until the person says start."""
    profile: Profile = Profile()
    context: Context = Context()
    dropping: Dropping | None = None
    asked: Asked | None = None
    proof: Proof | None = None
    joined_by: UUID | None = None
    """The link by which this chat became another person's."""
    offered: tuple[Offer, ...] = ()
    """The choices of the last prompt, for those who type."""
    waiting: Waiting | None = None
    kept: tuple[InboundMessage, ...] = ()
    """Said while waiting; answered in this order after the outcome."""
    heard_at: AwareDatetime | None = None
    """The platform's time of the last thing that the person said."""
    pace_at: AwareDatetime | None = None
    """When the chat is even again at the pace that is read (`pace`)."""
    flooded: bool = False
    """The person knows that some of what came at once was not read."""

    def at(self, stage: Stage, context: Context) -> "State":
        """The same chat at another stage."""
        moved = {"stage": stage, "context": context, "dropping": None, "asked": None}
        return self.model_copy(update=moved)

    def in_language(self, language: Language) -> "State":
        """The same chat in the language that the person chose."""
        return self.model_copy(update={"language": language, "language_chosen": True})

    def afresh(self) -> "State":
        """The same person at the start again: what concerns the person is kept."""
        there = self.at(Stage.START, Context())
        return there.model_copy(update={"offered": (), "proof": None})

    def forgotten(self) -> "State":
        """A chat of which nothing is known but what was said since, to be answered."""
        return State(language=self.language, kept=self.kept)

    def hushed(self, *, muted: bool) -> "State":
        """The same chat with nothing but answers, or with reminders, news and offers again."""
        return self.model_copy(update={"muted": muted})

    def offering(self, offers: tuple[Offer, ...]) -> "State":
        """After a prompt with these choices."""
        return self.model_copy(update={"offered": offers})

    def known_as(self, profile: Profile) -> "State":
        """After a registration under this name and address."""
        return self.model_copy(update={"profile": profile})

    def asked_to_drop(self, dropping: Dropping) -> "State":
        """After asking whether a seat or a place in line is to be given up."""
        return self.model_copy(update={"dropping": dropping})

    def asked_about(self, asked: Asked | None) -> "State":
        """After asking once more whether something is really wished."""
        return self.model_copy(update={"asked": asked})

    def proving(self, proof: Proof | None) -> "State":
        """With this proof under way, or none."""
        return self.model_copy(update={"proof": proof})

    def joined(self, link_id: UUID | None) -> "State":
        """After the chat became another person's, or was parted from them."""
        return self.model_copy(update={"joined_by": link_id})

    def waiting_for(
        self, command_id: UUID, wish: Wish, choice_id: str, since: datetime, *, told: bool
    ) -> "State":
        """With a command on its way."""
        waiting = Waiting(
            command_id=command_id, wish=wish, choice_id=choice_id, since=since, told=told
        )
        return self.model_copy(update={"waiting": waiting})

    def told_to_wait(self) -> "State":
        """The person knows that it takes longer."""
        assert self.waiting is not None
        return self.model_copy(update={"waiting": self.waiting.model_copy(update={"told": True})})

    def wishing(self, *, muted: bool, language: Language) -> "State":
        """What the person asked for while a command is on its way."""
        assert self.waiting is not None
        there = self
        said: dict[str, object] = {}
        if muted != self.muted:
            there, said["muted"] = there.hushed(muted=muted), muted
        if language != self.language:
            there, said["language"] = there.in_language(language), language
        waiting = self.waiting.model_copy(update=said)
        return there.model_copy(update={"waiting": waiting})

    def answered(self) -> "State":
        """The outcome is here."""
        return self.model_copy(update={"waiting": None})

    def keeping(self, kept: tuple[InboundMessage, ...]) -> "State":
        """With these things still to be answered."""
        return self.model_copy(update={"kept": kept})

    def heard(self, at: datetime) -> "State":
        """The person said something at that time; what was overtaken turns no time back."""
        return self.model_copy(update={"heard_at": max(at, self.heard_at or at)})

    def in_a_flood(self) -> "State":
        """The person knows that some of what came at once was not read."""
        return self.model_copy(update={"flooded": True})
