"""Silence between two things that somebody says: a recap after hours, a new start after a month."""

from datetime import datetime, timedelta

from conversation.dialogue.state import REGISTERING, Stage, State
from conversation.dialogue.turn import Reply, Turn

RECAP_AFTER = timedelta(hours=1)
"""Whoever comes back later has other things in mind than the open question."""
EXPIRES_AFTER = timedelta(days=30)
"""What was begun is forgotten then; name, address and wishes are not."""


def awake(state: State, at: datetime) -> State:
    """The chat as it is taken up by something said at this time.

    A wish that has no outcome yet, and what was said meanwhile, never expire: they are owed.
    """
    if state.waiting is not None or state.kept or state.heard_at is None:
        return state
    return state.afresh() if at - state.heard_at > EXPIRES_AFTER else state


def resumed(reply: Reply, before: State, turn: Turn, at: datetime) -> Reply:
    """The reply, begun with a recap when a registration goes on after a long silence.

    Args:
        reply: how the turn ended.
        before: the chat before it.
        turn: the turn.
        at: when the person spoke.
    """
    if before.heard_at is None or at - before.heard_at <= RECAP_AFTER:
        return reply
    goes_on = before.stage in REGISTERING and reply.state.stage in REGISTERING
    if not goes_on or reply.prompt is None or reply.command is not None:
        return reply
    if reply.prompt.document is not None:
        return reply  # looked at beside the registration; a caption holds no more (platforms.md C)
    sentence = recap(turn.on(reply.state))
    # Saying start leads to the same sentence.
    return reply if reply.prompt.text.startswith(sentence) else reply.led_by(sentence)


def recap(turn: Turn) -> str:
    """What is being done in this chat, and what is known so far."""
    context = turn.state.context
    assert context.event is not None
    doing = turn.say("recap.doing", title=context.event.title)
    if context.name is None or turn.state.stage is Stage.CONFIRMING:
        return doing  # the last question shows everything by itself
    known = context.name if context.email is None else f"{context.name}, {context.email}"
    return f"{doing} {turn.say('recap.known', known=known)}"
