"""A transcript played with the dialogue of today."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid5

from contracts import (
    Address,
    ChoiceTapped,
    ClaimSeat,
    CommandFailed,
    CommandOutcome,
    Content,
    EventCard,
    InboundMessage,
    MediaSent,
    MessageEdited,
    OtherSent,
    OutboundMessage,
    ReactionSent,
    RegistrationCard,
    RequestCode,
    Sender,
    TextSaid,
    derived_id,
)
from contracts.inbound import ContactShared
from conversation import notices
from conversation.dialogue import State, new_chat
from conversation.dialogue.turn import ChatCommand
from conversation.replay.people import Elsewhere
from conversation.replay.registry import SPACE, PlayedRegistry
from conversation.replay.taking import take
from conversation.replay.transcript import (
    Heard,
    Meanwhile,
    Notice,
    Sent,
    ToldEvent,
    ToldRegistration,
    Transcript,
    Turn,
)

BETWEEN_TURNS = timedelta(seconds=5)
ACCOUNTS = {"telegram": "123456", "whatsapp": "106540352242922"}
RUSSIAN_NUMBER, OTHER_NUMBER = "70000000001", "440000000001"
CUT_OFF = "…"
"""What platforms put where a label was too long for them."""


class CannotPlay(Exception):
    """The transcript asks for what its world does not have."""


@dataclass(frozen=True, slots=True)
class Played:
    """A transcript with today's answers."""

    transcript: Transcript
    names: frozenset[str]
    """What the person was called, for whoever must see to it that it is nobody's name."""


def play(transcript: Transcript) -> Played:
    """Do again all that was done.

    Raises:
        CannotPlay: it is about an event or a registration that is not there.
    """
    chat = _Chat(transcript)
    turns = tuple(
        turn.model_copy(update={"hears": tuple(map(_heard, chat.plays(turn)))})
        for turn in transcript.turns
    )
    return Played(transcript.model_copy(update={"turns": turns}), frozenset(chat.names))


class _Chat:
    """One person, the bot, and the registry."""

    def __init__(self, transcript: Transcript) -> None:
        is_telegram = transcript.platform == "telegram"
        usual = RUSSIAN_NUMBER if transcript.language.startswith("ru") else OTHER_NUMBER
        phone = (transcript.phone or usual).removeprefix("+")
        self._address = Address(
            platform=transcript.platform,
            account=ACCOUNTS[transcript.platform],
            chat_id="1" if is_telegram else phone,
        )
        self._sender = Sender(
            name=transcript.name,
            language=transcript.language if is_telegram else None,
            phone=None if is_telegram else phone,
        )
        self._now = transcript.clock
        self._registry = PlayedRegistry(self._address, map(_card, transcript.events))
        for number, one in enumerate(transcript.registrations):
            self._registry.has(self._registration_of(number, one))
        self._registry.proof_by_email = transcript.proof_by_email
        if (told := transcript.elsewhere) is not None:
            theirs = (
                self._registration_of(len(transcript.registrations) + number, one)
                for number, one in enumerate(told.registrations)
            )
            self._registry.person.elsewhere = Elsewhere(
                told.email, told.platform, told.name, tuple(theirs)
            )
        self._state: State | None = None
        self._outstanding: list[ChatCommand] = []
        self._fails = False
        self._shown: list[OutboundMessage] = []
        self._count = 0
        self.names = {one.name for one in transcript.registrations} | {transcript.name or ""}

    def plays(self, turn: Turn) -> list[OutboundMessage]:
        """One turn, until nothing more comes of it."""
        before = len(self._shown)
        if turn.passes is not None:
            self._now += turn.passes
        elif turn.meanwhile is not None:
            self._meanwhile(turn.meanwhile)
        elif (content := self._content(turn)) is not None:
            self._now += BETWEEN_TURNS
            self._take(self._message(content))
        else:
            self._count += 1
            offered = "nobody offers this choice now"
            return [self._outside(offered)]
        self._carry_out()
        return self._shown[before:]

    def _content(self, turn: Turn) -> Content | None:
        if turn.says is not None:
            return TextSaid(text=turn.says)
        if turn.edits is not None:
            return MessageEdited(text=turn.edits)
        if turn.sends is not None:
            return _sent(turn.sends)
        assert turn.taps is not None
        return self._tapped(turn.taps)

    def _tapped(self, label: str) -> ChoiceTapped | None:
        newest_first = [one for message in reversed(self._shown) for one in message.choices]
        for choice in newest_first:
            if choice.label == label:
                return ChoiceTapped(choice_id=choice.id, label=label)
        beginning = label.removesuffix(CUT_OFF)
        if beginning != label:
            for choice in newest_first:
                if choice.label.startswith(beginning):
                    return ChoiceTapped(choice_id=choice.id, label=label)
        return None

    def _message(self, content: Content) -> InboundMessage:
        self._count += 1
        item_id = uuid5(SPACE, f"said {self._count}")
        return InboundMessage(
            id=item_id,
            occurred_at=self._now,
            correlation_id=item_id,
            address=self._address,
            sender=self._sender,
            content=content,
            sent_at=self._now,
        )

    def _take(self, item: InboundMessage | CommandOutcome) -> None:
        taken = take(self._state or new_chat(item), item, self._registry, self._now)
        self._state = taken.state
        for owed in taken.owed:
            if isinstance(owed, OutboundMessage):
                self._shown.append(owed)
            elif isinstance(owed, RequestCode):
                self._registry.send_code(owed, self._now)
            elif isinstance(owed, ChatCommand):
                self._outstanding.append(owed)
            if isinstance(owed, ClaimSeat):
                self.names.add(owed.name)
        if taken.state.context.name is not None:
            self.names.add(taken.state.context.name)

    def _carry_out(self) -> None:
        while self._outstanding and self._registry.manner == "answers":
            command = self._outstanding.pop(0)
            outcome = (
                CommandFailed() if self._fails else self._registry.carry_out(command, self._now)
            )
            self._fails = False
            self._take(
                CommandOutcome(
                    id=derived_id(command.id, "outcome"),
                    occurred_at=self._now,
                    correlation_id=command.id,
                    address=self._address,
                    command_id=command.id,
                    outcome=outcome,
                )
            )

    def _meanwhile(self, happened: Meanwhile) -> None:
        self._fails = self._fails or happened.fails
        if happened.registry is not None:
            self._registry.manner = happened.registry
        for title, values in happened.events.items():
            self._registry.change(self._event(title), **values)
        if happened.offered is not None:
            one = self._registration(happened.offered)
            self._registry.offer(one.event, self._now)
            self._tell(Notice(kind="seat-offered", event=happened.offered))
        if happened.expired is not None:
            one = self._registration(happened.expired)
            self._registry.expire(one.event)
            self._tell(Notice(kind="offer-expired", event=happened.expired))
        if happened.notice is not None:
            self._tell(happened.notice)

    def _tell(self, notice: Notice) -> None:
        about = self._registry.last_registration_at(self._event(notice.event))
        if about is None:
            raise CannotPlay(
                f"nothing is to be told about {notice.event}: nobody has a place there"
            )
        language = "en" if self._state is None else self._state.language
        due, answer = self._registry.notice(notice.kind, about, language, self._now)
        message = notices.render(due, answer)
        if message is not None:
            self._shown.append(message)

    def _registration_of(self, number: int, told: ToldRegistration) -> RegistrationCard:
        event = self._event(told.event)
        return RegistrationCard.model_validate(
            {
                **told.model_dump(exclude={"event"}),
                "id": uuid5(SPACE, f"registration {number}"),
                "event": event,
                "ticket": f"T1.{event.code}.replayed" if told.status == "confirmed" else None,
            }
        )

    def _event(self, title: str) -> EventCard:
        try:
            return self._registry.named(title)
        except KeyError:
            raise CannotPlay(f"there is no event {title}") from None

    def _registration(self, title: str) -> RegistrationCard:
        found = self._registry.registration_at(self._event(title))
        if found is None:
            raise CannotPlay(f"nobody has a place at {title}")
        return found

    def _outside(self, sentence: str) -> OutboundMessage:
        return OutboundMessage(
            id=uuid5(SPACE, f"outside {self._count}"),
            occurred_at=self._now,
            correlation_id=SPACE,
            address=self._address,
            priority="reply",
            language="en",
            text=f"({sentence})",
        )


def _card(event: ToldEvent) -> EventCard:
    return EventCard.model_validate(
        {**event.model_dump(), "id": uuid5(SPACE, f"event {event.code}"), "version": 1}
    )


def _sent(kind: Sent) -> Content:
    match kind:
        case "contact":
            return ContactShared(phone=OTHER_NUMBER, own=True)
        case "poll":
            return OtherSent(type="poll")
        case "reaction":
            return ReactionSent(emoji="👍")
        case _:
            return MediaSent(media=kind)


def _heard(message: OutboundMessage) -> Heard:
    return Heard(
        text=message.text,
        choices=tuple(choice.label for choice in message.choices),
        document=None if message.document is None else message.document.kind,
    )
