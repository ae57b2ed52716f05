"""Giving back a seat or a place in line: asked once more, because neither is easily had again."""

from contracts import CancelRegistration, RegistrationCard, derived_id
from conversation.dialogue import mine
from conversation.dialogue.signposts import onward, to_mine
from conversation.dialogue.state import ChosenEvent, Dropping, Offer
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.moments import in_brief


def cancel(turn: Turn, _argument: str = "") -> Reply:
    """Cancel was said with nothing begun: a registration is meant."""
    found = turn.facts.registrations(turn.address)
    if len(found) == 1:
        return _ask(turn, found[0])
    return choose(turn)


def choose(turn: Turn, argument: str = "") -> Reply:
    """Which of the registrations?"""
    found = turn.facts.registrations(turn.address)
    if not found:
        return mine.registrations(turn)
    lead = turn.say("drop.choose")
    return mine.listed(turn, found, lead, list_verb="drops", row_verb="drop", page=argument)


def drop(turn: Turn, registration_id: str) -> Reply:
    """Is this one really to be given up?"""
    registration = mine.find(turn, registration_id)
    if registration is None:
        return mine.show(turn, registration_id)
    return _ask(turn, registration)


def drop_now(turn: Turn, registration_id: str) -> Reply:
    """Yes. The outcome is the answer."""
    dropping = turn.state.dropping
    if dropping is None or str(dropping.registration_id) != registration_id:
        return drop(turn, registration_id)
    told = not turn.facts.registry_answers(dropping.event.code)
    command = CancelRegistration(
        id=derived_id(turn.cause, 0),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        event_id=dropping.event.id,
        registration_id=dropping.registration_id,
        address=turn.address,
    )
    choice_id = f"drop-now:{registration_id}"
    state = turn.state.waiting_for(command.id, "drop", choice_id, turn.now, told=told)
    return Reply(state, Prompt(turn.say("wait.kept")) if told else None, command)


def keep(turn: Turn, _registration_id: str) -> Reply:
    """No, it stays."""
    dropping = turn.state.dropping
    in_line = dropping is not None and dropping.status == "waiting"
    text = turn.say("drop.kept-place") if in_line else turn.say("drop.kept")
    stayed = turn.on(turn.state.at(turn.state.stage, turn.state.context))
    return stayed.ends(Prompt(text, (to_mine(turn), onward(turn))))


def _ask(turn: Turn, registration: RegistrationCard) -> Reply:
    if registration.status == "offered":
        # Whether it is wanted is asked already, with the same two answers.
        return turn.ends(mine.offer(turn, registration))
    event = ChosenEvent.of(registration.event)
    when = in_brief(event.starts_at, event.timezone, turn.state.language)
    if registration.status == "waiting":
        text = turn.say("drop.ask-place", title=event.title, when=when)
        labels = turn.say("button.leave-now"), turn.say("button.keep-place")
    else:
        text = turn.say("drop.ask", title=event.title, when=when)
        labels = turn.say("button.drop-now"), turn.say("button.keep-seat")
    offers = (
        Offer(id=f"drop-now:{registration.id}", label=labels[0], role="yes"),
        Offer(id=f"keep:{registration.id}", label=labels[1], role="no"),
    )
    dropping = Dropping(registration_id=registration.id, event=event, status=registration.status)
    return Reply(turn.state.asked_to_drop(dropping), Prompt(text, offers))
