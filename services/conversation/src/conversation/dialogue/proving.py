"""Showing that an address is theirs: which address, and the code that was sent to it."""

from typing import Literal

from contracts import ProveEmail, derived_id
from contracts.people import CODE_DIGITS
from conversation.dialogue import addressing, mine, sending
from conversation.dialogue.codes import certain_code
from conversation.dialogue.digits import code_of, code_said_in, is_code, is_number
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.people import is_like_an_address
from conversation.dialogue.signposts import onward, to_events, to_link, to_mine
from conversation.dialogue.state import REGISTERING, Offer, Proof, Stage, State
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.moments import of_day

GOES_ON = ("my", "tickets")
"""What may wait for the proof when somebody says that they are registered already."""


def code_meant(state: State, text: str) -> str | None:
    """The choice that a code stands for: where it is asked for, and while it is worth something
    wherever it is called one.
    """
    proof = state.proof
    if proof is None or proof.asked_at is None or certain_code(text):
        return None  # an event may have a code of digits only, too
    if state.stage is Stage.VERIFYING:
        found = code_of(text)
    elif sending.is_worth_something(proof, state.heard_at or proof.asked_at):
        found = code_said_in(text)
    else:
        return None
    return None if found is None else f"code:{found}"


def link(turn: Turn, then: str = "") -> Reply:
    """I am registered already: with which address?"""
    begun = turn.state.context.event if turn.state.stage in REGISTERING else None
    goes_on = then if then in GOES_ON else "my"
    if begun is not None:
        goes_on = f"reg:{begun.code}"
    return addressing.to_linking(turn, sending.waits(turn, goes_on, by_email=_by_email(turn)))


def prove(turn: Turn, registration_id: str) -> Reply:
    """Go on with the proof that a held seat waits for. Nothing is looked up before the code."""
    if turn.state.profile.proven:
        return mine.show(turn, registration_id)  # the button is older than the proof
    wanted = sending.waits(turn, f"mine:{registration_id}", by_email=True)
    email = wanted.email or turn.state.profile.email or turn.state.context.email
    if email is None:
        return addressing.to_linking(turn, wanted)
    return sending.to_verifying(turn, wanted, email)


def typed_code(turn: Turn, text: str) -> Reply | None:
    """Something was typed where the code is asked for: another address, a slip, or neither.

    A number among words may be part of an event's title.
    """
    if is_like_an_address(text):
        asked = turn.at(Stage.LINKING, turn.state.context)
        return addressing.typed_email(asked, text)
    return no_code(turn) if is_number(text) else None


def no_code(turn: Turn) -> Reply:
    """A number that is no code: what one looks like."""
    asked = sending.question(turn).prompt
    assert asked is not None
    text = turn.say("code.bad", digits=CODE_DIGITS)
    return turn.ends(Prompt(text, asked.offers, asked.choices_label))


def enter(turn: Turn, digits: str) -> Reply:
    """This is the code. The outcome is the answer."""
    proof = turn.state.proof
    if proof is None or proof.email is None or not is_code(digits):
        return turn.ends(Prompt(turn.say("code.none"), (to_link(turn), onward(turn))))
    told = not turn.facts.registry_listens()
    command = ProveEmail(
        id=derived_id(turn.cause, 0),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        address=turn.address,
        code=digits,
        name=turn.state.context.name or turn.state.profile.name,
        sender=turn.sender,
        language=turn.state.language,
        muted=turn.state.muted,
    )
    typed_by = turn.state.proving(proof.model_copy(update={"sender": turn.sender}))
    state = typed_by.waiting_for(command.id, "prove", f"code:{digits}", turn.now, told=told)
    return Reply(state, Prompt(turn.say("wait.kept")) if told else None, command)


def again(turn: Turn, _token: str = "") -> Reply:
    """Send another code the same way."""
    proof = turn.state.proof
    if proof is None or proof.email is None:
        return turn.ends(Prompt(turn.say("code.none"), (to_link(turn), onward(turn))))
    return sending.send(turn, proof)


def by_messenger(turn: Turn, _token: str) -> Reply:
    """Send it to the other messenger."""
    return _by(turn, "messenger")


def by_mail(turn: Turn, _token: str) -> Reply:
    """Send it to the mailbox after all."""
    return _by(turn, "email")


def another_address(turn: Turn, _token: str = "") -> Reply:
    """The address was not the right one."""
    return addressing.to_linking(turn, turn.state.proof or Proof(then="my"))


def leave(turn: Turn, _token: str = "") -> Reply:
    """The way out: what waits for the proof stays as long as it may."""
    proof = turn.state.proof or Proof()
    there = turn.at(Stage.CHOOSING_EVENT, turn.state.context.looking_at(None))
    # A code that is on its way is not sent again for it, and may still be typed.
    sent = {"then": None, "claim": None, "held": None}
    there = there.on(there.state.proving(proof.model_copy(update=sent)))
    ways_on = (to_mine(turn), to_events(turn))
    held = proof.held
    if held is not None and turn.now < held.until:
        deadline = of_day(held.until, held.event.timezone, turn.state.language)
        text = turn.say("proof.left-held", title=held.event.title, deadline=deadline)
        go_on = Offer(id=f"prove:{held.registration_id}", label=turn.say("button.prove"))
        return there.ends(Prompt(text, (go_on, *ways_on)))
    booking = held is not None or proof.claim is not None
    text = turn.say("registration.left") if booking else turn.say("proof.left")
    return there.ends(Prompt(text, ways_on))


def back(turn: Turn) -> Reply:
    """One question back: from the code to the address, from there to where one was."""
    proof = turn.state.proof
    if turn.state.stage is Stage.VERIFYING:
        return another_address(turn)
    if proof is not None and turn.state.context.suggested_email is not None:
        return addressing.to_linking(turn, proof)
    if proof is not None and proof.email is not None:
        return sending.opened_again(turn, proof)
    return leave(turn)


def question(turn: Turn) -> Reply:
    """The question that is open."""
    if turn.state.stage is Stage.VERIFYING:
        return sending.question(turn)
    return addressing.ask_email(turn)


def _by(turn: Turn, by: Literal["email", "messenger"]) -> Reply:
    proof = turn.state.proof
    assert proof is not None
    return sending.send(turn, proof.model_copy(update={"by": by}))


def _by_email(turn: Turn) -> bool:
    """Whether there is a mail server, as far as anybody can say before an address is known."""
    try:
        return turn.facts.person(turn.address).proof_by_email
    except RegistrySilent:
        return True
