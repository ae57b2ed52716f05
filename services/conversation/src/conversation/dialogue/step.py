"""The dialogue as one pure function: what was said or what came of it → what is owed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from contracts import (
    Address,
    ChangePreferences,
    ChatBlocked,
    ChatUnblocked,
    ChoiceTapped,
    CommandOutcome,
    InboundItem,
    InboundMessage,
    MessageEdited,
    MessageRevoked,
    OutboundMessage,
    Priority,
    ReactionSent,
    Sender,
    TextSaid,
    derived_id,
)
from contracts import Choice as OutboundChoice
from conversation.dialogue import asides, choices, outcomes
from conversation.dialogue.facts import Facts, RegistrySilent
from conversation.dialogue.signposts import silent
from conversation.dialogue.state import Stage, State
from conversation.dialogue.turn import ChatCommand, Prompt, Reply, Turn
from conversation.dialogue.understanding import choice_of
from conversation.texts import Language

KEPT_MAX = 5
"""Things said while waiting that are kept; more would not fit the chat's document."""
KEPT_BYTES_MAX = 16 * 1024
PATIENCE = timedelta(seconds=10)
"""After this much waiting the person is told that it takes longer."""

Owed = OutboundMessage | ChatCommand | ChangePreferences

_UNANSWERED = (MessageEdited, MessageRevoked, ReactionSent, ChatBlocked, ChatUnblocked)
_RUSSIAN_PREFIXES = ("RU.", "KZ.", "BY.")


@dataclass(frozen=True, slots=True)
class Step:
    """The chat afterwards, and what is owed for it, in this order."""

    state: State
    owed: tuple[Owed, ...]


def is_ignored(item: InboundItem) -> bool:
    """Whether it leaves no trace: nobody waits for an answer to it."""
    if isinstance(item, CommandOutcome):
        return False
    # Telegram's groups have negative ids; a dialogue with one person makes no sense there.
    group = item.address.platform == "telegram" and item.address.chat_id.startswith("-")
    return group or isinstance(item.content, _UNANSWERED)


def new_chat(item: InboundItem) -> State:
    """A chat that is heard of for the first time."""
    sender = item.sender if isinstance(item, InboundMessage) else Sender()
    return State(language=_language_of(item.address, sender))


def step(state: State, item: InboundItem, facts: Facts, now: datetime) -> Step:
    """Take one step.

    Raises:
        FactMissing: `facts` lack an answer that this step needs.
    """
    if isinstance(item, CommandOutcome):
        return _after_outcome(state, item, facts, now)
    if is_ignored(item):
        return Step(state, ())
    if state.waiting is not None:
        return _while_waiting(state.heard(item.sent_at), item, now)
    return _answer(state, item, facts, now)


def _answer(state: State, item: InboundMessage, facts: Facts, now: datetime) -> Step:
    turn = Turn(
        state=state.heard(item.sent_at),
        cause=item.id,
        correlation_id=item.correlation_id,
        address=item.address,
        sender=item.sender,
        facts=facts,
        now=now,
    )
    try:
        reply = _reply(turn, item)
    except RegistrySilent:
        reply = silent(turn, "here")
    return _owing(reply, turn, ordinal=0 if reply.command is None else 1, priority="reply")


def _reply(turn: Turn, item: InboundMessage) -> Reply:
    content = item.content
    if isinstance(content, ChoiceTapped):
        return choices.choose(turn, content.choice_id)
    if isinstance(content, TextSaid):
        if (choice_id := _meant(turn.state, content)) is not None:
            return choices.choose(turn, choice_id)
        return choices.typed(turn, content.text)
    return asides.no_answer(turn, content)


def _after_outcome(state: State, item: CommandOutcome, facts: Facts, now: datetime) -> Step:
    """Tell the outcome, then answer what was said meanwhile, up to the next command."""
    turn = Turn(
        state=state,
        cause=item.id,
        correlation_id=item.correlation_id,
        address=item.address,
        sender=Sender(),
        facts=facts,
        now=now,
    )
    waiting = state.waiting
    if waiting is None or waiting.command_id != item.command_id:
        # Late, or of a chat that we have forgotten: still the truth, but no answer to the question
        # that is open now, so the chat stays where it is.
        late = outcomes.tell(turn, item.outcome, None)
        told = _owing(late, turn, ordinal=0, priority="transactional")
        return Step(state, told.owed)
    reply = outcomes.tell(turn.on(state.answered()), item.outcome, waiting)
    done = _owing(reply, turn, ordinal=0, priority="transactional")
    while done.state.kept and done.state.waiting is None:
        first, *others = done.state.kept
        answered = _answer(done.state.keeping(tuple(others)), first, facts, now)
        done = Step(answered.state, done.owed + answered.owed)
    return done


def _while_waiting(state: State, item: InboundMessage, now: datetime) -> Step:
    """Keep what is said until the outcome is here; the same wish again needs no second answer."""
    assert state.waiting is not None
    if _meant(state, item.content) == state.waiting.choice_id:
        return Step(state, ())
    kept = (*state.kept, item)
    size_bytes = sum(len(one.model_dump_json().encode()) for one in kept)
    turn = Turn(
        state=state,
        # Apart from the ids of its later answer.
        cause=derived_id(item.id, "wait"),
        correlation_id=item.correlation_id,
        address=item.address,
        sender=item.sender,
        facts=Facts(),
        now=now,
    )
    if len(kept) > KEPT_MAX or size_bytes > KEPT_BYTES_MAX:
        return _said_aside(turn, turn.say("wait.enough"))
    if not state.waiting.told and now - state.waiting.since >= PATIENCE:
        return _said_aside(turn.on(state.keeping(kept).told_to_wait()), turn.say("wait.kept"))
    return Step(state.keeping(kept), ())


def _said_aside(turn: Turn, sentence: str) -> Step:
    said = _owing(turn.ends(Prompt(sentence)), turn, ordinal=0, priority="reply")
    # The choices of the prompt before it are still the ones on offer.
    return Step(turn.state, said.owed)


def _meant(state: State, content: object) -> str | None:
    if isinstance(content, ChoiceTapped):
        return content.choice_id
    if isinstance(content, TextSaid):
        free_text = state.stage in (Stage.ENTERING_NAME, Stage.ENTERING_EMAIL)
        return choice_of(content.text, state.offered, free_text=free_text)
    return None


def _owing(reply: Reply, turn: Turn, *, ordinal: int, priority: Priority) -> Step:
    owed: list[Owed] = [*reply.beside, *([] if reply.command is None else [reply.command])]
    if reply.prompt is None:
        return Step(reply.state, tuple(owed))
    owed.append(
        _message(
            reply.prompt,
            message_id=derived_id(turn.cause, ordinal),
            turn=turn,
            language=reply.state.language,
            priority=priority,
        )
    )
    offered = reply.state.offering(reply.prompt.offers) if reply.prompt.offers else reply.state
    return Step(offered, tuple(owed))


def _message(
    prompt: Prompt, *, message_id: UUID, turn: Turn, language: Language, priority: Priority
) -> OutboundMessage:
    return OutboundMessage(
        id=message_id,
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        address=turn.address,
        priority=priority,
        language=language,
        text=prompt.text,
        choices=tuple(
            OutboundChoice(id=offer.id, label=offer.label, description=offer.description)
            for offer in prompt.offers
        ),
        choices_label=prompt.choices_label,
        document=prompt.document,
        heard_at=turn.state.heard_at,
    )


def _language_of(address: Address, sender: Sender) -> Language:
    """Telegram says it; WhatsApp's people are guessed from the country of number or id."""
    if address.platform == "telegram":
        return "ru" if (sender.language or "").casefold().startswith("ru") else "en"
    number = (sender.phone or address.chat_id).removeprefix("+")
    return "ru" if number.startswith("7") or address.chat_id.startswith(_RUSSIAN_PREFIXES) else "en"
