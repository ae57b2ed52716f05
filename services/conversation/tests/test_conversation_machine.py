"""What holds for any sequence of anything that can happen to a chat.

The machine says, taps, repeats, waits and lets the registry answer, be slow or fall silent, in any
order, and looks after every step whether each promise of the dialogue still holds.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args
from uuid import UUID, uuid5

import pytest
from conversation_anything import (
    ELSEWHERE,
    EVENTS,
    IGNORED,
    NO_ANSWERS,
    OLGA_SENDS,
    OUTCOMES,
    OUTCOMES_OF,
    tapped,
    typed,
)
from conversation_talk import ANN, ANN_SENDS, NOW, OLGA, SPACE
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contracts import (
    ChoiceTapped,
    ClaimSeat,
    CommandOutcome,
    Content,
    InboundMessage,
    NoticeKind,
    OutboundMessage,
    Outcome,
    PersonForgotten,
    RequestCode,
    TextSaid,
    derived_id,
)
from contracts.outbound import CHOICES_MAX
from conversation import notices
from conversation.dialogue import (
    FactMissing,
    Facts,
    Heard,
    Owed,
    State,
    Step,
    forgetting,
    is_ignored,
    new_chat,
    proving,
    step,
)
from conversation.dialogue.state import Profile
from conversation.dialogue.turn import ChatCommand
from conversation.dialogue.understanding import choice_of
from conversation.document import DOCUMENT_BYTES_MAX, ChatDocument
from conversation.replay.registry import Manner, PlayedRegistry
from conversation.replay.taking import take
from conversation.seen import SEEN_AGE_MAX, SEEN_MAX
from conversation.texts import texts

TEXT_CHARACTERS_MAX, CAPTION_CHARACTERS_MAX = 4096, 1024
UNDER_A_DOCUMENT_MAX = 3
"""WhatsApp puts three buttons under a picture, and no list (platforms.md B4)."""
WAYS_OUT = ("/help", "/back", "/cancel", "/events")

NUMBERS = st.integers(0, 400)


class Chat(RuleBasedStateMachine):
    """One person's chat, as the handlers keep it, and all that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.address, self.sender = ANN, ANN_SENDS
        self.registry = PlayedRegistry(ANN, EVENTS)
        self.now = NOW
        self.document: ChatDocument | None = None
        self.count = 0
        self.items: list[TakenIn] = []
        self.shown: list[str] = []
        """The ids of all choices that the person was ever shown."""
        self.outstanding: list[ChatCommand] = []
        self.finished: list[ChatCommand] = []
        self.claims: dict[str, UUID] = {}
        """The wish that each claim came from."""
        self.ids: set[UUID] = set()

    # What a person does

    @initialize(in_russian=st.booleans(), ahead=st.integers(0, 9), proof=st.booleans())
    def begins(self, *, in_russian: bool, ahead: int, proof: bool) -> None:
        """Some way along the path first, because chance alone seldom gets far."""
        if in_russian:
            self.address, self.sender = OLGA, OLGA_SENDS
            self.registry = PlayedRegistry(OLGA, EVENTS)
        self.registry.proof_by_email = proof
        self.registry.person.elsewhere = ELSEWHERE
        code = "ABCDEF" if ahead % 2 else "K7Q2MX"
        path = [f"/start event_{code}", "yes", "Ann Lee", "ann@example.com", "yes"]
        for text in path[:ahead]:
            self.says(text)
        if ahead > len(path):
            self.registry_decides()
        if ahead > len(path) + 2:
            self.says("123456")

    @rule(text=typed)
    def says(self, text: str) -> None:
        self._does(TextSaid(text=text))

    @rule(
        path=st.sampled_from(
            [
                ("/link", "ann@example.com", "123456"),
                ("/my", "ann@example.com", "code 123456"),
                ("/forget", "FORGET"),
                ("/unlink", "yes"),
            ]
        )
    )
    def says_one_after_another(self, path: tuple[str, ...]) -> None:
        """What chance alone seldom says in this order."""
        for text in path:
            self.says(text)

    @rule(number=NUMBERS)
    def taps_what_is_offered(self, number: int) -> None:
        offered = () if self.document is None else self.document.state.offered
        if offered:
            self._does(ChoiceTapped(choice_id=offered[number % len(offered)].id))

    @rule(number=NUMBERS)
    def types_the_number_or_label(self, number: int) -> None:
        offered = () if self.document is None else self.document.state.offered
        if offered:
            at = number % len(offered)
            self.says(str(at + 1) if number % 2 else offered[at].label)

    @rule(number=NUMBERS)
    def taps_an_old_button(self, number: int) -> None:
        if self.shown:
            self._does(ChoiceTapped(choice_id=self.shown[number % len(self.shown)]))

    @rule(choice_id=tapped)
    def taps_something_forged(self, choice_id: str) -> None:
        self._does(ChoiceTapped(choice_id=choice_id))

    @rule(content=st.sampled_from(NO_ANSWERS))
    def sends_what_is_no_answer(self, content: Content) -> None:
        self._does(content)

    @rule(content=st.sampled_from(IGNORED))
    def does_what_needs_no_answer(self, content: Content) -> None:
        before = self._state()
        item = self._item(content)
        assert is_ignored(item)
        taken = self.take(before or new_chat(item), item)
        assert taken.owed == ()
        assert before is None or taken.state == before

    @rule(count=st.integers(20, 45))
    def floods(self, count: int) -> None:
        for _ in range(count):
            self._does(TextSaid(text="hey"), seconds=0)

    @rule(number=NUMBERS)
    def the_platform_repeats(self, number: int) -> None:
        if self.items:
            self._repeats(self.items[-1 - number % min(len(self.items), 12)])

    # What the registry does

    @precondition(lambda self: self.outstanding and self.registry.manner == "answers")
    @rule()
    def registry_decides(self) -> None:
        if self.outstanding:
            command = self.outstanding[0]
            self._told(command.id, self.registry.carry_out(command, self.now))

    @precondition(lambda self: self.outstanding)
    @rule(number=NUMBERS)
    def registry_says_anything(self, number: int) -> None:
        """Whatever the world looks like: it may have changed a moment ago."""
        command = self.outstanding[0]
        possible = [one for one in OUTCOMES if isinstance(one, OUTCOMES_OF[type(command)])]
        self._told(command.id, possible[number % len(possible)])

    @precondition(lambda self: self.finished)
    @rule(number=NUMBERS)
    def an_outcome_comes_again(self, number: int) -> None:
        """Under its own id it is known; under a command's that was forgotten, the truth is told."""
        command = self.finished[number % len(self.finished)]
        self._hears_late(command.id, self.registry.carry_out(command, self.now))

    @rule(outcome=st.sampled_from(OUTCOMES))
    def an_outcome_of_nobody_comes(self, outcome: Outcome) -> None:
        if self.document is not None:
            self._hears_late(uuid5(SPACE, f"nobody's {self.count}"), outcome)

    @rule(manner=st.sampled_from(["answers", "answers", "slow", "silent"]))
    def registry_is(self, manner: Manner) -> None:
        self.registry.manner = manner

    @rule(
        number=NUMBERS,
        change=st.sampled_from(
            [
                {"seats_left": 0},
                {"seats_left": 5, "waiting": 0},
                {"waiting": 3},
                {"status": "cancelled"},
                {"status": "published"},
                {"title": "Renamed"},
                {"description": "y" * 1500, "location": "z" * 200, "title": "w" * 120},
            ]
        ),
    )
    def an_event_changes(self, number: int, change: dict[str, object]) -> None:
        events = [*self.registry.events.values()]
        self.registry.change(events[number % len(events)], **change)

    @rule(number=NUMBERS)
    def a_seat_comes_free_and_runs_out(self, number: int) -> None:
        mine = self.registry.registrations
        if not mine:
            return
        one = mine[number % len(mine)]
        if one.status == "waiting":
            self.registry.offer(one.event, self.now)
        elif one.status == "offered":
            self.registry.expire(one.event)

    @rule(number=NUMBERS, kind=st.sampled_from(get_args(NoticeKind)))
    def a_notice_is_due(self, number: int, kind: NoticeKind) -> None:
        """It is rendered without the chat's document; its buttons work in any state of it."""
        mine = self.registry.registrations
        if not mine or self.registry.manner == "silent":
            return
        about = mine[number % len(mine)]
        due, answer = self.registry.notice(kind, about, "en", self.now)
        message = notices.render(due, answer)
        if message is not None:
            assert_sendable(message)
            self.shown += [choice.id for choice in message.choices]

    # What time does

    @rule(
        passed=st.sampled_from(
            [timedelta(seconds=15), timedelta(hours=2), timedelta(days=1), timedelta(days=31)]
        )
    )
    def time_passes(self, passed: timedelta) -> None:
        # A command that waits for days has died by then, and its chat was answered.
        self.now += min(passed, timedelta(hours=2)) if self.outstanding else passed

    # How a step is taken, and what is looked at afterwards

    def take(self, state: State, item: Heard) -> Step:
        """One step; the controls below break it."""
        return take(state, item, self.registry, self.now)

    def knows(self, document: ChatDocument, item: Heard) -> bool:
        """Whether the handlers recognise a repeated input; the controls below break it."""
        return document.has_seen(item.id)

    def _state(self) -> State | None:
        return None if self.document is None else self.document.state

    def _item(self, content: Content) -> InboundMessage:
        self.count += 1
        item_id = uuid5(SPACE, f"{self.address} {self.count}")
        return InboundMessage(
            id=item_id,
            occurred_at=self.now,
            correlation_id=item_id,
            address=self.address,
            sender=self.sender,
            content=content,
            sent_at=self.now,
        )

    def _does(self, content: Content, seconds: int = 2) -> None:
        self.now += timedelta(seconds=seconds)
        item = self._item(content)
        before = self._state() or new_chat(item)
        taken = self._taken_in(before, item)
        if taken.shed:
            assert commands_of(taken) == []
            assert len(messages_of(taken)) <= 1
            return
        messages, commands = messages_of(taken), commands_of(taken)
        if before.waiting is None:
            assert taken.state.kept == ()
            self._answered(messages, commands, answers=1)
        else:
            assert commands == [], "a second command before the first is answered"
            assert len(messages) <= 1
            kept = taken.state.kept == (*before.kept, item)
            assert kept or taken.state.kept == before.kept
            assert kept or messages or is_same_wish(before, content), "an answer is lost"
        self._look_around()

    def _told(self, command_id: UUID, outcome: Outcome) -> None:
        """The outcome that the chat waits for."""
        before = self._state()
        assert before is not None
        taken = self._taken_in(before, self._outcome(command_id, outcome))
        self.finished.append(self.outstanding.pop(0))
        messages, commands = messages_of(taken), commands_of(taken)
        left = len(taken.state.kept)
        if isinstance(outcome, PersonForgotten) and not before.kept:
            known = State(language=before.language, offered=taken.state.offered)
            assert taken.state == known, "something of the person stays"
        assert taken.state.kept == before.kept[len(before.kept) - left :], "what is kept is lost"
        assert left == 0 or commands, "what was kept could be answered now"
        self._answered(messages, commands, answers=1 + len(before.kept) - left)
        self._look_around()

    def _hears_late(self, command_id: UUID, outcome: Outcome) -> None:
        """An outcome that the chat does not wait for: told, and nothing else changes."""
        item = self._outcome(command_id, outcome)
        document = self.document
        assert document is not None
        earlier = next((one for one in self.items if one.item.id == item.id), None)
        if earlier is not None:
            self._repeats(earlier)
            return
        taken = self._taken_in(document.state, item)
        assert taken.state == document.state
        assert len(messages_of(taken)) == 1
        assert commands_of(taken) == []

    def _outcome(self, command_id: UUID, outcome: Outcome) -> CommandOutcome:
        return CommandOutcome(
            id=derived_id(command_id, "outcome"),
            occurred_at=self.now,
            correlation_id=command_id,
            address=self.address,
            command_id=command_id,
            outcome=outcome,
        )

    def _taken_in(self, before: State, item: Heard) -> Step:
        taken = self.take(before, item)
        assert taken == self.take(before, item), "a step is a function of its arguments"
        self._nothing_is_looked_up_for_a_code(before, item, taken)
        for owed in taken.owed:
            if isinstance(owed, RequestCode):
                self.registry.send_code(owed, self.now)
        document = self.document or ChatDocument(state=before)
        ids = tuple(owed.id for owed in taken.owed)
        if not (taken.shed and not taken.owed):
            # What is shed in silence leaves no trace.
            document = document.after(item.id, taken.state, taken.owed, self.now)
        body = document.encoded()
        assert len(body) <= DOCUMENT_BYTES_MAX
        assert ChatDocument.model_validate_json(body).state == document.state
        self.document = document
        assert len(set(ids)) == len(ids), "two things under one id"
        assert self.ids.isdisjoint(ids), "the streams would swallow the second"
        self.ids |= set(ids)
        self.items.append(TakenIn(item, ids, self.now))
        for message in messages_of(taken):
            assert_sendable(message)
            self.shown += [choice.id for choice in message.choices]
        return taken

    def _nothing_is_looked_up_for_a_code(self, before: State, item: Heard, taken: Step) -> None:
        """Or text and time would tell whether somebody has the address."""
        sends = any(isinstance(owed, RequestCode) for owed in taken.owed)
        if not sends or before.kept:
            return
        try:
            without_facts = step(before, item, Facts(), self.now)
        except FactMissing as missing:
            raise AssertionError(f"{missing.query.subject} is asked for a code") from missing
        assert without_facts == taken, "what is said of a code depends on who is known"

    def _repeats(self, earlier: "TakenIn") -> None:
        """The same input once more owes the same again while it may be unsaid, and nothing new."""
        document, item = self.document, earlier.item
        if document is None or self.now - earlier.at > SEEN_AGE_MAX:
            return  # no stream keeps anything for so long
        if len(self.items) - self.items.index(earlier) > SEEN_MAX:
            return  # nor does it hold back anything while so much else goes by
        if self.knows(document, item):
            again = document_ids(document, item.id)
            assert again in (earlier.ids, ()), "a repeated input owes something else"
            return
        # Only what was shed leaves no trace; it is shed again, or has waited for its turn.
        assert earlier.ids == (), "a repeated input is answered anew"

    def _answered(
        self, messages: list[OutboundMessage], commands: list[ChatCommand], *, answers: int
    ) -> None:
        """So many things are answered: each by one message, or by the outcome of its command."""
        by_a_command = len(commands)
        assert by_a_command <= 1, "two commands at once"
        kindness = 1 if by_a_command else 0
        by_a_message = answers - by_a_command
        assert by_a_message <= len(messages) <= by_a_message + kindness, "not one answer each"
        self.outstanding += commands
        assert len(self.outstanding) <= 1, "two commands wait at once"
        state = self._state()
        assert state is not None
        waiting = state.waiting
        awaited = [] if waiting is None else [waiting.command_id]
        assert [command.id for command in self.outstanding] == awaited, "an outcome is not awaited"
        for command in commands:
            assert waiting is not None
            if isinstance(command, ClaimSeat):
                assert waiting.choice_id not in self.claims, "two claims for one wish"
                self.claims[waiting.choice_id] = command.id

    def _look_around(self) -> None:
        """No dead end: each way out and each choice on offer is understood and leads on."""
        state = self._state()
        assert state is not None
        if state.waiting is not None or self.registry.manner == "silent":
            return
        self.now += timedelta(minutes=1)  # nobody is in a flood
        words = texts(state.language)
        deaf = (words.say("aside.unknown"), words.say("aside.stale"))
        ways: list[Content] = [TextSaid(text=word) for word in WAYS_OUT]
        ways += [ChoiceTapped(choice_id=offer.id) for offer in state.offered]
        for doing in ways:
            taken = self.take(state, self._item(doing))
            assert taken.owed, f"{doing} leads nowhere"
            for message in messages_of(taken):
                assert_sendable(message)
                assert not message.text.startswith(deaf), f"{doing} is not understood"
                assert message.choices or commands_of(taken), f"{doing} is a dead end"

    def teardown(self) -> None:
        """When the registry is back every answer comes, and nobody has two seats at one event."""
        self.registry.manner = "answers"
        while self.outstanding:
            self.registry_decides()
        state = self._state()
        assert state is None or (state.waiting, state.kept) == (None, ())
        at = [one.event.id for one in self.registry.registrations]
        assert len(at) == len(set(at))


@dataclass(frozen=True)
class TakenIn:
    """An input, and the ids of what was owed for it."""

    item: Heard
    ids: tuple[UUID, ...]
    at: datetime


def messages_of(taken: Step) -> list[OutboundMessage]:
    return [owed for owed in taken.owed if isinstance(owed, OutboundMessage)]


def commands_of(taken: Step) -> list[ChatCommand]:
    """The commands that an outcome follows."""
    return [owed for owed in taken.owed if isinstance(owed, ChatCommand)]


def document_ids(document: ChatDocument, input_id: UUID) -> tuple[UUID, ...]:
    return tuple(owed.id for owed in document.owed_for(input_id))


def is_same_wish(state: State, content: Content) -> bool:
    """The wish that the chat waits for, once more: its outcome answers both."""
    assert state.waiting is not None
    if isinstance(content, ChoiceTapped):
        return content.choice_id == state.waiting.choice_id
    if isinstance(content, TextSaid):
        own = proving.code_meant(state, content.text) or forgetting.meant(state, content.text)
        meant = own or choice_of(content.text, state.offered, free_text=False)
        return meant == state.waiting.choice_id
    return False


def assert_sendable(message: OutboundMessage) -> None:
    """It is within both platforms' limits (platforms.md A4, B4)."""
    assert message.text.strip()
    longest = CAPTION_CHARACTERS_MAX if message.document else TEXT_CHARACTERS_MAX
    assert len(message.text) <= longest
    ids = [choice.id for choice in message.choices]
    assert len(ids) == len(set(ids)) <= (UNDER_A_DOCUMENT_MAX if message.document else CHOICES_MAX)
    assert all(choice.label.strip() for choice in message.choices)


def examine(machine: type[Chat], *, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            # A failure is shown as it was found: making it smaller takes minutes.
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_sequence_of_anything_breaks_a_promise() -> None:
    examine(Chat, examples=80, steps=30)


class Forgetful(Chat):
    """Takes a repeated input for a new one."""

    def knows(self, document: ChatDocument, item: Heard) -> bool:
        return False


class Careless(Chat):
    """Drops what is said while it waits."""

    def take(self, state: State, item: Heard) -> Step:
        taken = super().take(state, item)
        return replace(taken, state=taken.state.keeping(()))


class Hasty(Chat):
    """Does not wait for the outcome."""

    def take(self, state: State, item: Heard) -> Step:
        taken = super().take(state, item)
        return replace(taken, state=taken.state.answered())


class Twofold(Chat):
    """Says everything twice."""

    def take(self, state: State, item: Heard) -> Step:
        taken = super().take(state, item)
        again = [one.model_copy(update={"id": derived_id(one.id, 2)}) for one in messages_of(taken)]
        return replace(taken, owed=(*taken.owed, *again))


class Curt(Chat):
    """Offers no way on."""

    def take(self, state: State, item: Heard) -> Step:
        taken = super().take(state, item)
        bare = [one.model_copy(update={"choices": ()}) for one in messages_of(taken)]
        return replace(taken, owed=(*commands_of(taken), *bare))


class Curious(Chat):
    """Looks the person up before saying that a code is on its way."""

    def take(self, state: State, item: Heard) -> Step:
        taken = super().take(state, item)
        return replace(taken, owed=tuple(map(self._as_known, taken.owed)))

    def _as_known(self, owed: Owed) -> Owed:
        if not isinstance(owed, OutboundMessage) or not self.registry.registrations:
            return owed
        return owed.model_copy(update={"text": f"{owed.text} You have seats!"})


class Clinging(Chat):
    """Keeps the name of whoever wished to be forgotten."""

    def take(self, state: State, item: Heard) -> Step:
        taken = super().take(state, item)
        if isinstance(item, CommandOutcome) and isinstance(item.outcome, PersonForgotten):
            return replace(taken, state=taken.state.known_as(Profile(name=self.sender.name)))
        return taken


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (Curious, "depends on who is known"),
        (Clinging, "something of the person"),
        (Forgetful, "a repeated input"),
        (Careless, "lost"),
        (Hasty, "not awaited"),
        (Twofold, "not one answer each"),
        (Curt, "a dead end"),
    ],
)
def test_each_promise_is_missed_when_it_is_broken(broken: type[Chat], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        examine(broken, examples=200, steps=30)
