"""The last look at everything before a seat is asked for."""

from conversation import cards
from conversation.dialogue.state import Context, Offer, Stage
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.moments import in_words

CONSENT_TEXT_VERSION = "2026-12"
"""Names the wording of `confirm.consent`: whoever changes that sentence gives it another name."""


def to_confirming(turn: Turn, context: Context) -> Reply:
    """Open the last question."""
    context = context.model_copy(
        update={"typed_email": None, "suggested_email": None, "token": turn.new_token}
    )
    return ask_to_confirm(turn.at(Stage.CONFIRMING, context))


def ask_to_confirm(turn: Turn) -> Reply:
    """All of it on one screen."""
    context = turn.state.context
    assert context.event is not None
    text = turn.say(
        "confirm.ask",
        title=context.event.title,
        when=in_words(context.event.starts_at, context.event.timezone, turn.state.language),
        where=cards.place(turn.texts, context.event.location),
        name=context.name,
        email=context.email,
    )
    if context.in_line:
        text = f"{text}\n\n{turn.say('confirm.in-line')}"
    text = f"{text}\n\n{turn.say('confirm.consent')}"
    offers = (
        Offer(id=f"ok:{context.token}", label=turn.say("button.confirm"), role="yes"),
        Offer(id=f"change:{context.token}", label=turn.say("button.change"), role="no"),
        Offer(id=f"leave:{context.token}", label=turn.say("button.cancel")),
    )
    return turn.ends(Prompt(text, offers))
