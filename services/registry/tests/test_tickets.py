"""Tickets that can be checked without asking anybody."""

import base64
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from registry.tickets import TICKET_CHARACTERS_MAX, Tickets

TICKETS = Tickets("a key for tests")


@given(st.uuids())
def test_a_ticket_is_short_and_names_its_registration(registration_id: UUID) -> None:
    ticket = TICKETS.issue(registration_id)
    assert len(ticket) <= TICKET_CHARACTERS_MAX
    assert TICKETS.check(ticket) == registration_id
    assert TICKETS.issue(registration_id) == ticket


@given(st.uuids(), st.integers(min_value=0, max_value=109), st.characters())
def test_a_ticket_with_one_changed_sign_is_none(
    registration_id: UUID, place: int, sign: str
) -> None:
    ticket = TICKETS.issue(registration_id)
    changed = ticket[:place] + sign + ticket[place + 1 :]
    assert changed == ticket or TICKETS.check(changed) is None


@given(st.text())
def test_any_other_text_is_no_ticket(text: str) -> None:
    assert TICKETS.check(text) is None
    assert TICKETS.check(f"T1.{text}") is None


def test_another_installation_s_ticket_is_none() -> None:
    assert TICKETS.check(Tickets("another key").issue(UUID(int=1))) is None


def test_the_public_key_alone_is_enough_at_the_door() -> None:
    registration_id = UUID(int=1)
    content = base64.urlsafe_b64decode(TICKETS.issue(registration_id)[3:] + "=")
    signed, signature = b"turnout ticket 1\0" + content[:16], content[16:]
    assert VerifyKey(TICKETS.public_key).verify(signed, signature) == signed


def test_a_key_of_32_bytes_in_base64_is_taken_as_it_is() -> None:
    seed = base64.b64encode(bytes(range(32))).decode()
    assert Tickets(seed).public_key != Tickets(seed + " ").public_key
    assert Tickets(seed).public_key == Tickets(seed).public_key
