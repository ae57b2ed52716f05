"""Stop and start, the language of notices, "still coming?" and the calendar, purely."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from conversation_talk import (
    ANN,
    OLGA,
    Talk,
    World,
    a_place,
    a_registration,
    an_event,
    an_offer,
    russian,
)
from icalendar import Calendar

from contracts import (
    CancelRegistration,
    ClaimSeat,
    CommandFailed,
    NoticeAnswer,
    NoticeKind,
    OutboundMessage,
    SeatClaimed,
    TextSaid,
)
from conversation.dialogue import State
from conversation.document import ChatDocument

EVENT = an_event()
JAZZ = an_event(2, title="Jazz", code="ABCDEF")


def who_registers(talk: Talk | None = None) -> Talk:
    """Somebody who is asked for the name."""
    talk = talk or Talk()
    talk.says("/start event_K7Q2MX")
    talk.taps_id("reg:K7Q2MX")
    assert talk.stage == "ENTERING_NAME"
    return talk


def at_the_last_look(talk: Talk | None = None) -> Talk:
    talk = who_registers(talk)
    talk.says("Ann Smith")
    talk.says("ann@example.com")
    assert talk.stage == "CONFIRMING"
    return talk


def with_a_seat(talk: Talk | None = None) -> Talk:
    talk = talk or Talk()
    talk.world.registrations = [a_registration(EVENT)]
    return talk


def muted(talk: Talk) -> bool:
    assert talk.state is not None
    return talk.state.muted


@pytest.mark.parametrize("word", ["stop", "Stop!", "STOP", "/stop", "unsubscribe"])
def test_stop_is_answered_with_what_it_means_and_how_to_undo_it(word: str) -> None:
    talk = with_a_seat()
    answer = talk.says(word)
    assert "no more reminders" in answer
    assert "offered seats" in answer
    assert "Say “start”" in answer
    assert talk.labels == ["Write to me again", "My registrations", "All events"]
    assert muted(talk)
    (wish,) = talk.wishes
    assert (wish.muted, wish.language, wish.chat) == (True, None, ANN)
    # The chat waits for nothing: the next thing said is answered at once.
    assert "Your registrations" in talk.says("/my")


@pytest.mark.parametrize("word", ["стоп", "Стоп.", "/stop", "отписаться"])
def test_stop_in_russian(word: str) -> None:
    talk = with_a_seat(russian())
    assert "больше никаких напоминаний" in talk.says(word)
    assert talk.labels == ["Снова пишите мне", "Мои записи", "Все мероприятия"]
    assert "снова включены" in talk.says("старт")
    assert [wish.muted for wish in talk.wishes] == [True, False]
    assert not muted(talk)


def test_start_undoes_a_stop_and_greets() -> None:
    talk = Talk()
    talk.says("stop")
    answer = talk.taps("Write to me again")
    assert answer.startswith("I'll write by myself again")
    assert "PyCon" in answer
    assert not muted(talk)
    assert [wish.muted for wish in talk.wishes] == [True, False]
    assert len({wish.id for wish in talk.wishes}) == 2


def test_start_in_a_chat_that_is_not_muted_is_only_a_greeting() -> None:
    talk = Talk()
    assert "PyCon" in talk.says("start")
    assert talk.wishes == []


def test_start_takes_back_a_stop_that_was_said_in_another_messenger() -> None:
    talk = at_the_last_look()
    talk.taps("Confirm")
    talk.gets_a_seat()
    talk.says("start")
    assert [wish.muted for wish in talk.wishes] == [False]


@pytest.mark.parametrize("said", ["menu", "hello", "/start event_K7Q2MX", "/help", "PyCon"])
def test_nothing_but_start_undoes_a_stop(said: str) -> None:
    """A scanned poster or a look around is no wish to be reminded again."""
    talk = Talk()
    talk.says("stop")
    talk.says(said)
    assert muted(talk)
    assert len(talk.wishes) == 1


def test_a_repeated_stop_is_told_so_and_told_to_the_registry_again() -> None:
    talk = Talk()
    talk.says("stop")
    assert "any more" in talk.says("stop")
    assert muted(talk)
    # Should the first wish have been lost on the way, the second is not.
    assert [wish.muted for wish in talk.wishes] == [True, True]


def test_stop_in_mid_registration_ends_that_too_and_says_both() -> None:
    talk = who_registers()
    answer = talk.says("stop")
    assert "Nothing was booked" in answer
    assert "no more reminders" in answer
    assert talk.stage == "CHOOSING_EVENT"
    assert muted(talk)
    # Nothing is asked any more: an address that is typed now is no answer.
    talk.says("ann@example.com")
    assert talk.stage == "CHOOSING_EVENT"
    assert talk.commands == []


def test_stop_while_asked_about_giving_up_a_seat_keeps_the_seat() -> None:
    talk = with_a_seat()
    talk.says("cancel")
    talk.says("stop")
    talk.says("yes")
    assert talk.commands == []


def test_stop_before_anything_else_is_answered() -> None:
    talk = Talk()
    talk.world.silent = True
    assert "no more reminders" in talk.says("stop")
    answer = talk.says("start")
    assert "write by myself again" in answer
    assert [wish.muted for wish in talk.wishes] == [True, False]


def test_who_said_stop_is_reminded_of_it_with_help_and_ticket() -> None:
    talk = with_a_seat()
    assert "I don't write by myself" not in talk.says("ticket") + talk.says("help")
    talk.says("stop")
    assert "I don't write by myself" in talk.says("ticket")
    assert "I don't write by myself" in talk.says("help")
    talk.says("start")
    assert "I don't write by myself" not in talk.says("ticket") + talk.says("help")


def test_a_claim_carries_the_wish() -> None:
    talk = Talk()
    talk.says("stop")
    at_the_last_look(talk)
    talk.taps("Confirm")
    (claim,) = talk.commands
    assert isinstance(claim, ClaimSeat)
    assert claim.muted
    assert "I don't write by myself" in talk.gets_a_seat()


def test_stop_right_behind_a_confirmation_is_answered_after_the_outcome() -> None:
    talk = at_the_last_look()
    talk.taps("Confirm")
    assert talk.says("stop") == ""
    assert talk.wishes == []
    answer = talk.gets_a_seat()
    assert "You're in" in answer
    assert "no more reminders" in answer
    assert muted(talk)
    assert len(talk.wishes) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_stop_in_a_long_wait_is_told_again_after_the_outcome(fails: bool) -> None:
    """The registry may not know the person yet, and the claim carries what held before."""
    talk = at_the_last_look()
    talk.taps("Confirm")
    talk.now += timedelta(minutes=5)
    talk.world.silent = True
    assert "no more reminders" in talk.says("stop")
    assert [wish.muted for wish in talk.wishes] == [True]
    talk.world.silent = False
    if fails:
        talk.told(CommandFailed())
    else:
        assert "I don't write by myself" in talk.gets_a_seat()
    assert [wish.muted for wish in talk.wishes] == [True, True]
    assert [wish.language for wish in talk.wishes] == [None, None]
    assert talk.wishes[0].id != talk.wishes[1].id
    # Once: the next outcome has nothing to add.
    talk.says("/my")
    assert len(talk.wishes) == 2


def test_a_language_is_chosen_for_notices_too() -> None:
    talk = Talk()
    assert "по-русски" in talk.says("/language ru")
    (wish,) = talk.wishes
    assert (wish.language, wish.muted) == ("ru", None)
    talk.says("/language")
    assert len(talk.wishes) == 1
    talk.taps("English")
    assert talk.wishes[1].language == "en"


def test_a_language_in_mid_registration_goes_on_with_the_question() -> None:
    talk = who_registers()
    assert "На чьё имя" in talk.says("/language ru") or talk.stage == "ENTERING_NAME"
    assert len(talk.wishes) == 1


def test_what_is_owed_is_stored_with_its_answer_and_published_before_it() -> None:
    talk = Talk()
    talk.says("hello")
    before = talk.state
    assert before is not None
    talk.says("stop")
    assert talk.state is not None
    item = talk.items[-1]
    owed = (talk.wishes[0], talk.heard[-1])
    document = ChatDocument(state=before).after(item.id, talk.state, owed, talk.now)
    again = ChatDocument.model_validate_json(document.encoded())
    assert again.owed_for(item.id) == owed
    assert again.state.muted


def test_documents_of_before_are_not_muted() -> None:
    assert not State.model_validate_json('{"stage":"REGISTERED","language":"ru"}').muted


def test_yes_i_am_coming_is_thanked_with_the_ticket() -> None:
    talk = with_a_seat()
    answer = talk.taps_id(f"coming:{a_registration(EVENT).id}")
    assert "see you there" in answer
    assert "Hall 3" in answer
    assert talk.heard[-1].document is not None
    assert talk.commands == []


def test_yes_i_am_coming_in_russian() -> None:
    assert "ждём вас" in with_a_seat(russian()).taps_id(f"coming:{a_registration(EVENT).id}")


@pytest.mark.parametrize("words", ["I'm coming!", "приду", "Yes, I'm coming"])
def test_coming_said_in_words_is_about_the_next_event(words: str) -> None:
    """A reminder that came as a template has no buttons."""
    later = JAZZ.model_copy(update={"starts_at": EVENT.starts_at + timedelta(days=9)})
    talk = Talk(world=World([EVENT, later], [a_registration(later), a_registration(EVENT)]))
    answer = talk.says(words)
    assert "see you there" in answer
    assert "PyCon" in answer


def test_coming_without_a_seat_is_told_what_is_true() -> None:
    talk = Talk()
    assert "no registrations" in talk.says("I'm coming")
    talk.now = EVENT.starts_at + timedelta(minutes=5)
    talk.world.registrations = [a_registration(EVENT)]
    answer = talk.says("I'm coming")
    assert "see you there" not in answer
    assert "Here is your ticket" in answer


def test_i_cannot_come_gives_the_seat_back_in_two_taps() -> None:
    talk = with_a_seat()
    assert "give up your seat" in talk.taps_id(f"drop:{a_registration(EVENT).id}")
    talk.taps("Yes, cancel it")
    (command,) = talk.commands
    assert isinstance(command, CancelRegistration)
    assert "is cancelled" in talk.gives_up()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (None, "I can't find that registration"),
        ("event-cancelled", "“PyCon” (Sunday, December 6, 2026, 6:00 PM (Berlin time)) has been"),
        ("registration-cancelled", "the organisers have cancelled your registration for “PyCon”"),
        ("seat-transferred", "belongs to somebody else now"),
    ],
)
@pytest.mark.parametrize("verb", ["coming", "calendar", "ticket", "drop"])
def test_an_old_button_says_what_became_of_the_seat(
    verb: str, kind: NoticeKind | None, words: str
) -> None:
    talk = Talk()
    seat = a_registration(EVENT)
    if kind is not None:
        talk.world.notices = {kind: NoticeAnswer(address=ANN, registration=seat)}
    assert words in talk.taps_id(f"{verb}:{seat.id}")
    assert talk.heard[-1].document is None


def test_what_became_of_the_seat_of_somebody_else_is_not_told() -> None:
    talk = Talk()
    seat = a_registration(EVENT)
    talk.world.notices = {"event-cancelled": NoticeAnswer(address=OLGA, registration=seat)}
    answer = talk.taps_id(f"coming:{seat.id}")
    assert "I can't find that registration" in answer
    assert "PyCon" not in answer


@pytest.mark.parametrize("verb", ["coming", "calendar"])
def test_who_has_no_seat_by_now_is_told_what_is_true(verb: str) -> None:
    talk = Talk()
    for one, words in ((a_place(EVENT), "waiting list"), (an_offer(EVENT), "is free for you")):
        talk.world.registrations = [one]
        assert words in talk.taps_id(f"{verb}:{one.id}")
        assert talk.heard[-1].document is None


def test_a_ticket_has_three_buttons_and_everything_is_reachable_from_it() -> None:
    talk = with_a_seat()
    talk.says("ticket")
    assert talk.labels == ["Add to calendar", "Cancel registration", "My registrations"]
    assert all(len(label) <= 20 for label in talk.labels)
    talk.taps("My registrations")
    assert "All events" in talk.labels
    with_a_seat(olga := russian()).says("билет")
    assert olga.labels == ["В календарь", "Отменить запись", "Мои записи"]
    assert all(len(label) <= 20 for label in olga.labels)


def test_a_ticket_in_mid_registration_leads_back_to_it() -> None:
    talk = Talk(world=World([EVENT, JAZZ]))
    who_registers(talk)
    talk.world.registrations = [a_registration(JAZZ)]
    talk.says("/ticket")
    assert talk.labels == ["Add to calendar", "Cancel registration", "Go on registering"]
    talk.taps("Add to calendar")
    assert talk.heard[-1].document is not None
    talk.taps("Go on registering")
    assert talk.stage == "ENTERING_NAME"


@pytest.mark.parametrize("way", ["calendar", "/calendar", "Add to calendar"])
def test_the_event_goes_into_the_calendar(way: str) -> None:
    talk = with_a_seat()
    talk.says("ticket")
    answer = talk.says(way)
    assert "“PyCon”" in answer
    assert "https://" not in answer  # Telegram's phones open the file
    assert the_summary(talk.heard[-1]) == "PyCon"


def test_the_event_goes_into_the_calendar_on_whatsapp() -> None:
    talk = with_a_seat(russian())
    answer = talk.says("календарь")
    assert the_summary(talk.heard[-1]) == "PyCon"
    assert "https://calendar.google.com/calendar/render?action=TEMPLATE&text=PyCon" in answer
    assert len(talk.heard[-1].choices) <= 3


@pytest.mark.parametrize("begin", [Talk, russian])
@pytest.mark.parametrize("letter", ["x", "я", "😀"])
def test_the_longest_ticket_and_entry_are_one_message_each(
    begin: Callable[[], Talk], letter: str
) -> None:
    """A caption, and the words over buttons, hold 1024 characters (platforms.md A4, B4)."""
    talk = begin()
    longest = an_event(title=letter * 120, location=letter * 200, description=letter * 1500)
    talk.world.registrations = [a_registration(longest, name=letter * 80)]
    talk.says("stop")
    for said in ("ticket", "calendar"):
        talk.says(said)
        assert talk.heard[-1].document is not None
        assert len(talk.heard[-1].text) <= 1024


def test_of_several_seats_the_one_for_the_calendar_is_chosen() -> None:
    talk = Talk(world=World([EVENT, JAZZ], [a_registration(EVENT), a_registration(JAZZ)]))
    assert "Which one" in talk.says("calendar")
    talk.says("2")
    assert the_summary(talk.heard[-1]) == "Jazz"


def test_without_a_seat_there_is_nothing_for_the_calendar() -> None:
    talk = Talk()
    assert "no registrations" in talk.says("calendar")
    talk.world.registrations = [a_place(EVENT)]
    assert "no ticket yet" in talk.says("calendar")
    assert talk.heard[-1].document is None


def test_a_wish_with_a_late_outcome_does_not_move_the_chat() -> None:
    talk = Talk()
    talk.says("stop")
    talk.told(SeatClaimed(registration=a_registration(EVENT)), command_id=EVENT.id)
    assert muted(talk)
    assert len(talk.wishes) == 1
    talk.does(TextSaid(text="start"))
    assert not muted(talk)


def the_summary(message: OutboundMessage) -> str:
    assert message.document is not None
    assert message.document.kind == "calendar"
    (happening,) = Calendar.from_ical(message.document.data).walk("VEVENT")
    return str(happening["SUMMARY"])
