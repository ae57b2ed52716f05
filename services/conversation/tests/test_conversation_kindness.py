"""Whatever somebody does, there is one kind answer, a way back, a way out, and help."""

from collections.abc import Callable

import pytest
from conversation_talk import Talk, World, a_place, a_registration, an_event, an_offer, russian

from contracts import (
    Content,
    FormSent,
    LocationSent,
    MediaSent,
    MessageEdited,
    OtherSent,
    TextSaid,
)
from contracts.inbound import ContactShared
from conversation.dialogue.words import CHOICES, NUMBERS, ROLES

JAZZ = an_event(2, title="Jazz", code="ABCDEF")


def a_talk() -> Talk:
    third = an_event(3, title="Chess", code="CCCCCC", seats_left=0, waiting=3)
    fourth = an_event(4, title="Go", code="GGGGGG", seats_left=0, waiting=3)
    mine = [a_registration(JAZZ), a_place(third), an_offer(fourth)]
    return Talk(world=World([an_event(), JAZZ, third, fourth], mine))


def doing(*said: str) -> Callable[[], Talk]:
    """A person who has said these things."""

    def so_far() -> Talk:
        talk = a_talk()
        for one in said:
            talk.says(one)
        return talk

    so_far.__name__ = said[-1]
    return so_far


NAME = ("/start event_K7Q2MX", "yes")
EMAIL = (*NAME, "Ann Lee")
PLACES = [
    doing("/events"),
    doing("/start event_K7Q2MX"),
    doing("/start event_ABCDEF"),
    doing("/start event_CCCCCC"),
    doing("/start event_GGGGGG"),
    doing(*NAME),
    doing(*EMAIL),
    doing(*EMAIL, "ann@gmial.com"),
    doing(*EMAIL, "ann at gmail dot com"),
    doing(*EMAIL, "ann@example.com"),
    doing(*EMAIL, "/events"),
    doing(*EMAIL, "/start event_ABCDEF"),
    doing("/my"),
    doing("/ticket"),
    doing("/help"),
    doing("/language"),
    doing("/cancel"),
]
IN_THE_MIDDLE = PLACES[5:12]


def test_help_is_told_in_words_where_there_are_no_commands() -> None:
    talk = russian()
    assert "/" not in talk.says("помощь")
    for word in ("мероприятия", "мои записи", "билет", "назад", "календарь", "язык", "отмена"):
        assert f"• {word} –" in talk.says("помощь")
        assert "не понимаю" not in talk.says(word), word


def test_a_question_in_place_of_a_name_is_not_printed_on_the_ticket() -> None:
    talk = Talk()
    for text in ("/start event_K7Q2MX", "yes"):
        talk.says(text)
    assert "sounds like a question" in talk.says("Is there a cloakroom?")
    assert talk.stage == "ENTERING_NAME"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("word", ["help", "/help", "помощь", "?"])
def test_there_is_help_everywhere(place: Callable[[], Talk], word: str) -> None:
    talk = place()
    stage = talk.stage
    assert "This is what I can do" in talk.says(word)
    assert talk.stage == stage
    assert talk.labels


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("word", ["back", "/back", "Назад"])
def test_the_way_back_leads_to_the_list_from_everywhere(
    place: Callable[[], Talk], word: str
) -> None:
    talk = place()
    for _ in range(6):
        assert talk.says(word)
    assert talk.labels[:2] == ["PyCon", "Jazz"]
    assert talk.commands == []


@pytest.mark.parametrize("place", IN_THE_MIDDLE)
@pytest.mark.parametrize("word", ["cancel", "/cancel", "отмена", "exit", "never mind", "выйти"])
def test_there_is_a_way_out_of_every_question(place: Callable[[], Talk], word: str) -> None:
    talk = place()
    assert "Nothing was booked" in talk.says(word)
    assert talk.stage == "CHOOSING_EVENT"
    assert talk.labels == ["All events", "My registrations"]


@pytest.mark.parametrize("place", PLACES)
def test_every_message_leads_on_with_a_button(place: Callable[[], Talk]) -> None:
    talk = place()
    assert talk.labels
    assert len(talk.heard[-1].choices) <= 10
    back_or_out = {"Back", "Cancel", "All events", "Go on registering", "No, go on", "Change"}
    back_or_out |= {"Help", "My registrations"}
    assert back_or_out & set(talk.labels), talk.labels


@pytest.mark.parametrize("place", PLACES)
def test_every_number_up_to_the_last_choice_is_that_choice(place: Callable[[], Talk]) -> None:
    for number in range(1, len(place().labels) + 1):
        by_number, by_tap = place(), place()
        by_number.says(str(number))
        by_tap.taps_id(by_tap.heard[-1].choices[number - 1].id)
        assert by_number.state == by_tap.state
        assert by_number.heard[-1].text == by_tap.heard[-1].text


STRAY = [
    (MediaSent(media="sticker"), "Nice sticker"),
    (MediaSent(media="voice"), "voice messages"),
    (MediaSent(media="audio"), "voice messages"),
    (MediaSent(media="photo", caption="me"), "the picture"),
    (MediaSent(media="video"), "the picture"),
    (MediaSent(media="document"), "only read words"),
    (MediaSent(media="location"), "where you are"),
    (LocationSent(latitude=52.5, longitude=13.4), "where you are"),
    (FormSent(name="flow", fields={"a": "b"}), "only read words"),
    (ContactShared(phone="1", own=True), "contact card"),
    (ContactShared(phone="2", own=False), "contact card"),
    (OtherSent(type="poll"), "Nice poll"),
    (OtherSent(type="dice"), "only read words"),
    (MessageEdited(text="Ann Leigh"), "send the correction as a new message"),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("content", "sentence"), STRAY)
def test_what_is_no_answer_is_taken_kindly_everywhere(
    place: Callable[[], Talk], content: Content, sentence: str
) -> None:
    talk = place()
    stage = talk.stage
    messages = talk.does(content)
    assert len(messages) == 1
    assert sentence in messages[0].text
    assert messages[0].choices
    assert stage in (talk.stage, "START")


@pytest.mark.parametrize(("content", "_sentence"), STRAY)
def test_a_stranger_s_first_word_may_be_none(content: Content, _sentence: str) -> None:
    talk = russian()
    assert len(talk.does(content)) == 1
    assert "Куда хотите пойти?" in talk.heard[-1].text


@pytest.mark.parametrize("place", PLACES)
def test_who_only_opens_the_chat_on_whatsapp_is_shown_where_it_stands(
    place: Callable[[], Talk],
) -> None:
    talk = place()
    (message,) = talk.does(OtherSent(type="request_welcome"))
    assert "only read words" not in message.text
    assert message.choices


def test_the_question_about_a_seat_is_repeated_as_well() -> None:
    talk = Talk(world=World(registrations=[a_registration(an_event())]))
    talk.says("/cancel")
    talk.does(MediaSent(media="sticker"))
    assert "give up your seat" in talk.heard[-1].text
    assert "stays yours" in talk.says("no")


def test_an_edit_without_words_is_nothing_that_was_said() -> None:
    talk = doing(*NAME)()
    before = talk.state
    assert talk.does(MessageEdited()) == []
    assert talk.state == before


@pytest.mark.parametrize("place", PLACES)
def test_a_button_of_an_older_question_shows_where_the_chat_stands(
    place: Callable[[], Talk],
) -> None:
    talk = doing(*NAME)()
    old = [choice.id for choice in talk.heard[-1].choices]
    talk.says("/cancel")
    for message in place().heard[-1:]:
        talk.heard.append(message)
    for choice_id in old:
        assert "earlier message" in talk.taps_id(choice_id)
        assert talk.stage == "CHOOSING_EVENT"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("рудз", "This is what I can do"), ("ещё раз", "didn't understand"), ("vjb pfgbcb", "PyCon")],
)
def test_a_word_on_the_wrong_keyboard_is_understood(typed: str, answer: str) -> None:
    talk = Talk(world=World(registrations=[a_registration(an_event())]))
    talk.says("/events")
    assert answer in talk.says(typed)


def test_yes_and_no_on_the_wrong_keyboard_are_understood() -> None:
    talk = doing(*EMAIL, "ann@example.com")()
    assert "What name" in talk.says("ytn")
    talk.says("Ann Lee")
    talk.taps("Keep it")
    assert talk.says("lf") == ""
    assert len(talk.commands) == 1


def test_a_kind_word_has_one_in_return() -> None:
    talk = doing("/ticket")()
    assert talk.says("Thank you!!!") == "You're very welcome!"
    assert talk.labels == ["All events", "My registrations"]
    asked = doing(*EMAIL)()
    assert "What is your e-mail" in asked.says("спасибо")
    assert "Is everything right?" in asked.says("ann@example.org")
    assert asked.says("perfect!") == ""
    assert len(asked.commands) == 1


@pytest.mark.parametrize("hello", ["hi", "Hello!", "Привет", "good morning"])
def test_a_hello_is_understood_at_any_time(hello: str) -> None:
    assert "I book seats" in doing("/my")().says(hello)
    assert "We were registering you for “PyCon”" in doing(*EMAIL)().says(hello)


def test_an_outage_leaves_a_kind_word_without_a_list() -> None:
    talk = doing("/start event_K7Q2MX")()
    talk.world.silent = True
    talk.does(MediaSent(media="sticker"))
    assert talk.heard[-1].text == "Nice sticker! I understand words and buttons better, though."


@pytest.mark.parametrize("place", PLACES)
def test_every_word_has_one_answer_everywhere(place: Callable[[], Talk]) -> None:
    talk = place()
    state, now = talk.state, talk.now
    words = [word for words in (*CHOICES.values(), *ROLES.values(), *NUMBERS) for word in words]
    for word in words:
        talk.state, talk.now = state, now
        commands_before = len(talk.commands)
        answers = talk.does(TextSaid(text=word))
        assert len(answers) <= 1, word
        assert len(answers) + len(talk.commands) - commands_before >= 1, word
