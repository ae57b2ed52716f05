"""From a card to a claim: name, e-mail, one look at it all, and the wish for a seat or a place."""

from contracts import ClaimSeat, EventCard, derived_id
from contracts.commands import NAME_CHARACTERS_MAX, NAME_CHARACTERS_MIN
from conversation import cards
from conversation.dialogue import browsing
from conversation.dialogue.people import email_of, name_of, suggested_email
from conversation.dialogue.signposts import to_events, to_mine
from conversation.dialogue.state import (
    REGISTERING,
    ChosenEvent,
    Context,
    Offer,
    Profile,
    Stage,
    Waiting,
)
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.dialogue.understanding import is_yes_or_no
from conversation.moments import in_words


def begin(turn: Turn, code: str) -> Reply:
    """Register was tapped: known people go straight to the last look."""
    event = turn.facts.event(code)
    if event is None or not browsing.is_open(event, turn):
        return browsing.card(turn, code)
    profile = turn.state.profile
    context = Context(
        event=ChosenEvent.of(event),
        in_line=browsing.has_line(event),
        name=profile.name,
        email=profile.email,
    )
    if context.name and context.email:
        return to_confirming(turn, context)
    return to_name(turn, context)


def to_name(turn: Turn, context: Context) -> Reply:
    """Open the question for the name."""
    suggested = context.name or name_of(turn.sender.name or "")
    context = context.model_copy(update={"suggested_name": suggested, "token": turn.new_token})
    return ask_name(turn.at(Stage.ENTERING_NAME, context))


def ask_name(turn: Turn) -> Reply:
    """The question for the name, with the one we may know as one tap."""
    context = turn.state.context
    if context.suggested_name is None:
        return turn.ends(Prompt(turn.say("name.ask"), _ways_out(turn)))
    use = Offer(id=f"name:{context.token}", label=context.suggested_name, role="yes")
    return turn.ends(Prompt(turn.say("name.ask-or-tap"), (use, *_ways_out(turn))))


def take_suggested_name(turn: Turn, _token: str) -> Reply:
    """The suggested name was tapped."""
    context = turn.state.context
    if turn.state.stage is not Stage.ENTERING_NAME or context.suggested_name is None:
        return question(turn)
    return _named(turn, context.suggested_name)


def typed_name(turn: Turn, text: str) -> Reply:
    """A name was typed."""
    if is_yes_or_no(text):
        return ask_name(turn)
    if "@" in text:
        return _again(turn, turn.say("name.looks-like-email"))
    name = name_of(text)
    if name is None:
        limits = {"shortest": NAME_CHARACTERS_MIN, "longest": NAME_CHARACTERS_MAX}
        return _again(turn, turn.say("name.bad", **limits))
    return _named(turn, name)


def _named(turn: Turn, name: str) -> Reply:
    return to_email(turn, turn.state.context.model_copy(update={"name": name}))


def to_email(turn: Turn, context: Context) -> Reply:
    """Open the question for the e-mail address."""
    context = context.model_copy(
        update={"typed_email": None, "suggested_email": None, "token": turn.new_token}
    )
    return ask_email(turn.at(Stage.ENTERING_EMAIL, context))


def ask_email(turn: Turn) -> Reply:
    """The question for the address, for a word on a suspected slip, or whether to keep it."""
    context = turn.state.context
    keep_id, suggested_id = f"mail-keep:{context.token}", f"mail-fix:{context.token}"
    if context.suggested_email is not None:
        fix = Offer(id=suggested_id, label=turn.say("button.use-suggestion"), role="yes")
        keep = Offer(id=keep_id, label=turn.say("button.keep-typed"), role="no")
        text = turn.say("email.suggest", suggested=context.suggested_email)
        return turn.ends(Prompt(text, (fix, keep)))
    if context.email is not None:
        keep = Offer(id=keep_id, label=turn.say("button.keep-email"), role="yes")
        text = turn.say("email.ask-or-keep", name=context.name, email=context.email)
        return turn.ends(Prompt(text, (keep, *_ways_out(turn))))
    return turn.ends(Prompt(turn.say("email.ask", name=context.name), _ways_out(turn)))


def take_suggested_email(turn: Turn, _token: str) -> Reply:
    """The corrected address was meant."""
    return _addressed(turn, turn.state.context.suggested_email)


def keep_email(turn: Turn, _token: str) -> Reply:
    """The address was meant as it was typed, or is to stay as it was."""
    return _addressed(turn, turn.state.context.typed_email or turn.state.context.email)


def typed_email(turn: Turn, text: str) -> Reply:
    """An address was typed."""
    email = email_of(text)
    if email is None:
        return _again(turn, turn.say("email.bad"))
    if (suggested := suggested_email(email)) is not None:
        doubted = {"typed_email": email, "suggested_email": suggested, "token": turn.new_token}
        context = turn.state.context.model_copy(update=doubted)
        return ask_email(turn.at(Stage.ENTERING_EMAIL, context))
    return _addressed(turn, email)


def _addressed(turn: Turn, email: str | None) -> Reply:
    if turn.state.stage is not Stage.ENTERING_EMAIL or email is None:
        return question(turn)
    return to_confirming(turn, turn.state.context.model_copy(update={"email": email}))


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
    offers = (
        Offer(id=f"ok:{context.token}", label=turn.say("button.confirm"), role="yes"),
        Offer(id=f"change:{context.token}", label=turn.say("button.change"), role="no"),
        Offer(id=f"leave:{context.token}", label=turn.say("button.cancel")),
    )
    return turn.ends(Prompt(text, offers))


def change(turn: Turn, _token: str) -> Reply:
    """Name and address once more, each with a tap to keep it."""
    return to_name(turn, turn.state.context)


def claim(turn: Turn, token: str) -> Reply:
    """Everything is right: ask the registry for the seat. Its outcome is the answer."""
    context = turn.state.context
    if turn.state.stage is not Stage.CONFIRMING or context.event is None:
        return question(turn)
    assert context.name is not None
    assert context.email is not None
    # Only to know whether the answer will take long; the registry decides on the command alone.
    told = not turn.facts.registry_answers(context.event.code)
    command = ClaimSeat(
        id=derived_id(turn.cause, 0),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        event_id=context.event.id,
        address=turn.address,
        sender=turn.sender,
        name=context.name,
        email_claimed=context.email,
        language=turn.state.language,
        registered_via=turn.address.platform,
    )
    state = turn.state.waiting_for(command.id, "claim", f"ok:{token}", turn.now, told=told)
    return Reply(state, Prompt(turn.say("wait.kept")) if told else None, command)


def registered(turn: Turn, event: EventCard, asked: Waiting | None) -> Turn:
    """The chat after a seat or a place in line; another registration under way goes on."""
    if asked is not None and asked.wish != "claim" and turn.state.stage in REGISTERING:
        return turn
    context, known = turn.state.context, turn.state.profile
    if context.name and context.email:
        known = Profile(name=context.name, email=context.email)
    there = Context(event=ChosenEvent.of(event))
    return turn.on(turn.state.known_as(known)).at(Stage.REGISTERED, there)


def leave(turn: Turn, _token: str = "") -> Reply:
    """The way out: nothing was booked."""
    offers = (to_events(turn), to_mine(turn))
    return turn.at(Stage.CHOOSING_EVENT).ends(Prompt(turn.say("registration.left"), offers))


def back(turn: Turn, _token: str = "") -> Reply:
    """One question back."""
    context = turn.state.context
    if turn.state.stage is Stage.ENTERING_EMAIL and context.suggested_email is not None:
        return to_email(turn, context)
    if turn.state.stage is Stage.ENTERING_EMAIL:
        return to_name(turn, context)
    if turn.state.stage is Stage.CONFIRMING:
        return to_email(turn, context)
    if turn.state.stage is Stage.ENTERING_NAME and context.event is not None:
        return browsing.card(turn, context.event.code)
    return browsing.events(turn)


def question(turn: Turn) -> Reply:
    """The question that is open."""
    return {
        Stage.ENTERING_NAME: ask_name,
        Stage.ENTERING_EMAIL: ask_email,
        Stage.CONFIRMING: ask_to_confirm,
    }[turn.state.stage](turn)


def _again(turn: Turn, sentence: str) -> Reply:
    """Say what was wrong; the sentence itself asks again, the ways out are the question's."""
    asked = question(turn)
    assert asked.prompt is not None
    return Reply(asked.state, Prompt(sentence, asked.prompt.offers))


def _ways_out(turn: Turn) -> tuple[Offer, ...]:
    token = turn.state.context.token
    return (
        Offer(id=f"back:{token}", label=turn.say("button.back"), role="back"),
        Offer(id=f"leave:{token}", label=turn.say("button.cancel")),
    )
