"""Conversations as people have them, with the pure dialogue."""

from datetime import timedelta

import pytest
from conversation_talk import Talk, World, a_registration, an_event, russian

from contracts import (
    CancellationRefused,
    CancelRegistration,
    ChatBlocked,
    ChatUnblocked,
    ClaimRefused,
    ClaimSeat,
    CommandFailed,
    Content,
    MediaSent,
    MessageEdited,
    MessageRevoked,
    OtherSent,
    ReactionSent,
    SeatClaimed,
)
from contracts.inbound import ContactShared


def at_name(talk: Talk | None = None) -> Talk:
    talk = talk or Talk()
    talk.says("/start")
    talk.taps("PyCon")
    talk.taps("Register")
    assert talk.stage == "ENTERING_NAME"
    return talk


def at_confirm(talk: Talk | None = None) -> Talk:
    talk = at_name(talk)
    talk.taps("Ann Smith")
    talk.says("ann@example.com")
    assert talk.stage == "CONFIRMING"
    return talk


def with_a_seat() -> Talk:
    talk = at_confirm()
    talk.taps("Confirm")
    talk.gets_a_seat()
    return talk


def test_a_person_registers_by_tapping() -> None:
    talk = Talk()
    assert "I book seats" in talk.says("hi there")
    assert talk.labels == ["PyCon", "Already registered", "Help"]
    card = talk.taps("PyCon")
    assert "Sunday, December 6, 2026, 6:00 PM (Berlin time)" in card
    assert "Hall 3" in card
    assert "12 seats left" in card
    assert "name" in talk.taps("Register")
    assert "e-mail" in talk.taps("Ann Smith")
    look = talk.says("Ann@Example.com")
    assert "Ann@example.com" in look
    assert "PyCon" in look
    assert talk.taps("Confirm") == ""
    claim = talk.commands[0]
    assert isinstance(claim, ClaimSeat)
    assert (claim.name, claim.email_claimed) == ("Ann Smith", "Ann@example.com")
    assert (claim.language, claim.registered_via) == ("en", "telegram")
    assert "You're in, Ann Smith!" in talk.gets_a_seat()
    ticket = talk.heard[-1]
    assert ticket.document is not None
    assert ticket.document.data == "T1.K7Q2MX.signed"
    assert ticket.priority == "transactional"
    assert talk.stage == "REGISTERED"


def test_a_person_registers_by_typing_in_russian() -> None:
    talk = russian()
    assert "Здравствуйте" in talk.says("Привет")
    assert "Осталось 12 мест" in talk.says("pycon")
    assert "имя" in talk.says("да")
    assert "Приятно познакомиться, Анна Каренина" in talk.says("  Анна   Каренина ")
    assert "Всё верно?" in talk.says("anna@example.ru")
    assert "воскресенье, 6 декабря 2026 г., 18:00 (время: Берлин)" in talk.heard[-1].text
    assert talk.says("1") == ""
    assert "Вы записаны, Анна Каренина!" in talk.gets_a_seat()
    claim = talk.commands[0]
    assert isinstance(claim, ClaimSeat)
    assert (claim.language, claim.registered_via) == ("ru", "whatsapp")


@pytest.mark.parametrize(
    "text",
    ["/start event_K7Q2MX", "Register: PyCon (K7Q2MX)", "see (K7Q2MX) please", "k7q2mx", "Pyco"],
)
def test_a_code_or_a_part_of_the_title_leads_to_the_card(text: str) -> None:
    talk = Talk(world=World([an_event(), an_event(2, title="Jazz", code="ABCDEF")]))
    if not text.startswith(("/", "Register", "see")):
        talk.says("/events")
    assert talk.says(text).startswith("PyCon")
    assert talk.labels == ["Register", "Back"]


def test_a_code_in_brackets_is_no_name() -> None:
    talk = at_name()
    assert "Nice to meet you, Ann (SECRET)" in talk.says("Ann (SECRET)")
    assert "e-mail" in talk.says("Register: PyCon (K7Q2MX)")


def test_an_unknown_code_leads_to_the_list() -> None:
    talk = Talk()
    assert "can't find that event" in talk.says("/start event_ZZZZZZ")
    assert talk.labels == ["PyCon", "Already registered", "Help"]


def test_known_people_are_asked_once() -> None:
    talk = with_a_seat()
    talk.world.events.append(an_event(2, title="Jazz", code="ABCDEF"))
    talk.says("/events")
    talk.taps("Jazz")
    assert "Is everything right?" in talk.taps("Register")
    assert "ann@example.com" in talk.heard[-1].text
    talk.says("yes")
    assert isinstance(talk.commands[-1], ClaimSeat)
    assert len({command.id for command in talk.commands}) == 2


def test_changing_offers_what_was_said_before() -> None:
    talk = at_confirm()
    assert "Ann Smith" in (talk.taps("Change") + " ".join(talk.labels))
    talk.says("Bob Dylan")
    assert talk.labels[0] == "Keep it"
    assert "ann@example.com" in talk.heard[-1].text
    talk.taps("Keep it")
    assert "Bob Dylan" in talk.heard[-1].text


def test_going_back_step_by_step_reaches_the_list() -> None:
    talk = at_confirm()
    talk.says("back")
    assert talk.stage == "ENTERING_EMAIL"
    talk.says("назад")
    assert talk.stage == "ENTERING_NAME"
    assert "12 seats left" in talk.says("/back")
    assert "Which event" in talk.says("Back")


@pytest.mark.parametrize("way_out", ["/cancel", "cancel", "Отмена", "отменить!"])
@pytest.mark.parametrize("start", [at_name, at_confirm])
def test_cancelling_in_the_middle_books_nothing(way_out: str, start: object) -> None:
    assert callable(start)
    talk = start()
    assert "Nothing was booked" in talk.says(way_out)
    assert talk.stage == "CHOOSING_EVENT"
    assert talk.commands == []


@pytest.mark.parametrize("bad", ["ann", "ann@", "ann@home", "a b@c", "нет", "@", "12"])
def test_a_bad_address_is_refused_kindly(bad: str) -> None:
    talk = at_name()
    talk.taps("Ann Smith")
    assert "name@example.org" in talk.says(bad)
    assert talk.stage == "ENTERING_EMAIL"
    assert talk.labels == ["Back", "Cancel"]


def test_a_slip_in_the_address_is_asked_about() -> None:
    talk = at_name()
    talk.taps("Ann Smith")
    assert "Did you mean ann@gmail.com?" in talk.says("ann@gmial.com")
    assert "ann@gmial.com" in talk.taps("No, as I typed it")
    talk.says("back")
    talk.says("ann@gmail.con")
    assert "E-mail: ann@gmail.com" in talk.says("yes")


def test_an_address_in_place_of_a_name_is_noticed() -> None:
    talk = at_name()
    assert "First your name" in talk.says("ann@example.com")
    assert "2 to 80" in talk.says("X")
    assert "2 to 80" in talk.says("я" * 81)
    assert talk.stage == "ENTERING_NAME"


def test_a_full_waiting_list_offers_a_next_step() -> None:
    talk = at_confirm()
    talk.taps("Confirm")
    answer = talk.told(ClaimRefused(reason="full", event=an_event(seats_left=0)))
    assert "“PyCon” is full" in answer
    assert talk.labels == ["Look again", "All events", "My registrations"]
    talk.world.events = [an_event(seats_left=0)]
    assert "Full for now" in talk.taps("Look again")
    assert "Register" not in talk.labels


@pytest.mark.parametrize("reason", ["draft", "closed", "started", "cancelled", "unknown-event"])
def test_each_refusal_says_why(reason: str) -> None:
    talk = at_confirm()
    talk.taps("Confirm")
    outcome = ClaimRefused.model_validate({"reason": reason, "event": an_event()})
    assert talk.told(outcome)
    assert talk.labels == ["All events", "My registrations"]


def test_a_second_seat_is_answered_with_the_first_ticket() -> None:
    talk = at_confirm()
    talk.taps("Confirm")
    answer = talk.told(SeatClaimed(registration=a_registration(an_event()), already=True))
    assert "already have a seat" in answer
    assert talk.heard[-1].document is not None


def test_a_failed_claim_can_be_tried_again_with_a_new_command() -> None:
    talk = at_confirm()
    talk.taps("Confirm")
    assert "went wrong" in talk.told(CommandFailed())
    talk.taps("Try again")
    assert len({command.id for command in talk.commands}) == 2


def test_a_seat_is_given_back_in_two_taps() -> None:
    talk = with_a_seat()
    assert "give up your seat" in talk.taps("Cancel registration")
    talk.taps("Yes, cancel it")
    cancel = talk.commands[-1]
    assert isinstance(cancel, CancelRegistration)
    assert cancel.registration_id == a_registration(an_event()).id
    assert "is cancelled" in talk.gives_up()
    assert "no registrations" in talk.says("/my")


def test_a_seat_can_be_kept_after_all() -> None:
    talk = with_a_seat()
    talk.says("cancel")
    assert "stays yours" in talk.says("no")
    assert "didn't understand" in talk.says("yes")
    assert len(talk.commands) == 1


@pytest.mark.parametrize("reason", ["not-yours", "started", "checked-in"])
def test_a_refused_cancellation_says_why(reason: str) -> None:
    talk = with_a_seat()
    talk.says("/cancel")
    talk.says("yes")
    outcome = CancellationRefused.model_validate({"reason": reason, "event": an_event()})
    assert talk.told(outcome)
    assert talk.stage == "REGISTERED"


def test_a_yes_to_an_old_question_is_asked_again() -> None:
    talk = with_a_seat()
    talk.says("/cancel")
    talk.says("no")
    assert "give up your seat" in talk.taps("Yes, cancel it")
    assert len(talk.commands) == 1


def test_several_seats_are_chosen_from_by_number() -> None:
    seats = [a_registration(an_event(n, title=f"E{n}", code="AAAAA" + str(n))) for n in (2, 3)]
    talk = Talk(world=World(registrations=seats))
    assert "1. E2" in talk.says("мой билет")
    assert "E3" in talk.says("2")
    assert "Which registration" in talk.says("cancel")
    assert "“E2”" in talk.says("1")


def test_looking_aside_keeps_the_open_question() -> None:
    talk = at_name()
    talk.world.registrations.append(a_registration(an_event(2, title="Jazz", code="ABCDEF")))
    talk.says("/my")
    talk.taps("Jazz")
    assert talk.labels[-1] == "Go on registering"
    assert "What name" in talk.taps("Go on registering")
    assert "What name" in talk.says("help")
    assert "Ann Lee" in talk.says("Ann Lee")


def test_the_language_changes_at_once() -> None:
    talk = at_name()
    answer = talk.says("/language ru")
    assert answer.startswith("Хорошо, говорим по-русски.")
    assert "Какое имя" in answer
    assert talk.says("in english").startswith("English it is.")
    talk.says("язык")
    assert "по-русски" in talk.taps("Русский")
    assert talk.heard[-1].language == "ru"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (MediaSent(media="sticker"), "Nice sticker"),
        (MediaSent(media="voice"), "voice messages"),
        (MediaSent(media="photo", caption="me"), "only read words"),
        (ContactShared(phone="1", own=True), "contact card"),
        (OtherSent(type="poll"), "only read words"),
    ],
)
def test_what_is_no_answer_is_taken_kindly_and_the_question_repeated(
    content: Content, sentence: str
) -> None:
    talk = at_name()
    messages = talk.does(content)
    assert len(messages) == 1
    assert sentence in messages[0].text
    assert "What name" in messages[0].text
    assert talk.stage == "ENTERING_NAME"


@pytest.mark.parametrize(
    "content",
    [
        MessageEdited(),
        MessageRevoked(),
        ReactionSent(emoji="👍"),
        ChatBlocked(),
        ChatUnblocked(),
    ],
)
def test_what_wants_no_answer_gets_none(content: Content) -> None:
    talk = at_name()
    before = talk.state
    assert talk.does(content) == []
    assert talk.state == before


def test_groups_are_left_alone() -> None:
    talk = Talk(address=Talk().address.model_copy(update={"chat_id": "-100123"}))
    assert talk.says("/start") == ""


def test_an_old_button_says_where_we_are() -> None:
    talk = at_confirm()
    old = talk.heard[-1].choices[0].id
    talk.taps("Change")
    answer = talk.taps_id(old)
    assert "earlier message" in answer
    assert "What name" in answer
    assert talk.commands == []
    assert "earlier message" in talk.taps_id("nonsense:1")


def test_an_old_card_is_shown_as_it_is_now() -> None:
    talk = Talk()
    talk.says("/start")
    talk.taps("PyCon")
    talk.world.events = [an_event(status="cancelled")]
    assert "has been cancelled" in talk.taps("Register")
    assert talk.labels == ["All events"]


def test_an_event_that_has_begun_takes_nobody() -> None:
    talk = Talk()
    talk.now = an_event().starts_at + timedelta(minutes=1)
    assert "already begun" in talk.says("/start event_K7Q2MX")


def test_tapping_twice_is_one_wish() -> None:
    talk = at_confirm()
    talk.taps("Confirm")
    assert talk.taps("Confirm") == ""
    assert talk.says("yes") == ""
    assert len(talk.commands) == 1
    assert talk.gets_a_seat().count("You're in") == 1
    assert len(talk.commands) == 1


def test_what_is_said_while_waiting_is_answered_in_order_afterwards() -> None:
    talk = at_confirm()
    talk.taps("Confirm")
    assert talk.says("/my") == ""
    assert talk.says("help") == ""
    answers = talk.gets_a_seat().split("\n---\n")
    assert [answer[:8] for answer in answers] == ["You're i", "Your reg", "This is "]
    assert len({message.id for message in talk.heard}) == len(talk.heard)


def test_a_wish_among_the_kept_waits_for_its_own_outcome() -> None:
    talk = with_a_seat()
    talk.says("/cancel")
    drop = talk.heard[-1].choices[0].id
    talk.taps("No, keep my seat")
    talk.world.events.append(an_event(2, title="Jazz", code="ABCDEF"))
    talk.says("/start event_ABCDEF")
    talk.taps("Register")
    talk.taps("Confirm")
    talk.says("/cancel")
    talk.taps_id(drop)
    talk.taps_id(drop)
    talk.says("/help")
    assert len(talk.commands) == 2
    talk.gets_a_seat()
    # The list to choose from, the question, the command; help waits behind it.
    assert len(talk.commands) == 3
    assert "This is what I can do" not in talk.heard[-1].text
    assert "This is what I can do" in talk.gives_up()


def test_too_much_while_waiting_is_refused_in_words() -> None:
    talk = at_confirm()
    talk.taps("Confirm")
    assert [talk.says(f"/my {n}") for n in range(5)] == [""] * 5
    assert "still busy" in talk.says("one more")
    assert "still busy" in talk.says("x" * 8000)
    assert talk.gets_a_seat().count("Your registrations") == 5


def test_a_silent_registry_is_admitted_and_the_wish_kept() -> None:
    talk = at_confirm()
    talk.world.silent = True
    assert "can't look that up" in talk.says("/events")
    assert "can't look that up" in talk.taps("Try again")
    assert "Is everything right?" in talk.taps("Go on registering")
    assert "Your request is safe" in talk.taps("Confirm")
    assert isinstance(talk.commands[-1], ClaimSeat)
    talk.world.silent = False
    assert "You're in" in talk.gets_a_seat()


def test_a_first_word_to_a_silent_registry_is_answered() -> None:
    talk = Talk(world=World(silent=True))
    assert "can't look that up" in talk.says("/start")
    talk.world.silent = False
    assert "I book seats" in talk.taps("Try again")


def test_a_late_outcome_is_told_without_moving_the_chat() -> None:
    talk = at_confirm()
    before = talk.state
    late = SeatClaimed(registration=a_registration(an_event(2, title="Jazz", code="ABCDEF")))
    assert "Jazz" in talk.told(late, command_id=an_event(9).id)
    assert talk.state == before


def test_a_long_list_is_read_in_pages() -> None:
    alphabet = "ABCDEFGHJKLM"
    world = World([an_event(n, title=f"Event {n}", code=f"AAAAA{alphabet[n]}") for n in range(12)])
    talk = Talk(world=world)
    assert "Page 1 of 2" in talk.says("/start")
    assert len(talk.labels) == 9
    assert "Page 2 of 2" in talk.says("next")
    assert talk.labels[:2] == ["Event 6", "Event 7"]
    assert talk.labels[-3:] == ["Previous page", "Already registered", "Help"]
    assert talk.says("2").startswith("Event 7")


def test_nothing_on_is_said_so() -> None:
    talk = Talk(world=World([]))
    assert "nothing to register for" in talk.says("/start")
    assert talk.labels == ["My registrations", "Already registered", "Help"]


def test_a_long_description_is_told_whole() -> None:
    talk = russian()
    talk.world.events = [an_event(description="слово " * 240)]
    assert talk.says("/start event_K7Q2MX").count("слово") == 240


def test_replies_say_when_the_person_was_heard() -> None:
    talk = at_confirm()
    heard_at = talk.now
    talk.taps("Confirm")
    talk.gets_a_seat()
    assert talk.heard[0].heard_at is not None
    assert talk.heard[-1].heard_at == heard_at
    assert {message.priority for message in talk.heard[:-1]} == {"reply"}


@pytest.mark.parametrize(
    ("language", "words"), [("ru", "Здравствуйте"), ("ru-RU", "Здравствуйте"), ("de", "Hello")]
)
def test_telegram_tells_the_language(language: str, words: str) -> None:
    talk = Talk()
    talk.sender = talk.sender.model_copy(update={"language": language})
    assert words in talk.says("/start")


@pytest.mark.parametrize(
    ("chat_id", "phone", "words"),
    [
        ("79161234567", None, "Здравствуйте"),
        ("KZ.1", None, "Здравствуйте"),
        ("US.1", "77011234567", "Здравствуйте"),
        ("US.7", None, "Hello"),
        ("16505551234", "16505551234", "Hello"),
    ],
)
def test_whatsapp_lets_guess_the_language(chat_id: str, phone: str | None, words: str) -> None:
    talk = russian()
    talk.address = talk.address.model_copy(update={"chat_id": chat_id})
    talk.sender = talk.sender.model_copy(update={"phone": phone})
    assert words in talk.says("/start")
