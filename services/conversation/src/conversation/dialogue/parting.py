"""Parting a chat from its person: this one by choice, another one because it was never theirs."""

from uuid import UUID

from contracts import (
    DisownLink,
    DisownRefused,
    LinkDisowned,
    Platform,
    Unlink,
    Unlinked,
    UnlinkRefused,
    derived_id,
)
from conversation.dialogue.signposts import onward, to_events, to_forget, to_link, to_mine
from conversation.dialogue.state import Asked, Offer, Profile, Waiting, Wish
from conversation.dialogue.turn import Prompt, Reply, Turn

PartingOutcome = Unlinked | UnlinkRefused | LinkDisowned | DisownRefused

MESSENGERS: dict[Platform, str] = {
    "telegram": "Telegram",
    "whatsapp": "WhatsApp",
    "email": "E-mail",
}
"""Brands: the same in every language."""


def unlink(turn: Turn, _argument: str = "") -> Reply:
    """This chat shall not speak for me any more: really?"""
    asked = Asked(wish="unlink", about=turn.new_token)
    return _ask(turn, asked, turn.say("unlink.ask"), f"unlink-now:{asked.about}")


def unlink_now(turn: Turn, token: str) -> Reply:
    """Yes. The outcome is the answer."""
    if turn.state.asked != Asked(wish="unlink", about=token):
        return unlink(turn)
    command = Unlink(
        id=derived_id(turn.cause, 0),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        address=turn.address,
    )
    return _wished(turn, command, f"unlink-now:{token}")


def disown(turn: Turn, link_id: str) -> Reply:
    """Another chat has joined this person, and they say that it was not them: really?"""
    if _uuid(link_id) is None:
        return turn.ends(Prompt(turn.say("disown.unknown"), (to_mine(turn), onward(turn))))
    asked = Asked(wish="disown", about=link_id)
    here = str(turn.state.joined_by) == link_id
    text = turn.say("disown.ask-here") if here else turn.say("disown.ask")
    return _ask(turn, asked, text, f"disown-now:{link_id}")


def disown_now(turn: Turn, link_id: str) -> Reply:
    """Yes. The outcome is the answer."""
    number = _uuid(link_id)
    if number is None or turn.state.asked != Asked(wish="disown", about=link_id):
        return disown(turn, link_id)
    command = DisownLink(
        id=derived_id(turn.cause, 0),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        address=turn.address,
        link_id=number,
    )
    return _wished(turn, command, f"disown-now:{link_id}")


def stay(turn: Turn, _argument: str = "") -> Reply:
    """No, nothing changes."""
    there = turn.on(turn.state.asked_about(None))
    return there.ends(Prompt(turn.say("proof.left"), (to_mine(turn), onward(turn))))


def tell(turn: Turn, outcome: PartingOutcome, asked: Waiting | None) -> Reply:
    """What became of it."""
    match outcome:
        case Unlinked():
            return _unlinked(turn, outcome)
        case UnlinkRefused(reason="unknown"):
            return turn.ends(Prompt(turn.say("unlink.unknown"), (to_link(turn), onward(turn))))
        case UnlinkRefused():
            return turn.ends(Prompt(turn.say("unlink.only-way"), (to_mine(turn), to_forget(turn))))
        case LinkDisowned():
            return _disowned(turn, outcome, asked)
        case DisownRefused():
            return turn.ends(Prompt(turn.say("disown.unknown"), (to_mine(turn), onward(turn))))


def joint(platforms: tuple[Platform, ...]) -> str:
    """The messengers by their names, in one line."""
    return ", ".join(MESSENGERS[platform] for platform in platforms)


def _unlinked(turn: Turn, outcome: Unlinked) -> Reply:
    # Whoever speaks here next may be somebody else: nothing of this person stays in the chat.
    there = turn.on(turn.state.afresh().known_as(Profile()).joined(None))
    text = (
        turn.say("unlink.done-elsewhere", messengers=joint(outcome.messengers))
        if outcome.messengers
        else turn.say("unlink.done")
    )
    return there.ends(Prompt(text, (to_link(turn), to_events(turn))))


def _disowned(turn: Turn, outcome: LinkDisowned, asked: Waiting | None) -> Reply:
    if asked is not None and asked.choice_id == f"disown-now:{turn.state.joined_by}":
        # It was this chat that had joined: what it learned by that is not theirs.
        there = turn.on(turn.state.afresh().known_as(Profile()).joined(None))
        return there.ends(Prompt(turn.say("disown.done-here"), (to_mine(there), onward(there))))
    text = (
        turn.say("disown.already")
        if outcome.already
        else turn.say("disown.done", messenger=MESSENGERS[outcome.messenger])
    )
    return turn.ends(Prompt(text, (to_mine(turn), onward(turn))))


def _ask(turn: Turn, asked: Asked, text: str, yes_id: str) -> Reply:
    offers = (
        Offer(id=yes_id, label=turn.say("button.part"), role="yes"),
        Offer(id="stay", label=turn.say("button.leave-as-is"), role="no"),
    )
    return Reply(turn.state.asked_about(asked), Prompt(text, offers))


def _wished(turn: Turn, command: Unlink | DisownLink, choice_id: str) -> Reply:
    told = not turn.facts.registry_listens()
    wish: Wish = "unlink" if isinstance(command, Unlink) else "disown"
    state = turn.state.asked_about(None).waiting_for(
        command.id, wish, choice_id, turn.now, told=told
    )
    return Reply(state, Prompt(turn.say("wait.kept")) if told else None, command)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
