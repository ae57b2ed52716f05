"""What a process remembers of a flood, and what it must not conclude from it."""

from datetime import UTC, datetime, timedelta

from contracts import Address, InboundMessage, Sender, TextSaid, inbound_id
from conversation.dialogue import State
from conversation.dialogue.pace import BURST, paced
from conversation.dialogue.state import Profile
from conversation.floods import FLOODS_MAX, Floods

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SAID_AT = NOW - timedelta(minutes=10)


def said(at: datetime, chat_id: str = "7") -> InboundMessage:
    input_id = inbound_id("telegram", "123456", f"{chat_id}:{at}")
    return InboundMessage(
        id=input_id,
        occurred_at=NOW,
        correlation_id=input_id,
        address=Address(platform="telegram", account="123456", chat_id=chat_id),
        sender=Sender(),
        content=TextSaid(text="/help"),
        sent_at=at,
    )


def state_after(burst: int) -> State:
    state = State()
    for _ in range(burst):
        within = paced(state, SAID_AT, NOW)
        assert within is not None
        state = within.heard(SAID_AT)
    return state


def test_the_rest_of_a_flood_is_known_without_its_document() -> None:
    floods = Floods()
    assert not floods.covers(said(SAID_AT), NOW)
    floods.note(said(SAID_AT).address, state_after(BURST))
    assert floods.covers(said(SAID_AT), NOW)
    assert not floods.covers(said(SAID_AT, chat_id="8"), NOW)


def test_nothing_of_a_person_stays_in_memory_but_the_pace() -> None:
    floods = Floods()
    state = state_after(BURST).known_as(Profile(name="Ann Lee", email="ann@example.com"))
    address = said(SAID_AT).address
    floods.note(address, state)
    assert "Ann" not in repr(vars(floods))
    assert floods.covers(said(SAID_AT), NOW), "it knows enough all the same"


def test_what_a_newer_document_took_in_is_looked_up_when_it_comes_again() -> None:
    floods = Floods()
    older = state_after(BURST)
    floods.note(said(SAID_AT).address, older)
    taken_in = SAID_AT + timedelta(seconds=2)
    assert paced(older, taken_in, NOW) is not None
    assert not floods.covers(said(taken_in), NOW)
    # From then on the document is asked again, until it says so once more.
    assert not floods.covers(said(SAID_AT), NOW)


def test_what_was_overtaken_on_its_way_is_left_to_the_document() -> None:
    floods = Floods()
    floods.note(said(SAID_AT).address, state_after(BURST))
    assert not floods.covers(said(SAID_AT - timedelta(seconds=1)), NOW)


def test_only_so_many_floods_are_remembered() -> None:
    floods = Floods()
    for number in range(FLOODS_MAX + 1):
        floods.note(said(SAID_AT, chat_id=str(number + 1)).address, state_after(BURST))
    assert not floods.covers(said(SAID_AT, chat_id="1"), NOW)
    assert floods.covers(said(SAID_AT, chat_id="2"), NOW)
