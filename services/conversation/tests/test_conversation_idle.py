"""Silence: what is said to somebody who comes back after an hour, or after a month."""

from datetime import timedelta

import pytest
from conversation_talk import Talk, a_registration, an_event, russian

from contracts import ClaimSeat, MediaSent
from conversation.dialogue import State
from conversation.dialogue.idle import EXPIRES_AFTER, RECAP_AFTER, awake

DOING = "Welcome back! We were registering you for “PyCon”."


def at_email(talk: Talk | None = None) -> Talk:
    talk = talk or Talk()
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    talk.says("Ann Lee")
    assert talk.stage == "ENTERING_EMAIL"
    return talk


def after(talk: Talk, silence: timedelta) -> Talk:
    talk.now += silence
    return talk


def test_an_answer_after_an_hour_begins_with_a_recap() -> None:
    talk = after(at_email(), RECAP_AFTER)
    answer = talk.says("ann@example.com")
    assert answer.startswith(f"{DOING}\n\nIs everything right?")
    assert "Welcome back" not in after(talk, timedelta(minutes=59)).says("help")


def test_the_recap_tells_what_is_known_so_far() -> None:
    talk = after(at_email(), RECAP_AFTER)
    assert talk.says("hm?").startswith(f"{DOING} So far I have: Ann Lee.\n\n")
    after(talk, RECAP_AFTER).says("ann@example.com")
    talk.taps("Change")
    answer = after(talk, RECAP_AFTER).says("Bob Dylan")
    assert answer.startswith(f"{DOING} So far I have: Bob Dylan, ann@example.com.")


def test_a_recap_comes_before_anything_else_that_is_said_in_the_middle() -> None:
    for doing in ("help", "/events", "/my", "/start event_K7Q2MX", "/start"):
        answer = after(at_email(), RECAP_AFTER).says(doing)
        assert answer.startswith(DOING), doing
        assert answer.count("Welcome back") == 1, doing
    talk = after(at_email(), RECAP_AFTER)
    talk.does(MediaSent(media="sticker"))
    assert talk.heard[-1].text.startswith(DOING)


def test_a_recap_in_russian() -> None:
    talk = russian()
    talk.says("/start event_K7Q2MX")
    talk.taps("Записаться")
    answer = after(talk, RECAP_AFTER).says("Анна Каренина")
    assert answer.startswith("С возвращением! Мы записывали вас на «PyCon». Уже знаю: Анна")


@pytest.mark.parametrize("way_out", ["/cancel", "start over"])
def test_who_leaves_needs_no_recap(way_out: str) -> None:
    assert "Welcome back" not in after(at_email(), RECAP_AFTER).says(way_out)


def test_who_confirms_late_gets_the_ticket_and_no_recap() -> None:
    talk = at_email()
    talk.says("ann@example.com")
    assert after(talk, RECAP_AFTER).says("yes") == ""
    assert talk.gets_a_seat().startswith("You're in")


def test_outside_a_registration_nobody_is_reminded_of_anything() -> None:
    talk = Talk()
    talk.says("/start event_K7Q2MX")
    assert "Welcome back" not in after(talk, timedelta(days=2)).says("/events")


def test_after_a_month_everything_begins_anew_but_the_person_is_known() -> None:
    talk = Talk()
    talk.says("/language ru")
    talk.says("/start event_K7Q2MX")
    talk.taps("Записаться")
    talk.says("Анна Каренина")
    talk.says("anna@example.ru")
    talk.says("да")
    talk.gets_a_seat()
    talk.world.events.append(an_event(2, title="Jazz", code="ABCDEF"))
    talk.says("/start event_ABCDEF")
    talk.taps("Записаться")
    assert talk.stage == "CONFIRMING"
    talk.state = State.model_validate({**talk.state.model_dump(), "muted": True})  # type: ignore[union-attr]
    answer = after(talk, EXPIRES_AFTER + timedelta(days=1)).says("да")
    assert "Здравствуйте" in answer
    assert len(talk.commands) == 1
    assert talk.state is not None
    assert talk.state.profile.name == "Анна Каренина"
    assert talk.state.language == "ru"
    assert talk.state.muted


def test_a_month_is_not_over_before_it_is_over() -> None:
    talk = after(at_email(), EXPIRES_AFTER - timedelta(minutes=1))
    assert "Is everything right?" in talk.says("ann@example.com")


def test_a_button_of_a_forgotten_question_is_answered_truthfully() -> None:
    talk = at_email()
    talk.says("ann@example.com")
    answer = after(talk, EXPIRES_AFTER * 2).taps("Confirm")
    assert "earlier message" in answer
    assert "1. PyCon" in answer
    assert talk.commands == []


def test_a_wish_and_what_was_said_meanwhile_never_expire() -> None:
    talk = at_email()
    talk.says("ann@example.com")
    talk.taps("Confirm")
    talk.says("/my")
    after(talk, EXPIRES_AFTER * 2).says("hello?")
    assert isinstance(talk.commands[0], ClaimSeat)
    assert talk.state is not None
    assert talk.state.waiting is not None
    answers = talk.gets_a_seat()
    assert "You're in" in answers
    assert "Your registrations" in answers


def test_an_old_card_works_after_any_time() -> None:
    talk = Talk()
    talk.says("/start event_K7Q2MX")
    talk.world.registrations.append(a_registration(an_event()))
    assert "You already have a seat here." in after(talk, timedelta(days=1)).taps("Register")


def test_what_is_owed_is_not_even_forgotten_by_itself() -> None:
    talk = at_email()
    talk.says("ann@example.com")
    talk.taps("Confirm")
    assert talk.state is not None
    much_later = talk.now + 2 * EXPIRES_AFTER
    assert awake(talk.state, much_later) == talk.state
    assert awake(talk.state.answered(), much_later) == talk.state.answered().afresh()
