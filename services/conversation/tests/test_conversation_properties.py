"""What holds for any sequence of anything."""

from uuid import UUID

from conversation_talk import (
    NOW,
    Talk,
    World,
    a_place,
    a_registration,
    an_event,
    an_offer,
    russian,
    take,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import (
    CancellationRefused,
    ChatBlocked,
    ChoiceTapped,
    ClaimRefused,
    CommandFailed,
    CommandOutcome,
    Content,
    InboundMessage,
    MediaSent,
    MessageEdited,
    NoticeAnswer,
    OfferRefused,
    OtherSent,
    OutboundMessage,
    Outcome,
    ReactionSent,
    RegistrationReleased,
    SeatClaimed,
    SeatTransferred,
    TextSaid,
    TransferDropped,
    TransferOffered,
    TransferRefused,
    WaitingListed,
)
from conversation.dialogue import State, is_ignored
from conversation.dialogue.choices import ALWAYS, OF_A_QUESTION
from conversation.document import ChatDocument

EVENT = an_event()
FULL = an_event(2, title="Jazz", code="ABCDEF", seats_left=0, waiting=5, description="x" * 1500)
GONE = an_event(3, title="Gone", code="GGGGGG", status="cancelled")
LATER = an_event(4, title="Later", code="LLLLLL", opens_at=EVENT.starts_at)
CLOSED = an_event(5, title="Closed", code="CCCCCC", closes_at=NOW)
MINE = an_event(6, title="Mine", code="MMMMMM")
SEAT, PLACE, OFFER = a_registration(MINE), a_place(FULL), an_offer(LATER)

WORDS = ["/start", "/events", "/my", "/ticket", "/cancel", "/back", "/help", "/language", "да"]
WORDS += ["нет", "yes", "no", "cancel", "back", "1", "2", "3", "9", "PyCon", "Jazz", "help", "next"]
WORDS += ["Ann Smith", "ann@example.com", "ann@gmial.com", "/start event_K7Q2MX", "/language ru"]
WORDS += ["Register: Gone (GGGGGG)", "/start event_ZZZZZZ", "😀", "{title}", "%s", "\u202e"]

texts = st.sampled_from(WORDS) | st.text(max_size=100)
contents: st.SearchStrategy[Content] = st.one_of(
    st.builds(TextSaid, text=texts),
    st.builds(ChoiceTapped, choice_id=st.text(max_size=60)),
    st.builds(
        lambda verb, argument: ChoiceTapped(choice_id=f"{verb}:{argument}"),
        st.sampled_from([*ALWAYS, *OF_A_QUESTION, "cancel"]),
        st.sampled_from(
            ["", "1", "K7Q2MX", "ABCDEF", "LLLLLL", "CCCCCC", "ru", "None"]
            + [str(one.id) for one in (SEAT, PLACE, OFFER)]
        ),
    ),
    st.sampled_from(
        [
            MediaSent(media="sticker"),
            MediaSent(media="voice"),
            OtherSent(type="poll"),
            ReactionSent(emoji="👍"),
            MessageEdited(text="x"),
            ChatBlocked(),
        ]
    ),
)
outcomes: st.SearchStrategy[Outcome] = st.sampled_from(
    [
        SeatClaimed(registration=SEAT),
        SeatClaimed(registration=SEAT, already=True),
        ClaimRefused(reason="full", event=EVENT),
        ClaimRefused(reason="unknown-event"),
        ClaimRefused(reason="not-yet-open", event=LATER),
        WaitingListed(registration=PLACE),
        WaitingListed(registration=OFFER, already=True),
        RegistrationReleased(registration_id=SEAT.id, event=EVENT),
        RegistrationReleased(registration_id=PLACE.id, event=FULL, was="waiting"),
        CancellationRefused(reason="not-yours"),
        OfferRefused(reason="expired", event=LATER),
        OfferRefused(reason="expired"),
        TransferOffered(registration=SEAT, expires_at=EVENT.starts_at),
        SeatTransferred(registration=SEAT),
        TransferDropped(event=EVENT),
        TransferRefused(reason="not-offered"),
        CommandFailed(),
    ]
)
doings = st.one_of(
    contents,
    st.integers(0, 9).map(lambda number: ("tap", number)),
    st.integers(0, 40).map(lambda number: ("tap an old one", number)),
    outcomes.map(lambda outcome: ("outcome", outcome)),
    st.booleans().map(lambda silent: ("silent", silent)),
)

PATH: list[object] = [
    *(TextSaid(text=text) for text in ("hi", "1", "yes", "Ann Lee", "ann@example.com", "yes")),
    ("outcome", SeatClaimed(registration=SEAT)),
]


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.integers(0, len(PATH)), st.lists(doings, max_size=25))
def test_no_sequence_of_anything_breaks_the_dialogue(
    in_russian: bool, steps_ahead: int, sequence: list[object]
) -> None:
    talk = russian() if in_russian else Talk()
    promised = NoticeAnswer(address=talk.address, registration=SEAT)
    talk.world = World(
        [EVENT, FULL, GONE, LATER, CLOSED], [SEAT, PLACE, OFFER], {"transfer-offered": promised}
    )
    unanswered: set[UUID] = set()
    # Some way along the path first, because chance alone seldom gets far.
    for doing in [*PATH[:steps_ahead], *sequence]:
        before, heard_before = talk.state, len(talk.heard)
        commands_before = len(talk.commands)
        if not do(talk, doing):
            continue
        item = talk.items[-1]
        new_messages = talk.heard[heard_before:]
        new_commands = talk.commands[commands_before:]
        assert talk.state is not None

        # Never two unanswered commands.
        if isinstance(item, CommandOutcome):
            unanswered.discard(item.command_id)
        unanswered |= {command.id for command in new_commands}
        assert len(unanswered) <= 1
        assert (talk.state.waiting is not None) == bool(unanswered)

        # One answer to one message, and always one to what was said, now or after the outcome.
        if isinstance(item, InboundMessage):
            assert len(new_messages) <= 1
            if is_ignored(item):
                assert before in (talk.state, None)
                assert new_messages == []
            elif before is None or before.waiting is None:
                assert len(new_messages) + len(new_commands) >= 1
        else:
            kept_before = len(before.kept) if before else 0
            answered = kept_before - len(talk.state.kept)
            assert len(new_messages) + len(new_commands) >= 1 + answered

        # Whatever is said can be sent, and whatever is kept can be stored.
        for message in new_messages:
            assert_sendable(message)
        ids = [owed.id for owed in (*talk.heard, *talk.commands)]
        assert len(ids) == len(set(ids))
        document = ChatDocument(state=talk.state).after(
            item.id, talk.state, (*new_messages, *new_commands), talk.now
        )
        assert ChatDocument.model_validate_json(document.encoded()) == document

    # No dead end: help and the way back to the list always answer once the registry does.
    finish(talk)


def do(talk: Talk, doing: object) -> bool:
    """Do it; False when there is nothing to do it to."""
    match doing:
        case ("tap", int(number)):
            return tap(talk, number, talk.heard[-1:])
        case ("tap an old one", int(number)):
            return tap(talk, number, talk.heard)
        case ("outcome", outcome):
            if talk.state is None or talk.state.waiting is None:
                return False
            talk.told(outcome, talk.state.waiting.command_id)  # type: ignore[arg-type]
        case ("silent", bool(silent)):
            talk.world.silent = silent
            return False
        case _:
            talk.does(doing)  # type: ignore[arg-type]
    return True


def tap(talk: Talk, number: int, messages: list[OutboundMessage]) -> bool:
    choices = [choice for message in messages for choice in message.choices]
    if not choices:
        return False
    talk.taps_id(choices[number % len(choices)].id)
    return True


def assert_sendable(message: OutboundMessage) -> None:
    assert message.text.strip()
    # A caption takes less than a text, on both platforms (platforms.md A4, B4).
    assert len(message.text) <= (1024 if message.document else 4096)
    assert len(message.choices) <= 10
    assert len({choice.id for choice in message.choices}) == len(message.choices)
    if message.document:
        assert len(message.choices) <= 3


def finish(talk: Talk) -> None:
    talk.world.silent = False
    while talk.state is not None and talk.state.waiting is not None:
        talk.told(ClaimRefused(reason="full", event=EVENT), talk.state.waiting.command_id)
    for word in ("/help", "/back", "/cancel", "/events"):
        assert talk.says(word), word
    assert talk.stage == "CHOOSING_EVENT"
    assert talk.labels[:4] == ["PyCon", "Jazz", "Later", "Closed"]


@given(contents)
def test_a_step_is_a_function_of_its_arguments(content: Content) -> None:
    talk = Talk()
    talk.does(content)
    first, again = (take(State(), talk.items[0], talk.world, talk.now) for _ in range(2))
    assert first == again
    assert first.state == talk.state
