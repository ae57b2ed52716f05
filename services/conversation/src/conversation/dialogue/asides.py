"""What is said beside the path: help, language, and things that are no answer."""

from contracts import (
    ContactShared,
    Content,
    LocationSent,
    MediaSent,
    MessageEdited,
    OtherSent,
)
from conversation.dialogue import (
    browsing,
    dropping,
    event_card,
    idle,
    mine,
    proving,
    registering,
    sending,
)
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.preferences import also
from conversation.dialogue.signposts import language_offer, onward, to_events, to_mine
from conversation.dialogue.state import ASKING, PROVING, REGISTERING, Offer, Stage
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.texts import LANGUAGES


def here(turn: Turn, _argument: str = "") -> Reply:
    """Where the chat stands, shown again as it is true now."""
    state = turn.state
    if state.dropping is not None and _was_just_asked(turn, "drop-now"):
        return dropping.drop(turn, str(state.dropping.registration_id))
    if state.stage in REGISTERING:
        return registering.question(turn)
    if state.stage in PROVING:
        return proving.question(turn)
    if state.stage is Stage.REGISTERED:
        return mine.registrations(turn)
    if state.stage is Stage.CHOOSING_EVENT and state.context.event is not None:
        return event_card.shown(turn, state.context.event.code)
    return browsing.greeting(turn) if state.stage is Stage.START else browsing.events(turn)


def _was_just_asked(turn: Turn, verb: str) -> bool:
    return any(offer.id.startswith(f"{verb}:") for offer in turn.state.offered)


def beside(turn: Turn, sentence: str) -> Reply:
    """A sentence, and in the same bubble where the chat stands."""
    try:
        reply = here(turn)
    except RegistrySilent:
        return turn.ends(Prompt(sentence))
    return reply.led_by(sentence)


def start(turn: Turn, _argument: str = "") -> Reply:
    """Hello; whoever is in the middle of something that would be lost is taken back to it."""
    if turn.state.stage in REGISTERING:
        return beside(turn, idle.recap(turn))
    verifying = turn.state.stage is Stage.VERIFYING
    if verifying and sending.is_worth_something(turn.state.proof, turn.now):
        return here(turn)
    return browsing.greeting(turn)


def restart(turn: Turn, _argument: str = "") -> Reply:
    """Everything from the beginning: what was begun is left, and that is said."""
    if turn.state.stage not in REGISTERING:
        return browsing.greeting(turn)
    return browsing.events(turn.at(Stage.CHOOSING_EVENT)).led_by(turn.say("registration.left"))


def help_(turn: Turn, _argument: str = "") -> Reply:
    """What can be said, and the open question."""
    # Telegram's people tap commands; WhatsApp knows none, and there one says it in words.
    in_words = turn.address.platform == "whatsapp"
    text = turn.say("help.words") if in_words else turn.say("help")
    if turn.state.muted:
        text = f"{text}\n\n{turn.say('muted.note')}"
    if turn.state.stage in ASKING:
        return beside(turn, text)
    languages = Offer(id="lang", label=turn.say("button.language"))
    offers = (to_events(turn), to_mine(turn), languages)
    return turn.ends(Prompt(text, offers))


def thanks(turn: Turn, _argument: str = "") -> Reply:
    """A kind word has one in return; an open question is still open."""
    if turn.state.stage in ASKING:
        return beside(turn, turn.say("aside.thanks"))
    return turn.ends(Prompt(turn.say("aside.thanks"), (to_events(turn), to_mine(turn))))


def language(turn: Turn, chosen: str = "") -> Reply:
    """Which language, or this one from now on."""
    if chosen in LANGUAGES:
        changed = turn.on(turn.state.in_language(chosen))
        return also(beside(changed, changed.say("language.changed")), turn, language=chosen)
    offers = tuple(language_offer(one) for one in LANGUAGES)
    return turn.ends(Prompt(turn.say("language.ask"), (*offers, onward(turn))))


def stale(turn: Turn) -> Reply:
    """A button of an older question."""
    return beside(turn, turn.say("aside.stale"))


def unknown(turn: Turn, _argument: str = "") -> Reply:
    """Words that mean nothing here."""
    # A notice may have come as a template without buttons: any answer then leads to its offer.
    if turn.state.stage not in ASKING and (offer := mine.open_offer(turn)) is not None:
        return offer
    return beside(turn, turn.say("aside.unknown"))


def no_answer(turn: Turn, content: Content) -> Reply:
    """A sticker, a voice note and the like: kind, and back to the question."""
    if isinstance(content, OtherSent) and content.type == "request_welcome":
        # WhatsApp's word for having opened the chat: nothing was said that could be no answer.
        return start(turn)
    return beside(turn, _kindly(turn, content))


def _kindly(turn: Turn, content: Content) -> str:
    if isinstance(content, ContactShared):
        return turn.say("aside.contact")
    if isinstance(content, MessageEdited):
        return turn.say("aside.edited")
    if isinstance(content, OtherSent) and content.type == "poll":
        return turn.say("aside.poll")
    if isinstance(content, LocationSent):
        return turn.say("aside.location")
    if not isinstance(content, MediaSent):
        return turn.say("aside.media")
    if content.media == "sticker":
        return turn.say("aside.sticker")
    if content.media in ("voice", "audio"):
        return turn.say("aside.voice")
    if content.media in ("photo", "video"):
        return turn.say("aside.photo")
    if content.media == "location":
        return turn.say("aside.location")
    return turn.say("aside.media")
