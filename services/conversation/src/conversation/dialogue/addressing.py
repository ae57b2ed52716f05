"""The question for the e-mail address, and for a word on what looks like a slip in it."""

from dataclasses import replace

from conversation.dialogue import confirming, sending
from conversation.dialogue.people import email_of, meant_email, suggested_email
from conversation.dialogue.signposts import to_events, ways_out
from conversation.dialogue.state import Context, Offer, Proof, Stage
from conversation.dialogue.turn import Prompt, Reply, Turn

_NO_DOUBT: dict[str, object] = {"typed_email": None, "suggested_email": None}


def to_email(turn: Turn, context: Context) -> Reply:
    """Open the question for the e-mail address."""
    context = context.model_copy(update={**_NO_DOUBT, "token": turn.new_token})
    return ask_email(turn.at(_here(turn), context))


def to_linking(turn: Turn, proof: Proof) -> Reply:
    """Open the question for the address that somebody is registered with."""
    context = turn.state.context.looking_at(turn.state.context.event)
    context = context.model_copy(update={"token": turn.new_token})
    there = turn.at(Stage.LINKING, context)
    return ask_email(there.on(there.state.proving(proof)))


def greet_and_ask(turn: Turn, context: Context) -> Reply:
    """The same, to somebody who has just said a name."""
    asked = to_email(turn, context)
    if asked.prompt is None or context.email is not None:
        return asked
    greeted = replace(asked.prompt, text=turn.say("email.ask", name=context.name))
    return replace(asked, prompt=greeted)


def ask_email(turn: Turn) -> Reply:
    """The question for the address, for a word on a suspected slip, or whether to keep it."""
    context = turn.state.context
    if context.suggested_email is not None:
        return _ask_about_slip(turn, context.suggested_email)
    if turn.state.stage is Stage.LINKING:
        return _ask_where_registered(turn)
    if context.email is not None:
        keep_id = f"mail-keep:{context.token}"
        keep = Offer(id=keep_id, label=turn.say("button.keep-email"), role="yes")
        text = turn.say("email.ask-or-keep", name=context.name, email=context.email)
        return turn.ends(Prompt(text, (keep, *ways_out(turn))))
    return turn.ends(Prompt(turn.say("email.ask-again"), ways_out(turn)))


def take_suggested_email(turn: Turn, _token: str) -> Reply:
    """The corrected address was meant."""
    return _addressed(turn, turn.state.context.suggested_email)


def keep_email(turn: Turn, _token: str) -> Reply:
    """The address was meant as it was typed, or is to stay as it was."""
    return _addressed(turn, turn.state.context.typed_email or turn.state.context.email)


def typed_email(turn: Turn, text: str) -> Reply:
    """An address was typed."""
    email = email_of(text)
    meant = meant_email(text) if email is None else suggested_email(email)
    if meant is not None:
        doubted = {"typed_email": email, "suggested_email": meant, "token": turn.new_token}
        context = turn.state.context.model_copy(update=doubted)
        return ask_email(turn.at(_here(turn), context))
    return _again(turn) if email is None else _addressed(turn, email)


def back(turn: Turn) -> Reply | None:
    """From the word on a slip to the question itself; None when that is open already."""
    context = turn.state.context
    return None if context.suggested_email is None else to_email(turn, context)


def _ask_where_registered(turn: Turn) -> Reply:
    proof, token = turn.state.proof, turn.state.context.token
    if proof is not None and proof.email is not None:
        return turn.ends(Prompt(turn.say("email.ask-again"), ways_out(turn)))
    leave = Offer(id=f"leave:{token}", label=turn.say("button.cancel"), role="back")
    return turn.ends(Prompt(turn.say("link.ask"), (to_events(turn), leave)))


def _ask_about_slip(turn: Turn, suggested: str) -> Reply:
    """What cannot be an address as it was typed can only be typed again."""
    context = turn.state.context
    fix_id, keep_id = f"mail-fix:{context.token}", f"mail-keep:{context.token}"
    fix = Offer(id=fix_id, label=turn.say("button.use-suggestion"), role="yes")
    text = turn.say("email.suggest", suggested=suggested)
    if context.typed_email is None:
        again = Offer(id=f"back:{context.token}", label=turn.say("button.type-again"), role="no")
        leave = Offer(id=f"leave:{context.token}", label=turn.say("button.cancel"))
        return turn.ends(Prompt(text, (fix, again, leave)))
    keep = Offer(id=keep_id, label=turn.say("button.keep-typed"), role="no")
    back_ = Offer(id=f"back:{context.token}", label=turn.say("button.back"), role="back")
    return turn.ends(Prompt(text, (fix, keep, back_)))


def _addressed(turn: Turn, email: str | None) -> Reply:
    if email is None:
        return ask_email(turn)
    if turn.state.stage is Stage.LINKING:
        return sending.to_verifying(turn, turn.state.proof or Proof(then="my"), email)
    return confirming.to_confirming(turn, turn.state.context.model_copy(update={"email": email}))


def _here(turn: Turn) -> Stage:
    """Which of the two questions for an address it is."""
    return Stage.LINKING if turn.state.stage is Stage.LINKING else Stage.ENTERING_EMAIL


def _again(turn: Turn) -> Reply:
    """The sentence itself asks again; the ways on are the question's."""
    asked = to_email(turn, turn.state.context)
    assert asked.prompt is not None
    return Reply(asked.state, Prompt(turn.say("email.bad"), asked.prompt.offers))
