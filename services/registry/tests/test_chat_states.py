"""Dialogue states that the conversation keeps beside Redis: which of two writes counts."""

import asyncio

import pytest
from registry_house import House, QuietHouse, chat, claim_seat

from contracts import ChatRevision, ChatState, LoadChatState, SaveChatState
from registry.chat_states import ChatStates

ANN = chat(1)


@pytest.fixture
def states(quiet_house: QuietHouse) -> ChatStates:
    return ChatStates(database=quiet_house.databases[0], clock=quiet_house.clock)


def revision(n: int, *, epoch: int = 0, line: int = 0) -> ChatRevision:
    return ChatRevision(epoch=epoch, n=n, stamp=f"{line:08x}{n:08x}")


def state(at: ChatRevision, document: str = '{"said": "hello"}') -> ChatState:
    return ChatState(revision=at, stage="ENTERING_NAME", document=document)


async def saved(states: ChatStates, base: ChatRevision | None, at: ChatRevision) -> bool:
    return (await states.save(SaveChatState(address=ANN, base=base, state=state(at)))).saved


async def loaded(states: ChatStates) -> ChatState | None:
    return (await states.load(LoadChatState(address=ANN))).state


async def test_a_state_is_found_as_it_was_saved(states: ChatStates) -> None:
    assert await loaded(states) is None
    assert await saved(states, None, revision(1))
    assert await saved(states, revision(1), revision(2))
    assert await loaded(states) == state(revision(2))


async def test_only_a_higher_revision_of_the_same_line_replaces_a_state(states: ChatStates) -> None:
    assert not await saved(states, revision(1), revision(2))
    await saved(states, None, revision(1))
    await saved(states, revision(1), revision(2))
    for base, at in (
        (None, revision(3)),  # somebody who knows of none
        (revision(1), revision(2, line=9)),  # a replica that was behind
        (revision(2, line=9), revision(3, line=9)),  # and what grew from there
        (revision(3), revision(4)),  # something that was never heard of
        (revision(2), revision(2, line=9)),  # not higher
        (revision(2, epoch=1), revision(1, epoch=2)),
    ):
        assert not await saved(states, base, at)
    assert await loaded(states) == state(revision(2))
    # Without Redis the epoch rises; what Redis still has of the old one comes too late.
    assert await saved(states, revision(2), revision(3, epoch=1))
    assert not await saved(states, revision(2), revision(3))


async def test_saying_the_same_again_is_answered_alike(states: ChatStates) -> None:
    for _ in range(2):
        assert await saved(states, None, revision(1))
    for _ in range(2):
        assert await saved(states, revision(1), revision(2))
    assert await loaded(states) == state(revision(2))


async def test_of_many_at_once_one_wins(states: ChatStates) -> None:
    base = None
    for n in (1, 2):
        won = await asyncio.gather(
            *(saved(states, base, revision(n, line=line)) for line in range(12))
        )
        assert won.count(True) == 1
        stored = await loaded(states)
        assert stored is not None
        base = stored.revision
        assert base == revision(n, line=won.index(True))


async def test_two_bots_have_states_of_their_own(states: ChatStates) -> None:
    other = ANN.model_copy(update={"account": "654321"})
    await saved(states, None, revision(1))
    assert (await states.load(LoadChatState(address=other))).state is None


async def test_the_person_is_named_once_the_chat_has_one(house: House) -> None:
    states = ChatStates(database=house.databases[0], clock=house.clock)
    await saved(states, None, revision(1))
    assert (await house.rows("SELECT user_id FROM user_states"))[0]["user_id"] is None
    event_id = await house.event()
    await house.do(claim_seat(event_id, person=1))
    await saved(states, revision(1), revision(2))
    (row,) = await house.rows(
        "SELECT s.user_id = i.user_id AS same, s.current_state, s.updated_at "
        "FROM user_states AS s JOIN identities AS i ON i.chat_id = s.chat"
    )
    assert row["same"]
    assert row["current_state"] == "ENTERING_NAME"
    assert abs((row["updated_at"] - house.clock.now()).total_seconds()) < 60


async def test_a_character_that_json_in_postgresql_refuses_stops_nobody(states: ChatStates) -> None:
    nul = state(revision(1), '{"said": "a\\u0000b", "more": ["\\u0000", {"\\u0000": 1}]}')
    assert (await states.save(SaveChatState(address=ANN, base=None, state=nul))).saved
    stored = await loaded(states)
    assert stored is not None
    assert stored.document == '{"more": ["", {"": 1}], "said": "ab"}'
