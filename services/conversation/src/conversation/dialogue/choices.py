"""What each choice does. Its id carries what it means, so that an old button stays truthful."""

from collections.abc import Callable

from conversation.dialogue import (
    addressing,
    asides,
    browsing,
    coming,
    dropping,
    finding,
    forgetting,
    mine,
    naming,
    offered,
    parting,
    proving,
    registering,
    switching,
    transfers,
    wishes,
)
from conversation.dialogue.digits import has_digits
from conversation.dialogue.people import is_like_an_address
from conversation.dialogue.state import ASKING, Stage
from conversation.dialogue.turn import Reply, Turn

Action = Callable[[Turn, str], Reply]

OF_A_QUESTION: dict[str, Action] = {
    # <verb>:<token of the question>; the token of an older question is stale.
    "name": naming.take_suggested_name,
    "mail-fix": addressing.take_suggested_email,
    "mail-keep": addressing.keep_email,
    "ok": registering.claim,
    "change": registering.change,
    "leave": registering.leave,
    "back": registering.back,
}

ASKED_AT = {
    # A forged tap may bring the token of one question to the answers of another.
    "name": (Stage.ENTERING_NAME,),
    "mail-fix": (Stage.ENTERING_EMAIL, Stage.LINKING),
    "mail-keep": (Stage.ENTERING_EMAIL, Stage.LINKING),
    "ok": (Stage.CONFIRMING,),
    "change": (Stage.CONFIRMING,),
}

OF_A_PROOF: dict[str, Action] = {
    # <verb>:<token of the last code>; whoever has looked around meanwhile may still tap them.
    "code-again": proving.again,
    "code-there": proving.by_messenger,
    "code-mail": proving.by_mail,
    "code-else": proving.another_address,
    "code-leave": proving.leave,
}

ALWAYS: dict[str, Action] = {
    "start": wishes.start,
    "stop": wishes.stop,
    "menu": asides.start,
    "restart": asides.restart,
    "events": browsing.events,
    "ev": switching.to_card,
    "reg": switching.to_registration,
    "switch": switching.switch,
    "register": switching.register,
    "my": mine.registrations,
    "tickets": mine.tickets,
    "ticket": mine.show,
    "mine": mine.show,
    "drops": dropping.choose,
    "drop": dropping.drop,
    "drop-now": dropping.drop_now,
    "keep": dropping.keep,
    "take": offered.take,
    "pass": offered.decline,
    "xtake": transfers.take,
    "xpass": transfers.decline,
    "coming": coming.still_coming,
    "calendar": coming.to_calendar,
    "calendars": coming.calendars,
    "link": proving.link,
    "prove": proving.prove,
    "code": proving.enter,
    "resend": proving.again,
    "unlink": parting.unlink,
    "unlink-now": parting.unlink_now,
    "disown": parting.disown,
    "disown-now": parting.disown_now,
    "stay": parting.stay,
    "forget": forgetting.forget,
    "forget-now": forgetting.forget_now,
    "mydata": forgetting.mydata,
    "privacy": forgetting.privacy,
    "here": asides.here,
    "thanks": asides.thanks,
    "help": asides.help_,
    "lang": asides.language,
    "unknown": asides.unknown,
}


def choose(turn: Turn, choice_id: str) -> Reply:
    """Do what was tapped, or what was said in its words."""
    verb, _, argument = choice_id.partition(":")
    if verb in OF_A_QUESTION and argument:
        asked_at = ASKED_AT.get(verb, (turn.state.stage,))
        if argument != turn.state.context.token or turn.state.stage not in asked_at:
            return asides.stale(turn)
        return OF_A_QUESTION[verb](turn, argument)
    if verb in OF_A_PROOF:
        proof = turn.state.proof
        if proof is None or proof.email is None or argument != proof.token:
            return asides.stale(turn)
        return OF_A_PROOF[verb](turn, argument)
    if verb == "back":
        return registering.back(turn)
    begun = turn.state.stage in ASKING
    if verb == "exit":
        return registering.leave(turn) if begun else browsing.events(turn)
    if verb == "cancel":
        # With something begun it is the way out; with nothing begun a registration is meant.
        return registering.leave(turn) if begun else dropping.cancel(turn)
    if verb == "change":
        asked = turn.state.stage is Stage.CONFIRMING
        return registering.change(turn, argument) if asked else asides.unknown(turn)
    action = ALWAYS.get(verb)
    return action(turn, argument) if action else asides.stale(turn)


def typed(turn: Turn, text: str) -> Reply:
    """Text that stands for no choice: an answer to the open question, an event, or nothing."""
    stage = turn.state.stage
    if stage is Stage.CONFIRMING and "@" in text:
        # Whoever sees a slip in the address types it once more.
        return addressing.typed_email(turn.at(Stage.ENTERING_EMAIL, turn.state.context), text)
    if stage is Stage.VERIFYING and (slip := proving.typed_code(turn, text)) is not None:
        return slip
    if stage is Stage.LINKING and is_like_an_address(text):
        return addressing.typed_email(turn, text)
    if (found := finding.by_code(turn, text)) is not None:
        return found
    if stage is Stage.ENTERING_NAME:
        return naming.typed_name(turn, text)
    if stage is Stage.ENTERING_EMAIL:
        return addressing.typed_email(turn, text)
    if stage is not Stage.CONFIRMING and (found := finding.by_title(turn, text)) is not None:
        return found
    if stage is Stage.LINKING:
        return addressing.typed_email(turn, text)
    if stage is Stage.VERIFYING and has_digits(text):
        return proving.no_code(turn)
    return browsing.greeting(turn) if stage is Stage.START else asides.unknown(turn)
