"""The dialogue as one pure function: what was said or what came of it → what is owed."""

from dataclasses import replace
from datetime import datetime

from contracts import (
    ChatBlocked,
    ChatMoved,
    ChatUnblocked,
    ChoiceTapped,
    CommandOutcome,
    InboundMessage,
    MarketingPreferred,
    MediaSent,
    MessageEdited,
    MessageRevoked,
    OtherSent,
    ReactionSent,
    Sender,
    TextSaid,
)
from conversation.dialogue import asides, choices, codes, forgetting, idle, outcomes, proving
from conversation.dialogue.facts import Facts, RegistrySilent
from conversation.dialogue.languages import guess_of
from conversation.dialogue.last_known import as_it_was
from conversation.dialogue.meanwhile import meanwhile
from conversation.dialogue.owing import Step, owing, said_aside
from conversation.dialogue.pace import paced
from conversation.dialogue.signposts import silent
from conversation.dialogue.state import Stage, State
from conversation.dialogue.turn import Reply, Turn
from conversation.dialogue.understanding import choice_of

Heard = InboundMessage | CommandOutcome
"""What a step is taken for."""

_FREE_TEXT = (Stage.ENTERING_NAME, Stage.ENTERING_EMAIL, Stage.LINKING)
_UNANSWERED = (
    MessageRevoked,
    ReactionSent,
    ChatBlocked,
    ChatUnblocked,
    MarketingPreferred,
    ChatMoved,
)


def is_ignored(item: Heard) -> bool:
    """Whether it leaves no trace: nobody waits for an answer to it."""
    if isinstance(item, CommandOutcome):
        return False
    # Telegram's groups have negative ids; a dialogue with one person makes no sense there.
    group = item.address.platform == "telegram" and item.address.chat_id.startswith("-")
    # A live location is "edited" every few seconds, without a word in it.
    wordless = isinstance(item.content, MessageEdited) and not item.content.text
    # A note of WhatsApp's own on the person, such as a new security code.
    noted = isinstance(item.content, OtherSent) and item.content.type.startswith("system.")
    return group or wordless or noted or isinstance(item.content, _UNANSWERED)


def new_chat(item: Heard) -> State:
    """A chat that is heard of for the first time."""
    sender = item.sender if isinstance(item, InboundMessage) else Sender()
    content = item.content if isinstance(item, InboundMessage) else None
    said = content.text if isinstance(content, TextSaid) else ""
    return State(language=guess_of(item.address, sender, said).language)


def step(state: State, item: Heard, facts: Facts, now: datetime) -> Step:
    """Take one step.

    Raises:
        FactMissing: `facts` lack an answer that this step needs.
    """
    if isinstance(item, CommandOutcome):
        return _after_outcome(state, item, facts, now)
    if is_ignored(item):
        return Step(state, ())
    within = paced(state, item.sent_at, now)
    if within is None:
        return _one_too_many(state, item, now)
    if state.waiting is not None:
        heard = within.heard(item.sent_at)
        return meanwhile(heard, item, _meant(heard, item.content), facts, now)
    return _answer(within, item, facts, now)


def _one_too_many(state: State, item: InboundMessage, now: datetime) -> Step:
    """It is not read: said once in a flood, and once only."""
    if state.flooded:
        return Step(state, (), shed=True)
    turn = Turn(
        state=state.in_a_flood(),
        cause=item.id,
        correlation_id=item.correlation_id,
        address=item.address,
        sender=item.sender,
        facts=Facts(),
        now=now,
        provider_id=item.provider_id,
    )
    return replace(said_aside(turn, turn.say("pace.too-fast")), shed=True)


def _answer(state: State, item: InboundMessage, facts: Facts, now: datetime) -> Step:
    state = idle.awake(state, item.sent_at)
    turn = Turn(
        state=state.heard(item.sent_at),
        cause=item.id,
        correlation_id=item.correlation_id,
        address=item.address,
        sender=item.sender,
        facts=facts.afresh(),
        now=now,
        provider_id=item.provider_id,
    )
    try:
        reply = as_it_was(turn, _reply(turn, item))
    except RegistrySilent:
        reply = silent(turn, _meant(turn.state, item.content))
    reply = idle.resumed(reply, state, turn, item.sent_at)
    return owing(reply, turn, ordinal=0 if reply.command is None else 1, priority="reply")


def _reply(turn: Turn, item: InboundMessage) -> Reply:
    content = item.content
    if (choice_id := _meant(turn.state, content)) is not None:
        return choices.choose(turn, choice_id)
    if isinstance(content, TextSaid):
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
        told = owing(late, turn, ordinal=0, priority="transactional")
        return Step(state, told.owed)
    reply = outcomes.tell(turn.on(state.answered()), item.outcome, waiting)
    # What waited for a proof goes on in the same turn, with a command of its own.
    ordinal = 0 if reply.command is None else 1
    done = owing(reply, turn, ordinal=ordinal, priority="transactional")
    while done.state.kept and done.state.waiting is None:
        first, *others = done.state.kept
        answered = _answer(done.state.keeping(tuple(others)), first, facts, now)
        done = Step(answered.state, done.owed + answered.owed)
    return done


def _meant(state: State, content: object) -> str | None:
    if isinstance(content, ChoiceTapped):
        return content.choice_id
    if isinstance(content, TextSaid):
        own = proving.code_meant(state, content.text) or forgetting.meant(state, content.text)
        if own is not None:
            return own
        free_text = state.stage in _FREE_TEXT
        return choice_of(content.text, state.offered, free_text=free_text)
    if isinstance(content, MediaSent) and content.caption:
        # A poster is sent as a picture, too.
        code = codes.certain_code(content.caption) or codes.bracketed_code(content.caption)
        return None if code is None else f"ev:{code}"
    return None
