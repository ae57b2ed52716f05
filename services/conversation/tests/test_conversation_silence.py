"""The registry is silent: what was last known is told with a mark, and wishes are kept."""

from datetime import datetime, timedelta

import pytest
from conversation_talk import NOW, Talk, World, a_registration, an_event, russian

from contracts import ClaimRefused, ClaimSeat, MediaSent

AT = NOW - timedelta(minutes=4)
"""08:56 in Greenwich, 9:56 in Berlin, where the events are."""
MARK = "This is how it was at 9:56 AM (Berlin time); I can't check right now."


def in_silence(talk: Talk, last_known_at: datetime = AT) -> Talk:
    talk.world.last_known_at = last_known_at
    return talk


def at_confirm(talk: Talk | None = None) -> Talk:
    talk = talk or Talk()
    for text in ("/start", "1", "yes", "Ann Lee", "ann@example.com"):
        talk.says(text)
    assert talk.stage == "CONFIRMING"
    return talk


def waiting_long() -> Talk:
    """A claim that was kept; the person knows."""
    talk = in_silence(at_confirm())
    talk.taps("Confirm")
    return talk


def test_the_list_and_a_card_are_told_as_they_were_with_one_mark() -> None:
    talk = in_silence(Talk())
    assert talk.says("/events").count(MARK) == 1
    assert talk.says("1").count(MARK) == 1
    assert "12 seats left" in talk.heard[-1].text
    assert "Register" in talk.labels


def test_the_mark_in_russian() -> None:
    assert "Так было в 09:56 (время: Берлин)" in in_silence(russian()).says("/events")


def test_while_the_registry_answers_nothing_is_marked() -> None:
    talk = Talk()
    for text in ("/events", "1", "/my", "help"):
        assert "I can't check" not in talk.says(text)


def test_a_registration_can_be_made_in_the_silence_and_its_questions_bear_no_mark() -> None:
    talk = in_silence(Talk())
    talk.says("/start")
    talk.says("1")
    for text in ("yes", "Ann Lee", "ann@example.com"):
        assert "can't" not in talk.says(text)
    assert "Your request is safe" in talk.taps("Confirm")
    assert isinstance(talk.commands[-1], ClaimSeat)


def test_one_s_own_registrations_are_never_told_from_memory() -> None:
    talk = Talk(world=World(registrations=[a_registration(an_event())]))
    talk.says("/my")
    in_silence(talk)
    for said in ("/my", "/ticket", "/cancel"):
        assert "can't look that up" in talk.says(said), said
        assert talk.labels == ["Try again"]
    talk.says("/my")
    talk.world.last_known_at = None
    assert "Your registrations" in talk.taps("Try again")


@pytest.mark.parametrize(
    "choice_id", ["ev:", "ev:ё", "mine:x y", "ev:" + "A" * 200, "my", "take:1"]
)
def test_a_forged_tap_in_the_silence_is_answered_too(choice_id: str) -> None:
    talk = Talk(world=World(silent=True))
    assert talk.taps_id(choice_id)
    talk = at_confirm()
    talk.world.silent = True
    talk.taps("Confirm")
    assert talk.taps_id(choice_id)


def test_a_seat_is_given_up_in_the_silence_too() -> None:
    talk = Talk(world=World(registrations=[a_registration(an_event())]))
    talk.says("/cancel")
    in_silence(talk)
    assert "Your request is safe" in talk.says("yes")
    assert len(talk.commands) == 1


def test_a_long_wait_is_explained_and_each_word_in_it_answered() -> None:
    talk = at_confirm()
    talk.taps("Confirm")
    assert talk.says("hm") == ""
    talk.now += timedelta(seconds=30)
    assert "Your request is safe, and I'll write to you" in talk.says("hello?")
    assert talk.says("anybody?").startswith("Noted.")
    # The ticket, and an answer to each of the three.
    assert len(talk.gets_a_seat().split("\n---\n")) == 4
    assert len({message.id for message in talk.heard}) == len(talk.heard)


def test_who_waits_long_gets_help_and_can_look_around() -> None:
    talk = waiting_long()
    before = talk.state
    for said, part in (
        ("/help", "This is what I can do"),
        ("/events", "PyCon"),
        ("1", "12 seats left"),
        ("/my", "can't look that up"),
        ("/start", "PyCon"),
    ):
        answer = talk.says(said)
        assert answer.startswith("Your request is safe; the booking system still"), said
        assert part in answer, said
    assert talk.says("/language ru").startswith("Ваш запрос") or "Хорошо" in talk.heard[-1].text
    # Nothing that the outcome needs was changed by looking around.
    assert before is not None
    assert talk.state is not None
    assert talk.state.context == before.context
    assert talk.state.stage == before.stage
    assert talk.state.kept == ()
    assert len(talk.commands) == 1
    assert "PyCon" in talk.gets_a_seat()
    assert talk.state.profile.email == "ann@example.com"


def test_a_question_is_answered_at_once_behind_something_that_waits() -> None:
    talk = waiting_long()
    assert talk.says("Jazz").startswith("Noted.")
    assert "This is what I can do" in talk.says("/help")
    assert talk.state is not None
    assert len(talk.state.kept) == 1


def test_cancel_is_answered_honestly_and_asked_about_after_the_outcome() -> None:
    talk = waiting_long()
    assert "I can't call it back" in talk.says("/cancel")
    talk.world.last_known_at = None
    assert "give up your seat" in talk.gets_a_seat()
    assert len(talk.commands) == 1


def test_the_same_wish_again_is_one_wish_and_not_met_with_silence() -> None:
    talk = waiting_long()
    for _ in range(3):
        assert "Your request is safe" in talk.taps("Confirm")
    assert len(talk.commands) == 1
    assert talk.state is not None
    assert talk.state.kept == ()


def test_too_much_in_a_long_wait_is_refused_in_words_and_help_still_comes() -> None:
    talk = waiting_long()
    for number in range(5):
        assert talk.says(f"hello {number}").startswith("Noted.")
    assert "still busy" in talk.says("one more")
    assert "This is what I can do" in talk.says("/help")


def test_stickers_in_a_long_wait_are_answered_like_words() -> None:
    talk = waiting_long()
    (noted,) = talk.does(MediaSent(media="sticker"))
    assert noted.text.startswith("Noted.")


def test_a_wish_that_is_refused_in_the_end_leads_on() -> None:
    talk = waiting_long()
    talk.world.last_known_at = None
    talk.told(ClaimRefused(reason="full", event=an_event()))
    assert "All events" in talk.labels


@pytest.mark.parametrize("minutes", [0, 59])
def test_the_mark_tells_how_old_the_answer_is(minutes: int) -> None:
    talk = in_silence(Talk(), NOW - timedelta(minutes=minutes))
    told = {0: "10:00 AM", 59: "9:01 AM"}[minutes]
    assert f"at {told} (Berlin time)" in talk.says("/events")
