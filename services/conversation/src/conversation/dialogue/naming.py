"""The question for the name that stands on the ticket."""

from contracts.commands import NAME_CHARACTERS_MAX, NAME_CHARACTERS_MIN
from conversation.dialogue import addressing
from conversation.dialogue.people import name_of, name_trouble
from conversation.dialogue.signposts import ways_out
from conversation.dialogue.state import Context, Offer, Stage
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.dialogue.understanding import is_yes_or_no


def to_name(turn: Turn, context: Context) -> Reply:
    """Open the question for the name."""
    suggested = context.name or _of_profile(turn)
    context = context.model_copy(update={"suggested_name": suggested, "token": turn.new_token})
    return ask_name(turn.at(Stage.ENTERING_NAME, context))


def _of_profile(turn: Turn) -> str | None:
    """The platform's name of the person, if it can be one: some are an emoji, or a link."""
    name = turn.sender.name or ""
    return name_of(name) if name_trouble(name) is None else None


def ask_name(turn: Turn) -> Reply:
    """The question for the name, with the one we may know as one tap."""
    context = turn.state.context
    if context.suggested_name is None:
        return turn.ends(Prompt(turn.say("name.ask"), ways_out(turn)))
    use = Offer(id=f"name:{context.token}", label=context.suggested_name, role="yes")
    return turn.ends(Prompt(turn.say("name.ask-or-tap"), (use, *ways_out(turn))))


def take_suggested_name(turn: Turn, _token: str) -> Reply:
    """The suggested name was tapped."""
    suggested = turn.state.context.suggested_name
    return ask_name(turn) if suggested is None else _named(turn, suggested)


def typed_name(turn: Turn, text: str) -> Reply:
    """A name was typed."""
    if is_yes_or_no(text):
        return ask_name(turn)
    name = name_of(text)
    trouble = name_trouble(text)
    if name is None or trouble is not None:
        return _again(turn, _what_is_wrong(turn, trouble))
    return _named(turn, name)


def _what_is_wrong(turn: Turn, trouble: str | None) -> str:
    if trouble == "email":
        return turn.say("name.looks-like-email")
    if trouble == "link":
        return turn.say("name.looks-like-link")
    if trouble == "question":
        return turn.say("name.looks-like-question")
    if trouble == "digits":
        return turn.say("name.only-digits")
    if trouble == "signs":
        return turn.say("name.only-signs")
    return turn.say("name.bad", shortest=NAME_CHARACTERS_MIN, longest=NAME_CHARACTERS_MAX)


def _named(turn: Turn, name: str) -> Reply:
    return addressing.greet_and_ask(turn, turn.state.context.model_copy(update={"name": name}))


def _again(turn: Turn, sentence: str) -> Reply:
    """The sentence itself asks again; the ways on are the question's."""
    asked = ask_name(turn).prompt
    assert asked is not None
    return turn.ends(Prompt(sentence, asked.offers))
