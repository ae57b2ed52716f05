"""Proving an address, and one person on every messenger, purely."""

from datetime import timedelta

import pytest
from conversation_talk import Talk, World, a_registration, an_event, an_offer

from contracts import (
    AcceptOffer,
    ClaimRefused,
    ClaimSeat,
    CodeRefused,
    EmailProven,
    OfferRefused,
    ProveEmail,
    RegistrationCard,
    SeatHeld,
    derived_id,
)

EVENT = an_event()
LINK = derived_id(EVENT.id, "link")


def a_held_seat(talk: Talk) -> RegistrationCard:
    values = {"status": "held", "ticket": None, "hold_expires_at": talk.now + timedelta(minutes=10)}
    return a_registration(EVENT).model_copy(update=values)


def at_the_last_look(talk: Talk | None = None) -> Talk:
    talk = talk or Talk()
    for text in ("/start event_K7Q2MX", "yes", "Ann Smith", "ann@example.com"):
        talk.says(text)
    assert talk.stage == "CONFIRMING"
    return talk


def with_a_held_seat(talk: Talk | None = None) -> Talk:
    """Somebody who has been asked for the code."""
    talk = at_the_last_look(talk)
    talk.says("yes")
    held = a_held_seat(talk)
    talk.world.registrations.append(held)
    talk.told(SeatHeld(registration=held))
    assert talk.stage == "VERIFYING"
    return talk


def asked_for_an_address(talk: Talk | None = None) -> Talk:
    talk = talk or Talk(world=World(known=False))
    talk.says("/start")
    talk.taps("Already registered")
    assert talk.stage == "LINKING"
    return talk


def asked_for_a_code(talk: Talk | None = None) -> Talk:
    talk = asked_for_an_address(talk)
    talk.says("ann@example.com")
    assert talk.stage == "VERIFYING"
    return talk


def proves(talk: Talk) -> ProveEmail:
    command = talk.commands[-1]
    assert isinstance(command, ProveEmail)
    return command


def test_a_held_seat_is_theirs_once_the_code_is_typed() -> None:
    talk = with_a_held_seat()
    answer = talk.heard[-1].text
    assert "“PyCon” is kept for you until" in answer
    assert "A code is on its way to ann@example.com" in answer
    assert "3 codes an hour at most" in answer
    (code,) = talk.codes
    assert (code.email, code.by, code.chat) == ("ann@example.com", "email", talk.address)
    assert talk.says("123 456") == ""
    assert proves(talk).code == "123456"
    assert proves(talk).name == "Ann Smith"
    seat = a_registration(EVENT)
    talk.world.registrations[:] = [seat]
    ticket = talk.told(EmailProven(name="Ann Smith", registrations=(seat,)))
    assert ticket.startswith("Thank you, that is the right code.")
    assert "You're in, Ann Smith!" in ticket
    assert talk.heard[-1].document is not None
    assert talk.stage == "REGISTERED"
    assert talk.state is not None
    assert (talk.state.proof, talk.state.profile.email) == (None, "ann@example.com")


def test_a_claim_that_needs_a_proof_first_goes_on_by_itself() -> None:
    talk = at_the_last_look()
    talk.says("yes")
    first = talk.commands[-1]
    answer = talk.told(ClaimRefused(reason="proof-first", event=EVENT))
    assert "Before I can book “PyCon”" in answer
    assert talk.stage == "VERIFYING"
    talk.says("123456")
    assert "right code" in talk.told(EmailProven(name="Ann Smith"))
    again = talk.commands[-1]
    assert isinstance(first, ClaimSeat)
    assert isinstance(again, ClaimSeat)
    assert (again.event_id, again.name) == (first.event_id, first.name)
    assert again.id != first.id
    assert again.sender == talk.sender
    assert "You're in" in talk.gets_a_seat()


def test_an_offer_that_needs_a_proof_first_is_taken_by_itself() -> None:
    talk = Talk(world=World(registrations=[an_offer(EVENT)]))
    at_the_last_look(talk) if False else talk.says("/my")
    talk.says("1")
    talk.taps("Take the seat")
    talk.told(OfferRefused(reason="proof-first", event=EVENT))
    assert talk.stage == "LINKING"
    assert "on its way" in talk.says("ann@example.com")
    talk.says("code: 123456")
    assert "right code" in talk.told(EmailProven())
    assert isinstance(talk.commands[-1], AcceptOffer)
    assert "You're in" in talk.takes_the_offer()


@pytest.mark.parametrize("known", [True, False])
def test_my_registrations_of_a_chat_that_speaks_for_nobody_lead_to_the_address(
    known: bool,
) -> None:
    talk = Talk(world=World(known=known))
    answer = talk.says("/my")
    if known:
        assert "no registrations" in answer
        return
    assert "don't find anything of yours" in answer
    assert "Registered already" in answer
    assert talk.labels == ["All events", "Cancel"]
    assert talk.stage == "LINKING"
    assert "PyCon" in talk.taps("All events")


@pytest.mark.parametrize(("asked", "shown"), [("/my", "Your registrations"), ("/ticket", "ticket")])
def test_what_was_asked_for_goes_on_by_itself_after_the_proof(asked: str, shown: str) -> None:
    talk = Talk(world=World(known=False))
    talk.says(asked)
    assert "A code is on its way to ann@example.com" in talk.says("ann@example.com")
    talk.says("654321")
    talk.world = World(registrations=[a_registration(EVENT)])
    answer = talk.told(EmailProven(name="Ann Smith", messengers=("telegram",), link_id=LINK))
    assert "This chat and Telegram belong together now" in answer
    assert shown in answer
    assert "That wasn't me" in talk.labels
    assert talk.state is not None
    assert talk.state.profile.name == "Ann Smith"


def test_without_a_mail_server_the_code_goes_to_the_other_messenger() -> None:
    talk = asked_for_a_code(Talk(world=World(known=False, proof_by_email=False)))
    assert "to their other messenger" in talk.heard[-1].text
    assert [code.by for code in talk.codes] == ["messenger"]
    assert talk.labels == ["Send it again", "Another address", "Cancel"]


@pytest.mark.parametrize(
    ("reason", "words"),
    [("wrong", "2 tries are left"), ("expired", "isn't valid"), ("too-many", "too often")],
)
def test_a_refused_code_says_why_and_leads_on(reason: str, words: str) -> None:
    talk = with_a_held_seat()
    talk.says("123456")
    outcome = CodeRefused.model_validate({"reason": reason, "tries_left": 2})
    assert words in talk.told(outcome)
    assert talk.labels == ["Send it again", "Other messenger", "Another address", "Cancel"]
    assert talk.stage == "VERIFYING"
    assert len(talk.codes) == 1
    talk.says("999999")
    assert proves(talk).code == "999999"
