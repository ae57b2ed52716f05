"""What is said beside the path: help, language, and things that are no answer."""

from contracts import Content, MediaSent
from contracts.inbound import ContactShared
from conversation.dialogue import browsing, mine, registering
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.signposts import to_events, to_mine
from conversation.dialogue.state import REGISTERING, Offer, Stage
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.texts import LANGUAGES, texts


def here(turn: Turn, _argument: str = "") -> Reply:
    """Where the chat stands, shown again as it is true now."""
    state = turn.state
    if state.stage in REGISTERING:
        return registering.question(turn)
    if state.stage is Stage.REGISTERED:
        return mine.registrations(turn)
    if state.stage is Stage.CHOOSING_EVENT and state.context.event is not None:
        return browsing.card(turn, state.context.event.code)
    return browsing.greeting(turn) if state.stage is Stage.START else browsing.events(turn)


def beside(turn: Turn, sentence: str) -> Reply:
    """A sentence, and in the same bubble where the chat stands."""
    try:
        reply = here(turn)
    except RegistrySilent:
        return turn.ends(Prompt(sentence))
    assert reply.prompt is not None
    return Reply(reply.state, reply.prompt.led_by(sentence))


def help_(turn: Turn, _argument: str = "") -> Reply:
    """What can be said, and the open question."""
    if turn.state.stage in REGISTERING:
        return beside(turn, turn.say("help"))
    languages = Offer(id="lang", label=turn.say("button.language"))
    offers = (to_events(turn), to_mine(turn), languages)
    return turn.ends(Prompt(turn.say("help"), offers))


def language(turn: Turn, chosen: str = "") -> Reply:
    """Which language, or this one from now on."""
    if chosen in LANGUAGES:
        changed = turn.on(turn.state.in_language(chosen))
        return beside(changed, changed.say("language.changed"))
    offers = tuple(
        Offer(id=f"lang:{one}", label=texts(one).say("language.name")) for one in LANGUAGES
    )
    return turn.ends(Prompt(turn.say("language.ask"), offers))


def stale(turn: Turn) -> Reply:
    """A button of an older question."""
    return beside(turn, turn.say("aside.stale"))


def unknown(turn: Turn, _argument: str = "") -> Reply:
    """Words that mean nothing here."""
    # A notice may have come as a template without buttons: any answer then leads to its offer.
    if turn.state.stage not in REGISTERING and (offer := mine.open_offer(turn)) is not None:
        return offer
    return beside(turn, turn.say("aside.unknown"))


def no_answer(turn: Turn, content: Content) -> Reply:
    """A sticker, a voice note and the like: kind, and back to the question."""
    if isinstance(content, ContactShared):
        return beside(turn, turn.say("aside.contact"))
    if isinstance(content, MediaSent) and content.media == "sticker":
        return beside(turn, turn.say("aside.sticker"))
    if isinstance(content, MediaSent) and content.media in ("voice", "audio"):
        return beside(turn, turn.say("aside.voice"))
    return beside(turn, turn.say("aside.media"))
