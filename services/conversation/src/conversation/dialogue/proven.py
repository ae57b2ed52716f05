"""What came of a proof: what waited for it goes on by itself, or the way to another code."""

from dataclasses import replace

from contracts import CodeRefused, EmailProven, RegistrationCard, SeatHeld
from contracts.outbound import CHOICES_MAX
from conversation import cards
from conversation.dialogue import addressing, asides, choices, mine, parting, registering, sending
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.signposts import onward, silent, to_link, to_mine
from conversation.dialogue.state import (
    REGISTERING,
    ChosenEvent,
    Context,
    HeldSeat,
    Offer,
    Profile,
    Proof,
    Stage,
    Waiting,
)
from conversation.dialogue.turn import Prompt, Reply, Turn

UNDER_A_DOCUMENT_MAX = 3
"""Buttons that WhatsApp puts under a file (platforms.md B4)."""


def seat_held(turn: Turn, outcome: SeatHeld, asked: Waiting | None) -> Reply:
    """A seat is kept; which address makes it theirs is known already, so a code is on its way."""
    turn = _not_proven(turn)
    registration = outcome.registration
    # For how long is told with the code, in minutes: nobody has to think of the event's clocks.
    lead = turn.say("held.new", title=registration.event.title)
    if asked is None or not _may_ask(turn, asked):
        return turn.ends(mine.held(turn, registration))
    held = HeldSeat(
        registration_id=registration.id,
        event=ChosenEvent.of(registration.event),
        until=cards.held_until(registration),
    )
    there = _known_by_now(turn, asked)
    # Should the proof come too late for this seat, it is asked for again.
    claim = turn.state.context if asked.wish == "claim" else None
    proof = sending.waits(there, f"mine:{registration.id}", by_email=True)
    return _ask(there, proof.model_copy(update={"held": held, "claim": claim})).led_by(lead)


def first(turn: Turn, title: str, asked: Waiting | None) -> Reply:
    """Nothing can be booked before the proof; it is asked for again after it, by itself."""
    turn = _not_proven(turn)
    lead = turn.say("held.proof-first", title=title)
    if asked is None or not _may_ask(turn, asked):
        return turn.ends(Prompt(lead, (to_link(turn), to_mine(turn), onward(turn))))
    there = _known_by_now(turn, asked)
    claim = turn.state.context if asked.wish == "claim" else None
    proof = sending.waits(there, asked.choice_id, by_email=True)
    return _ask(there, proof.model_copy(update={"held": None, "claim": claim})).led_by(lead)


def proven(turn: Turn, outcome: EmailProven, asked: Waiting | None) -> Reply:
    """The address is theirs; what waited for that goes on."""
    text = _what_has_happened(turn, outcome)
    proof = turn.state.proof
    if asked is None or proof is None:
        return _with_disown(turn, turn.ends(Prompt(text, (to_mine(turn), onward(turn)))), outcome)
    context, known = turn.state.context, turn.state.profile
    name = outcome.name or context.name or known.name
    state = turn.state.known_as(Profile(name=name, email=proof.email, proven=True))
    if outcome.link_id is not None:
        state = state.joined(outcome.link_id)
    reply = _goes_on(turn.on(state.proving(None)), outcome, proof)
    return _with_disown(turn, reply.led_by(text), outcome)


def code_refused(turn: Turn, outcome: CodeRefused, asked: Waiting | None) -> Reply:
    """It was not the code, or it is worth nothing any more."""
    last = outcome.reason == "wrong" and outcome.tries_left == 0
    reason = "too-many" if last else outcome.reason
    text = {
        "wrong": lambda: turn.count("code.wrong", outcome.tries_left),
        "expired": lambda: turn.say("code.expired"),
        "too-many": lambda: turn.say("code.too-many"),
        "barred": lambda: turn.say("code.barred"),
    }[reason]()
    proof = turn.state.proof
    if asked is None or proof is None or turn.state.stage in REGISTERING:
        return turn.ends(Prompt(text, (to_link(turn), onward(turn))))
    there = turn.at(Stage.VERIFYING, turn.state.context.looking_at(turn.state.context.event))
    asked_again = sending.question(there, instead=reason in ("expired", "too-many"))
    assert asked_again.prompt is not None
    prompt = replace(asked_again.prompt, text=text)
    return replace(asked_again, prompt=prompt)


def _may_ask(turn: Turn, asked: Waiting) -> bool:
    """Whether the question for the code takes nobody out of another registration."""
    return asked.wish == "claim" or turn.state.stage not in REGISTERING


def _not_proven(turn: Turn) -> Turn:
    """The chat may have been parted from whoever had proven it."""
    known = turn.state.profile.model_copy(update={"proven": False})
    return turn.on(turn.state.known_as(known))


def _known_by_now(turn: Turn, asked: Waiting) -> Turn:
    """The chat with what was typed for the claim, so that nobody is asked twice."""
    context = turn.state.context
    if asked.wish != "claim" or context.name is None or context.email is None:
        return turn
    known = turn.state.profile.model_copy(update={"name": context.name, "email": context.email})
    return turn.on(turn.state.known_as(known))


def _ask(turn: Turn, proof: Proof) -> Reply:
    email = turn.state.context.email or turn.state.profile.email
    if email is None:
        return addressing.to_linking(turn, proof)
    return sending.to_verifying(turn, proof, email)


def _what_has_happened(turn: Turn, outcome: EmailProven) -> str:
    parts = [turn.say("proof.done")]
    if outcome.link_id is not None and outcome.messengers:
        parts.append(turn.say("proof.joined", messengers=parting.joint(outcome.messengers)))
    if outcome.freed:
        parts.append(turn.count("proof.freed", outcome.freed))
    return " ".join(parts)


def _goes_on(turn: Turn, outcome: EmailProven, proof: Proof) -> Reply:
    state = turn.state
    seats, claim = outcome.registrations, proof.claim
    if state.stage in REGISTERING:
        return _with_seats(turn, asides.here(turn), len(seats))
    waited_for = any(
        proof.held is not None and one.id == proof.held.registration_id for one in seats
    )
    if waited_for or (seats and claim is None):
        return _seats(turn, seats, proof)
    there = turn.at(Stage.CHOOSING_EVENT, state.context.looking_at(state.context.event))
    if claim is not None and claim.event is not None and claim.name and claim.email:
        return _with_seats(turn, _claimed_again(there, claim, proof), len(seats))
    then = proof.then or "my"
    try:
        return choices.choose(there, then)
    except RegistrySilent:
        return silent(there, then)


def _with_seats(turn: Turn, reply: Reply, seats: int) -> Reply:
    return reply.led_by(turn.count("proof.seats", seats)) if seats else reply


def _seats(turn: Turn, seats: tuple[RegistrationCard, ...], proof: Proof) -> Reply:
    """Seats that were held are theirs: the ticket that was waited for, and the others by name."""
    wanted = None if proof.held is None else proof.held.registration_id
    seat = next((one for one in seats if one.id == wanted), seats[0])
    there = turn.at(Stage.REGISTERED, Context(event=ChosenEvent.of(seat.event)))
    lead = turn.say("ticket.new", name=seat.name)
    others = [one.event.title for one in seats if one is not seat]
    if others:
        lead = f"{lead} {turn.count('proof.other-seats', len(others))}"
    return there.ends(mine.ticket(there, seat, lead))


def _claimed_again(turn: Turn, claim: Context, proof: Proof) -> Reply:
    """The claim that was refused for want of a proof, as a wish of its own."""
    token = turn.new_token
    context = claim.model_copy(update={"token": token, "email": turn.state.profile.email})
    asking = replace(turn.at(Stage.CONFIRMING, context), sender=proof.sender)
    return registering.claim(asking, token)


def _with_disown(turn: Turn, reply: Reply, outcome: EmailProven) -> Reply:
    """With the way to say that this chat was not to join anybody."""
    prompt = reply.prompt
    if outcome.link_id is None or prompt is None:
        return reply
    most = UNDER_A_DOCUMENT_MAX if prompt.document is not None else CHOICES_MAX
    label = turn.say("button.not-me")
    disown = Offer(id=f"disown:{outcome.link_id}", label=label)
    return replace(reply, prompt=replace(prompt, offers=(*prompt.offers[: most - 1], disown)))
