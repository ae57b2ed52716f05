"""Waiting for a seat, being offered one, and handing one on, with the pure dialogue."""

from datetime import UTC, datetime, timedelta

import pytest
from conversation_talk import (
    ANN,
    NOW,
    OLGA,
    Talk,
    World,
    a_place,
    a_registration,
    an_event,
    an_offer,
    russian,
)

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    CancelRegistration,
    ClaimRefused,
    ClaimSeat,
    CommandFailed,
    DropTransfer,
    NoticeAnswer,
    OfferRefused,
    OutboundMessage,
    RegistrationReleased,
    SeatClaimed,
    SeatTransferred,
    TransferDropped,
    TransferOffered,
    TransferRefused,
    WaitingListed,
)
from conversation.dialogue import State
from conversation.document import ChatDocument

FULL = an_event(seats_left=0, waiting=2)
OTHER = an_event(2, title="Jazz", code="ABCDEF")


def who_waits() -> Talk:
    talk = Talk(world=World([FULL, OTHER]))
    talk.says("/start event_K7Q2MX")
    talk.taps("Join waiting list")
    talk.taps("Ann Smith")
    talk.says("ann@example.com")
    talk.taps("Confirm")
    talk.gets_in_line()
    return talk


def who_is_offered(talk: Talk | None = None) -> Talk:
    talk = talk or who_waits()
    talk.world.registrations = [an_offer(FULL)]
    return talk


def test_a_full_event_leads_to_its_waiting_list() -> None:
    talk = Talk(world=World([FULL]))
    card = talk.says("/start event_K7Q2MX")
    assert "Full: 2 people are waiting." in card
    assert talk.labels == ["Join waiting list", "Back"]
    assert "name" in talk.says("yes")
    talk.taps("Ann Smith")
    look = talk.says("ann@example.com")
    assert "Is everything right?" in look
    assert "this puts you on the waiting list" in look
    talk.taps("Confirm")
    assert isinstance(talk.commands[0], ClaimSeat)
    assert "on the waiting list: number 3" in talk.gets_in_line()
    assert talk.labels == ["My registrations", "Leave waiting list", "All events"]
    assert talk.heard[-1].document is None
    assert talk.stage == "REGISTERED"


def test_the_waiting_list_in_russian() -> None:
    talk = russian()
    talk.world.events = [FULL]
    assert "Мест нет, в очереди 2 человека." in talk.says("/start event_K7Q2MX")
    talk.taps("Встать в очередь")
    talk.says("Ольга Петрова")
    assert "поэтому вы встанете в очередь" in talk.says("olga@example.org")
    talk.says("да")
    assert "Ваш номер: 3" in talk.gets_in_line()
    assert "очередь, номер 3" in talk.says("мои записи")
    assert "Ваш номер: 3" in talk.says("1")
    assert "Выйти из очереди" in talk.taps("Выйти из очереди")
    talk.says("да")
    assert "Вы вышли из очереди" in talk.gives_up()


def test_a_free_seat_is_not_shown_to_newcomers_while_others_wait() -> None:
    talk = Talk(world=World([an_event(seats_left=1, waiting=1)]))
    assert "1 person is waiting" in talk.says("/start event_K7Q2MX")
    assert talk.labels == ["Join waiting list", "Back"]


def test_nobody_waits_yet_for_a_full_event() -> None:
    talk = Talk(world=World([an_event(seats_left=0)]))
    assert "nobody is waiting yet" in talk.says("/start event_K7Q2MX")
    assert "Join waiting list" in talk.labels


def test_the_last_seat_that_somebody_else_took_becomes_a_place_in_line() -> None:
    talk = Talk()
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    talk.taps("Ann Smith")
    assert "waiting list" not in talk.says("ann@example.com")
    talk.taps("Confirm")
    assert "full for now, so you are on the waiting list" in talk.gets_in_line()


def test_who_waits_already_is_told_the_place() -> None:
    talk = who_waits()
    talk.says("/start event_K7Q2MX")
    talk.taps("Join waiting list")
    talk.taps("Confirm")
    answer = talk.told(WaitingListed(registration=a_place(FULL, 2), already=True))
    assert "already: number 2" in answer


def test_who_is_offered_a_seat_and_asks_again_is_shown_the_offer() -> None:
    talk = who_waits()
    talk.says("/start event_K7Q2MX")
    talk.taps("Join waiting list")
    talk.taps("Confirm")
    answer = talk.told(WaitingListed(registration=an_offer(FULL), already=True))
    assert "A seat at “PyCon” is free for you!" in answer
    assert talk.labels == ["Take the seat", "No, thank you"]


def test_registration_that_opens_later_says_when() -> None:
    opens = datetime(2026, 12, 2, 8, 0, tzinfo=UTC)
    event = an_event(opens_at=opens)
    talk = Talk(world=World([event]))
    moment = "Wednesday, December 2, 2026, 9:00 AM (Berlin time)"
    assert f"Registration opens on {moment}" in talk.says("/start event_K7Q2MX")
    assert talk.labels == ["Look again", "All events"]
    talk.now = opens
    assert "12 seats left" in talk.taps("Look again")
    talk.taps("Register")
    talk.taps("Ann Smith")
    talk.says("ann@example.com")
    talk.taps("Confirm")
    answer = talk.told(ClaimRefused(reason="not-yet-open", event=event))
    assert f"opens on {moment}" in answer
    assert talk.labels == ["Look again", "All events", "My registrations"]


def test_registration_that_has_closed_is_said_so() -> None:
    talk = Talk(world=World([an_event(closes_at=NOW)]))
    assert "Registration is closed." in talk.says("/start event_K7Q2MX")
    assert talk.labels == ["All events"]
    assert "Registration is closed." in talk.taps_id("reg:K7Q2MX")
    assert talk.commands == []


def test_the_list_tells_seats_offers_and_places_apart() -> None:
    third = an_event(3, title="Chess", code="CCCCCC")
    mine = [a_registration(OTHER), an_offer(FULL), a_place(third, 7)]
    talk = Talk(world=World([FULL, OTHER, third], mine))
    listed = talk.says("/my")
    assert "1. Jazz, Sun, Dec 6, 6:00 PM: your seat" in listed
    assert "PM: seat kept for you until Tue, Dec 1, 4:00 PM" in listed
    assert "waiting list, number 7" in listed
    assert "A seat at “PyCon” is free for you!" in talk.says("2")
    talk.says("/my")
    assert "number 7" in talk.says("3")
    talk.says("/my")
    talk.says("1")
    assert talk.heard[-1].document is not None


def test_only_seats_have_tickets() -> None:
    talk = who_waits()
    answer = talk.says("ticket")
    assert "You have no ticket yet." in answer
    assert "waiting list, number 3" in answer
    talk.world.registrations.append(a_registration(OTHER))
    talk.says("ticket")
    assert talk.heard[-1].document is not None
    talk.world.registrations.append(a_registration(an_event(3, title="Chess", code="CCCCCC")))
    answer = talk.says("ticket")
    assert "Which ticket" in answer
    assert "PyCon" not in answer


def test_a_place_in_line_is_left_in_two_taps() -> None:
    talk = who_waits()
    assert "leave the waiting list for “PyCon”" in talk.taps("Leave waiting list")
    talk.taps("Yes, leave it")
    assert isinstance(talk.commands[-1], CancelRegistration)
    assert "You have left the waiting list for “PyCon”" in talk.gives_up()
    assert "no registrations" in talk.says("/my")


def test_a_place_in_line_can_be_kept_after_all() -> None:
    talk = who_waits()
    talk.says("cancel")
    assert "your place in line stays yours" in talk.says("no")
    assert len(talk.commands) == 1


def test_an_offered_seat_is_taken_with_a_tap_on_the_notice() -> None:
    talk = who_is_offered()
    assert talk.taps_id(f"take:{an_offer(FULL).id}") == ""
    accept = talk.commands[-1]
    assert isinstance(accept, AcceptOffer)
    assert (accept.event_id, accept.address) == (FULL.id, ANN)
    assert "You're in, Ann Smith!" in talk.takes_the_offer()
    assert talk.heard[-1].document is not None
    assert talk.stage == "REGISTERED"
    # An old button of the notice is answered with what is true by now.
    assert "Here is your ticket" in talk.taps_id(f"take:{an_offer(FULL).id}")
    assert len(talk.commands) == 2


@pytest.mark.parametrize("yes", ["yes", "да", "Take the seat", "1"])
def test_an_offer_that_was_just_shown_is_taken_in_words(yes: str) -> None:
    talk = who_is_offered()
    talk.says("/my")
    talk.says("1")
    assert talk.says(yes) == ""
    assert isinstance(talk.commands[-1], AcceptOffer)


@pytest.mark.parametrize("no", ["no", "нет", "No, thank you", "2"])
def test_an_offer_that_was_just_shown_is_declined_in_words(no: str) -> None:
    talk = who_is_offered()
    talk.says("/my")
    talk.says("1")
    assert talk.says(no) == ""
    cancel = talk.commands[-1]
    assert isinstance(cancel, CancelRegistration)
    assert cancel.registration_id == an_offer(FULL).id
    assert "is free for somebody else" in talk.gives_up()


@pytest.mark.parametrize("text", ["yes", "I'd love to come", "cancel"])
def test_any_answer_to_a_notice_without_buttons_leads_to_its_offer(text: str) -> None:
    talk = who_is_offered()
    assert "A seat at “PyCon” is free for you!" in talk.says(text)
    assert "Tuesday, December 1, 2026, 4:00 PM (Berlin time)" in talk.heard[-1].text
    assert len(talk.commands) == 1


def test_taking_a_seat_does_not_lose_a_registration_under_way() -> None:
    talk = who_is_offered()
    talk.says("/start event_ABCDEF")
    talk.taps("Register")
    talk.says("/back")
    assert talk.stage == "ENTERING_EMAIL"
    talk.taps_id(f"take:{an_offer(FULL).id}")
    assert "You're in" in talk.takes_the_offer()
    assert talk.labels[-1] == "Go on registering"
    assert talk.stage == "ENTERING_EMAIL"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("expired", "the time to take the seat at “PyCon” is over"),
        ("not-offered", "no open offer"),
        ("not-yours", "can't find that offer"),
        ("started", "already begun"),
        ("cancelled", "has been cancelled"),
    ],
)
def test_a_refused_offer_says_why(reason: str, words: str) -> None:
    talk = who_is_offered()
    talk.taps_id(f"take:{an_offer(FULL).id}")
    assert words in talk.told(OfferRefused.model_validate({"reason": reason, "event": FULL}))
    expected = ["Join again"] if reason == "expired" else []
    assert talk.labels == [*expected, "My registrations", "All events"]


@pytest.mark.parametrize("verb", ["take", "pass"])
def test_an_offer_that_ran_out_is_told_with_a_way_back(verb: str) -> None:
    talk = who_waits()
    talk.world.registrations = []
    expired = an_offer(FULL).model_copy(update={"status": "cancelled", "offer_expires_at": None})
    talk.world.notices["offer-expired"] = NoticeAnswer(address=ANN, registration=expired)
    commands = len(talk.commands)
    assert "goes to the next in line" in talk.taps_id(f"{verb}:{expired.id}")
    assert len(talk.commands) == commands
    assert "2 people are waiting" in talk.taps("Join again")
    # Who has joined again is told of the new place, not of the old offer.
    talk.world.registrations = [a_place(FULL, 5).model_copy(update={"id": OTHER.id})]
    assert "number 5" in talk.taps_id(f"{verb}:{expired.id}")
    # What was another person's offer is nothing to tell.
    talk.world.notices["offer-expired"] = NoticeAnswer(address=OLGA, registration=expired)
    assert "no open offer" in talk.taps_id(f"{verb}:{expired.id}")
    assert "no open offer" in talk.taps_id(f"{verb}:nonsense")


def test_who_still_waits_and_taps_an_offer_is_shown_the_place() -> None:
    talk = who_waits()
    assert "number 3" in talk.taps_id(f"take:{a_place(FULL).id}")
    assert len(talk.commands) == 1


def test_a_failed_acceptance_can_be_tried_again_with_a_new_command() -> None:
    talk = who_is_offered()
    talk.taps_id(f"take:{an_offer(FULL).id}")
    assert "went wrong" in talk.told(CommandFailed())
    assert talk.taps("Try again") == ""
    assert len({command.id for command in talk.commands}) == 3
    assert "You're in" in talk.takes_the_offer()


def test_a_silent_registry_leaves_the_answer_to_an_offer_at_hand() -> None:
    talk = who_is_offered()
    talk.world.silent = True
    assert "can't look that up" in talk.taps_id(f"take:{an_offer(FULL).id}")
    talk.world.silent = False
    assert talk.taps("Try again") == ""
    assert isinstance(talk.commands[-1], AcceptOffer)


def test_what_had_ended_before_is_told_once() -> None:
    talk = who_is_offered()
    talk.taps_id(f"pass:{an_offer(FULL).id}")
    outcome = RegistrationReleased(
        registration_id=an_offer(FULL).id, event=FULL, already=True, was="offered"
    )
    assert "had ended before" in talk.told(outcome)


def who_is_promised_a_seat() -> Talk:
    talk = Talk()
    talk.says("/start")
    seat = a_registration(an_event(), name="Bob")
    talk.world.notices["transfer-offered"] = NoticeAnswer(address=ANN, registration=seat)
    return talk


def test_a_seat_that_is_handed_over_is_taken_with_a_tap() -> None:
    talk = who_is_promised_a_seat()
    seat = a_registration(an_event())
    assert talk.taps_id(f"xtake:{seat.id}") == ""
    accept = talk.commands[-1]
    assert isinstance(accept, AcceptTransfer)
    assert accept.event_id == an_event().id
    assert "The seat is yours now, Ann Smith!" in talk.told(SeatTransferred(registration=seat))
    assert talk.heard[-1].document is not None
    assert talk.stage == "REGISTERED"


def test_a_seat_that_is_handed_over_can_be_declined() -> None:
    talk = who_is_promised_a_seat()
    assert talk.taps_id(f"xpass:{a_registration(an_event()).id}") == ""
    assert isinstance(talk.commands[-1], DropTransfer)
    assert "stays where it was" in talk.told(TransferDropped(event=an_event()))


def test_a_promise_that_is_over_is_said_so() -> None:
    talk = who_is_promised_a_seat()
    talk.world.silent = True
    assert "can't look that up" in talk.taps_id(f"xtake:{a_registration(an_event()).id}")
    talk.world.silent = False
    talk.world.notices = {}
    assert "isn't on offer to you" in talk.taps("Try again")
    assert talk.commands == []


def test_who_hands_a_seat_over_is_told_until_when() -> None:
    talk = who_is_promised_a_seat()
    outcome = TransferOffered(
        registration=a_registration(an_event()), expires_at=NOW + timedelta(days=1)
    )
    late = talk.told(outcome, command_id=an_event(9).id)
    assert "until Wednesday, December 2, 2026, 10:00 AM (Berlin time)" in late


@pytest.mark.parametrize(
    "reason", ["not-yours", "not-offered", "checked-in", "started", "cancelled", "has-seat"]
)
def test_a_refused_transfer_says_why(reason: str) -> None:
    talk = who_is_promised_a_seat()
    talk.taps_id(f"xtake:{a_registration(an_event()).id}")
    outcome = TransferRefused.model_validate({"reason": reason, "event": an_event()})
    assert talk.told(outcome)
    assert talk.labels == ["My registrations", "All events"]


def test_what_an_answer_to_an_offer_owes_is_stored_and_read_again() -> None:
    talk = who_is_offered()
    for verb in ("take", "pass"):
        talk.taps_id(f"{verb}:{an_offer(FULL).id}")
        assert_stored(talk)
        talk.told(OfferRefused(reason="not-offered"))
    talk.world.notices["transfer-offered"] = NoticeAnswer(registration=a_registration(OTHER))
    for verb in ("xtake", "xpass"):
        talk.taps_id(f"{verb}:{a_registration(OTHER).id}")
        assert_stored(talk)
        talk.told(TransferDropped(event=OTHER))


def assert_stored(talk: Talk) -> None:
    assert talk.state is not None
    assert talk.state.waiting is not None
    cause, owed = talk.items[-1].id, (talk.commands[-1], *talk.heard[-1:])
    document = ChatDocument(state=State()).after(cause, talk.state, owed, talk.now)
    stored = ChatDocument.model_validate_json(document.encoded())
    assert stored.owed_for(cause) == owed
    assert stored.state == talk.state
    assert isinstance(owed[-1], OutboundMessage)


def test_a_seat_that_comes_free_after_all_is_simply_claimed() -> None:
    talk = Talk(world=World([FULL]))
    talk.says("/start event_K7Q2MX")
    talk.taps("Join waiting list")
    talk.taps("Ann Smith")
    talk.says("ann@example.com")
    talk.taps("Confirm")
    assert "You're in" in talk.told(SeatClaimed(registration=a_registration(FULL)))
