"""Another event, a list or a start in the middle of a registration: nothing typed is lost."""

from datetime import timedelta

import pytest
from conversation_talk import NOW, Talk, World, an_event, russian

from contracts import ClaimSeat

JAZZ = an_event(2, title="Jazz", code="ABCDEF")
SECRET = an_event(3, title="Secret", code="SSSSSS", status="draft", description="hush")


def in_the_middle(stage: str = "ENTERING_EMAIL") -> Talk:
    talk = Talk(world=World([an_event(), JAZZ, SECRET]))
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    if stage != "ENTERING_NAME":
        talk.says("Ann Lee")
    if stage == "CONFIRMING":
        talk.says("ann@example.com")
    assert talk.stage == stage
    return talk


@pytest.mark.parametrize("stage", ["ENTERING_NAME", "ENTERING_EMAIL", "CONFIRMING"])
@pytest.mark.parametrize(
    "code", ["/start event_ABCDEF", "Hi! Register: Jazz (ABCDEF)", "ev:ABCDEF"]
)
def test_another_event_in_the_middle_is_asked_about(stage: str, code: str) -> None:
    talk = in_the_middle(stage)
    ask = talk.taps_id(code) if code.startswith("ev:") else talk.says(code)
    assert "registering for “PyCon”" in ask
    assert "switch to “Jazz”" in ask
    assert talk.stage == stage
    assert talk.taps("Yes, switch").startswith("Jazz")


@pytest.mark.parametrize("no", ["no", "нет", "2", "back", "No, go on"])
def test_who_does_not_switch_is_asked_the_open_question(no: str) -> None:
    talk = in_the_middle()
    talk.says("/start event_ABCDEF")
    assert "What is your e-mail" in talk.says(no)
    assert talk.stage == "ENTERING_EMAIL"


def test_what_was_typed_before_switching_is_not_asked_again() -> None:
    talk = in_the_middle("CONFIRMING")
    talk.says("/start event_ABCDEF")
    talk.says("yes")
    look = talk.says("yes")
    assert "Jazz" in look
    assert "Ann Lee" in look
    assert "ann@example.com" in look
    talk.says("yes")
    claim = talk.commands[-1]
    assert isinstance(claim, ClaimSeat)
    assert claim.event_id == JAZZ.id


def test_the_same_poster_again_is_the_open_question() -> None:
    talk = in_the_middle()
    asked = talk.says("/start event_K7Q2MX")
    assert "What is your e-mail" in asked
    assert "12 seats left" not in asked
    assert talk.taps("Register") == asked
    assert talk.stage == "ENTERING_EMAIL"


def test_an_answer_typed_instead_of_a_yes_goes_on_with_the_registration() -> None:
    talk = in_the_middle()
    talk.says("/start event_ABCDEF")
    assert "Is everything right?" in talk.says("ann@example.com")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("SSSSSS", "hasn't been announced"),
        ("ZZZZZZ", "can't find that event"),
        ("GGGGGG", "Gone: This event has been cancelled."),
        ("PPPPPP", "Past: This event has already begun"),
    ],
)
def test_what_cannot_be_gone_to_is_told_beside_the_open_question(code: str, sentence: str) -> None:
    talk = in_the_middle()
    talk.world.events += [
        an_event(4, title="Gone", code="GGGGGG", status="cancelled"),
        an_event(5, title="Past", code="PPPPPP", starts_at=NOW - timedelta(hours=1)),
    ]
    answer = talk.says(f"/start event_{code}")
    assert sentence in answer
    assert "What is your e-mail" in answer
    assert "hush" not in answer
    assert talk.stage == "ENTERING_EMAIL"


def test_the_list_in_the_middle_keeps_the_registration_open() -> None:
    talk = in_the_middle()
    answer = talk.says("events")
    assert "“PyCon” stays open" in answer
    assert talk.labels == ["PyCon", "Jazz", "Go on registering"]
    assert talk.stage == "ENTERING_EMAIL"
    assert "switch to “Jazz”" in talk.says("2")
    talk.says("/events")
    assert "What is your e-mail" in talk.says("1")
    talk.says("/events")
    assert "What is your e-mail" in talk.taps("Go on registering")


def test_start_in_the_middle_says_what_is_being_done() -> None:
    talk = in_the_middle()
    answer = talk.says("/start")
    assert answer.startswith(
        "Welcome back! We were registering you for “PyCon”. So far I have: Ann Lee."
    )
    assert "What is your e-mail" in answer


def test_starting_over_says_that_nothing_was_booked() -> None:
    talk = in_the_middle()
    answer = talk.says("start over")
    assert "Nothing was booked" in answer
    assert "1. PyCon" in answer
    assert talk.stage == "CHOOSING_EVENT"


def test_going_back_to_the_card_forgets_nothing_that_was_typed() -> None:
    talk = in_the_middle("CONFIRMING")
    for _ in range(3):
        talk.says("back")
    assert "12 seats left" in talk.heard[-1].text
    assert "Ann Lee" in talk.taps("Register")
    assert talk.stage == "CONFIRMING"


def test_leaving_forgets_what_was_typed() -> None:
    talk = in_the_middle("CONFIRMING")
    talk.says("/cancel")
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    assert talk.stage == "ENTERING_NAME"
    assert talk.labels[0] == "Ann Smith"


def test_an_address_typed_at_the_last_look_replaces_the_old_one() -> None:
    talk = in_the_middle("CONFIRMING")
    assert "E-mail: ann.lee@example.org" in talk.says("ann.lee@example.org")


def test_switching_in_russian() -> None:
    talk = russian()
    talk.world.events = [an_event(), JAZZ]
    talk.says("/start event_K7Q2MX")
    talk.taps("Записаться")
    assert "Перейти к «Jazz»?" in talk.says("Здравствуйте! Register: Jazz (ABCDEF)")
    assert talk.taps("Да, перейти").startswith("Jazz")
