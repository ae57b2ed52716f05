"""Saying that a code is on its way, before anybody has looked whether the address is known.

Nothing here asks the registry anything: what is said, and how soon, is the same for an address
that somebody has and for one that nobody has.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from contracts import RequestCode, derived_id
from contracts.people import CODE_MINUTES, CODES_PER_ADDRESS_AND_HOUR
from conversation.dialogue.state import Offer, Proof, Stage
from conversation.dialogue.turn import Prompt, Reply, Turn

WORTH_SOMETHING_FOR = timedelta(minutes=CODE_MINUTES)
FRESH_FOR = timedelta(minutes=5)
"""A code that was asked for so lately need not be sent again unless somebody says so."""


def to_verifying(turn: Turn, proof: Proof, email: str) -> Reply:
    """Ask for the code that goes to this address, unless one is there already."""
    asked_at = proof.asked_at if proof.email == email else None
    if asked_at is not None and turn.now - asked_at < FRESH_FOR:
        return opened_again(turn, proof)
    if proof.email == email:
        return send(turn, proof)
    return send(turn, proof.model_copy(update={"email": email, "by": "email"}))


def opened_again(turn: Turn, proof: Proof) -> Reply:
    """The question for a code that was sent before."""
    return question(_verifying(turn, proof.model_copy(update={"token": turn.new_token})))


def send(turn: Turn, proof: Proof) -> Reply:
    """Ask for a code, and say at once that it is on its way."""
    assert proof.email is not None
    by = proof.by if proof.by_email else "messenger"
    sent = proof.model_copy(update={"token": turn.new_token, "asked_at": turn.now, "by": by})
    there = _verifying(turn, sent)
    said = there.ends(Prompt(_on_its_way(turn, sent), _offers(turn, sent), _label(turn)))
    request = RequestCode(
        id=derived_id(turn.cause, "code"),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        chat=turn.address,
        email=proof.email,
        by=sent.by,
        language=turn.state.language,
    )
    return replace(said, beside=(request,))


def waits(turn: Turn, then: str, *, by_email: bool) -> Proof:
    """The proof that this waits for; a seat that waits for one already is not forgotten over it.

    Args:
        turn: the turn that opens the question.
        then: the choice that goes on by itself afterwards.
        by_email: whether a code can be sent to a mailbox.
    """
    proof = turn.state.proof or Proof()
    return proof.model_copy(update={"then": then, "by_email": by_email})


def question(turn: Turn, *, instead: bool = False) -> Reply:
    """The question for the code, as it stands.

    Args:
        turn: the turn that ends with it.
        instead: the code is worth nothing, so that yes means another one.
    """
    proof = turn.state.proof
    assert proof is not None
    if not instead and not is_worth_something(proof, turn.now):
        prompt = Prompt(turn.say("code.expired"), _offers(turn, proof, instead=True), _label(turn))
        return turn.ends(prompt)
    text = (
        turn.say("code.ask", email=proof.email)
        if proof.by == "email"
        else turn.say("code.ask-messenger")
    )
    return turn.ends(Prompt(text, _offers(turn, proof, instead=instead), _label(turn)))


def is_worth_something(proof: Proof | None, now: datetime) -> bool:
    """Whether the last code may still be typed."""
    asked_at = None if proof is None else proof.asked_at
    return asked_at is not None and now - asked_at <= WORTH_SOMETHING_FOR


def _verifying(turn: Turn, proof: Proof) -> Turn:
    there = turn.at(Stage.VERIFYING, turn.state.context.looking_at(turn.state.context.event))
    return there.on(there.state.proving(proof))


def _on_its_way(turn: Turn, proof: Proof) -> str:
    limits = {"minutes": CODE_MINUTES, "codes": CODES_PER_ADDRESS_AND_HOUR}
    if proof.by == "email":
        return turn.say("code.sent", email=proof.email, **limits)
    return turn.say("code.sent-messenger", email=proof.email, **limits)


def _offers(turn: Turn, proof: Proof, *, instead: bool = False) -> tuple[Offer, ...]:
    label = turn.say("button.code-again")
    again = Offer(id=f"code-again:{proof.token}", label=label, role="yes" if instead else None)
    other = Offer(id=f"code-there:{proof.token}", label=turn.say("button.code-there"))
    mail = Offer(id=f"code-mail:{proof.token}", label=turn.say("button.code-mail"))
    address = Offer(id=f"code-else:{proof.token}", label=turn.say("button.code-else"), role="back")
    leave = Offer(id=f"code-leave:{proof.token}", label=turn.say("button.cancel"), role="no")
    if not proof.by_email:
        return (again, address, leave)
    return (again, other if proof.by == "email" else mail, address, leave)


def _label(turn: Turn) -> str:
    return turn.say("button.choose")
