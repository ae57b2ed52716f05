"""What an event's card says to this person."""

import pytest
from conversation_talk import (
    Talk,
    World,
    a_place,
    a_registration,
    an_event,
    an_offer,
)

from contracts import (
    CancelRegistration,
    EventStatus,
    ListRegistrations,
    RegistrationCard,
)

JAZZ = an_event(2, title="Jazz", code="ABCDEF")
SECRET = an_event(3, title="Secret", code="SSSSSS", status="draft", description="hush")


def at_card(world: World) -> Talk:
    talk = Talk(world=world)
    talk.says("/start event_K7Q2MX")
    return talk


def test_a_draft_is_not_announced_and_nothing_of_it_is_told() -> None:
    talk = Talk(world=World([an_event(), SECRET]))
    answer = talk.says("/start event_SSSSSS")
    assert "hasn't been announced yet" in answer
    assert "Secret" not in answer
    assert "hush" not in answer
    assert talk.labels == ["Look again", "All events"]
    talk.world.events[1] = an_event(3, title="Secret", code="SSSSSS")
    assert talk.taps("Look again").startswith("Secret")


@pytest.mark.parametrize(
    ("status", "sentence"), [("cancelled", "has been cancelled"), ("finished", "is over")]
)
def test_what_is_no_more_is_told_with_the_way_to_what_is_on(
    status: EventStatus, sentence: str
) -> None:
    talk = Talk(world=World([an_event(status=status), JAZZ]))
    assert sentence in talk.says("Register: PyCon (K7Q2MX)")
    assert talk.labels == ["All events"]
    assert "1. Jazz" in talk.says("back")


@pytest.mark.parametrize(
    ("mine", "sentence", "labels"),
    [
        (
            a_registration(an_event()),
            "You already have a seat here.",
            ["My ticket", "Cancel registration", "Back"],
        ),
        (
            a_place(an_event(), 4),
            "waiting list: number 4",
            ["My place in line", "Leave waiting list", "Back"],
        ),
        (
            an_offer(an_event()),
            "A seat is free for you! I'll keep it until Tuesday, December 1",
            ["Take the seat", "No, thank you", "Back"],
        ),
    ],
)
def test_the_card_shows_what_the_person_has_there_already(
    mine: RegistrationCard, sentence: str, labels: list[str]
) -> None:
    talk = at_card(World([an_event(seats_left=0, waiting=5), JAZZ], [mine]))
    assert sentence in talk.heard[-1].text
    assert "5 people" not in talk.heard[-1].text
    assert talk.labels == labels
    talk.says("1")
    assert talk.stage == "CHOOSING_EVENT"


def test_the_ticket_is_one_tap_away_from_the_card() -> None:
    talk = at_card(World([an_event()], [a_registration(an_event())]))
    talk.taps("My ticket")
    assert talk.heard[-1].document is not None


def test_an_old_register_button_shows_the_seat_that_was_had_since() -> None:
    talk = at_card(World([an_event()]))
    talk.world.registrations.append(a_registration(an_event()))
    assert "You already have a seat here." in talk.taps("Register")
    assert talk.commands == []


def test_a_seat_at_another_event_changes_nothing_here() -> None:
    talk = at_card(World([an_event(), JAZZ], [a_registration(JAZZ)]))
    assert talk.labels == ["Register", "Back"]


def test_without_an_answer_about_the_person_the_card_is_the_plain_one() -> None:
    talk = Talk(world=World(mute=frozenset({ListRegistrations})))
    assert "12 seats left" in talk.says("/start event_K7Q2MX")
    assert talk.labels == ["Register", "Back"]
    assert "name" in talk.taps("Register")


def test_saying_register_means_the_event_that_is_open() -> None:
    talk = at_card(World([an_event(), JAZZ]))
    assert "name" in talk.says("sign me up")
    assert "What name" in talk.says("записаться")
    other = Talk(world=World([an_event(), JAZZ]))
    assert "Which event" in other.says("I want to register")


def test_seats_are_given_back_from_the_card_as_well() -> None:
    talk = at_card(World([an_event()], [a_registration(an_event())]))
    talk.taps("Cancel registration")
    talk.says("yes")
    assert isinstance(talk.commands[-1], CancelRegistration)
