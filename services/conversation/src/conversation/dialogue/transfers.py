"""A seat that its owner hands to somebody else: the receiver's answer, and what came of it."""

from contracts import (
    AcceptTransfer,
    DropTransfer,
    RegistrationCard,
    SeatTransferred,
    TransferDropped,
    TransferOffered,
    TransferRefused,
)
from conversation.dialogue import mine
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.offered import wished
from conversation.dialogue.registering import registered
from conversation.dialogue.signposts import onward, silent, to_mine
from conversation.dialogue.state import Waiting
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.moments import in_words

TransferOutcome = TransferOffered | SeatTransferred | TransferDropped | TransferRefused


def take(turn: Turn, registration_id: str) -> Reply:
    """Yes to a seat that somebody hands over. The outcome is the answer."""
    choice_id = f"xtake:{registration_id}"
    promised = _promised(turn, registration_id, choice_id)
    if isinstance(promised, Reply):
        return promised
    return wished(turn, AcceptTransfer, promised, "accept", choice_id)


def decline(turn: Turn, registration_id: str) -> Reply:
    """No: the seat stays with whom it belongs to."""
    choice_id = f"xpass:{registration_id}"
    promised = _promised(turn, registration_id, choice_id)
    if isinstance(promised, Reply):
        return promised
    return wished(turn, DropTransfer, promised, "drop", choice_id)


def tell(turn: Turn, outcome: TransferOutcome, asked: Waiting | None) -> Reply:
    """What became of it, to whom asked for it."""
    match outcome:
        case TransferOffered():
            return _offered(turn, outcome)
        case SeatTransferred(registration=registration):
            there = registered(turn, registration.event, asked)
            lead = there.say("transfer.taken", name=registration.name)
            return there.ends(mine.ticket(there, registration, lead))
        case TransferDropped(event=event):
            text = turn.say("transfer.dropped", title=event.title)
            return turn.ends(Prompt(text, (to_mine(turn), onward(turn))))
        case TransferRefused():
            return _refused(turn, outcome)


def _offered(turn: Turn, outcome: TransferOffered) -> Reply:
    event = outcome.registration.event
    deadline = in_words(outcome.expires_at, event.timezone, turn.state.language)
    text = turn.say("transfer.offered", title=event.title, deadline=deadline)
    return turn.ends(Prompt(text, (to_mine(turn), onward(turn))))


def _refused(turn: Turn, outcome: TransferRefused) -> Reply:
    """The seat stays where it was: why."""
    title = outcome.event.title if outcome.event is not None else ""
    text = {
        "not-yours": lambda: turn.say("transfer.not-yours"),
        "not-offered": lambda: turn.say("transfer.over"),
        "checked-in": lambda: turn.say("transfer.checked-in", title=title),
        "started": lambda: turn.say("transfer.started", title=title),
        "cancelled": lambda: turn.say("transfer.cancelled", title=title),
        "has-seat": lambda: turn.say("transfer.has-seat", title=title),
    }[outcome.reason]()
    return turn.ends(Prompt(text, (to_mine(turn), onward(turn))))


def _promised(turn: Turn, registration_id: str, choice_id: str) -> RegistrationCard | Reply:
    """The seat that somebody hands over. It is another person's, so only a notice knows it."""
    try:
        promised = turn.facts.notice("transfer-offered", registration_id).registration
    except RegistrySilent:
        return silent(turn, choice_id)
    if promised is None:
        return turn.ends(Prompt(turn.say("transfer.over"), (to_mine(turn), onward(turn))))
    return promised
