"""What we keep about a person: shown, explained, and forgotten."""

import json

from contracts import Document, ForgetPerson, PersonForgotten, derived_id
from conversation.dialogue.signposts import onward, to_events, to_forget, to_mydata
from conversation.dialogue.state import Asked, Offer, State
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.dialogue.words import CODE_WORDS, ROLES, plain

MYDATA_FILENAME = "my-data.txt"


def meant(state: State, text: str) -> str | None:
    """The choice that the code word stands for, right after it was asked for.

    A mere yes does not do it: the question comes once more.
    """
    asked, said = state.asked, plain(text)
    if asked is None or asked.wish != "forget":
        return None
    if not any(offer.id == f"stay:{asked.about}" for offer in state.offered):
        return None
    if said in CODE_WORDS:
        return f"forget-now:{asked.about}"
    return "forget" if said in ROLES["yes"] else None


def forget(turn: Turn, _argument: str = "") -> Reply:
    """Forget everything about me: what that means, and the word that does it."""
    asked = Asked(wish="forget", about=turn.new_token)
    offers = (
        Offer(id=f"stay:{asked.about}", label=turn.say("button.leave-as-is"), role="no"),
        to_mydata(turn),
    )
    return Reply(turn.state.asked_about(asked), Prompt(turn.say("forget.ask"), offers))


def forget_now(turn: Turn, token: str) -> Reply:
    """The code word was typed. The outcome is the answer."""
    if turn.state.asked != Asked(wish="forget", about=token):
        return forget(turn)
    told = not turn.facts.registry_listens()
    command = ForgetPerson(
        id=derived_id(turn.cause, 0),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        address=turn.address,
    )
    state = turn.state.asked_about(None).waiting_for(
        command.id, "forget", f"forget-now:{token}", turn.now, told=told
    )
    return Reply(state, Prompt(turn.say("wait.kept")) if told else None, command)


def forgotten(turn: Turn, outcome: PersonForgotten) -> Reply:
    """Goodbye; whoever writes next is somebody whom we do not know."""
    text = turn.say("forget.done") if outcome.known else turn.say("forget.nothing")
    if outcome.freed:
        text = f"{text} {turn.count('forget.freed', outcome.freed)}"
    there = turn.on(turn.state.forgotten())
    return there.ends(Prompt(text, (to_events(there),)))


def mydata(turn: Turn, _argument: str = "") -> Reply:
    """Everything that we keep, as a file; the notifier adds what the registry has."""
    data = json.dumps(_of_chat(turn.state), ensure_ascii=False)
    document = Document(kind="mydata", data=data, filename=MYDATA_FILENAME)
    offers = (to_forget(turn), onward(turn))
    return turn.ends(Prompt(turn.say("mydata.file"), offers, document=document))


def privacy(turn: Turn, _argument: str = "") -> Reply:
    """What is kept, why and how long, in short."""
    return turn.ends(Prompt(turn.say("privacy"), (to_mydata(turn), to_forget(turn), onward(turn))))


def _of_chat(state: State) -> dict[str, object]:
    """What this chat's document holds of the person; what was left out is empty."""
    context, proof = state.context, state.proof
    kept: dict[str, object] = {
        "name": state.profile.name,
        "email": state.profile.email,
        "name typed": context.name,
        "email typed": context.email,
        "registering for": None if context.event is None else context.event.title,
        "email to be proven": None if proof is None else proof.email,
        "language": state.language,
        "wants nothing but answers": state.muted or None,
        "last wrote at": None if state.heard_at is None else state.heard_at.isoformat(),
        "messages waiting for an answer": len(state.kept) or None,
    }
    return {what: value for what, value in kept.items() if value is not None}
