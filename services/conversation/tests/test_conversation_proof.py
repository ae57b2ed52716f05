"""Proving an address, and one person on every messenger, purely."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from conversation_talk import (
    Talk,
    World,
    a_registration,
    an_event,
    an_offer,
    russian,
    take,
)

from contracts import (
    AcceptOffer,
    ClaimRefused,
    ClaimSeat,
    CodeRefused,
    CommandFailed,
    DisownLink,
    EmailProven,
    LinkDisowned,
    ListRegistrations,
    OfferRefused,
    ProveEmail,
    RegistrationCard,
    RequestCode,
    SeatHeld,
    Unlink,
    Unlinked,
    UnlinkRefused,
    derived_id,
)
from contracts.people import CODE_MINUTES
from conversation.texts import Language, texts

EVENT = an_event()
LINK = derived_id(EVENT.id, "link")


def a_held_seat(talk: Talk) -> RegistrationCard:
    values = {"status": "held", "ticket": None, "hold_expires_at": talk.now + timedelta(minutes=10)}
    return a_registration(EVENT).model_copy(update=values)


def at_the_last_look(talk: Talk | None = None) -> Talk:
    talk = talk or Talk()
    known = talk.state is not None and talk.state.profile.email is not None
    for text in ("/start event_K7Q2MX", "yes", "Ann Smith", "ann@example.com")[: 2 if known else 4]:
        talk.says(text)
    assert talk.stage == "CONFIRMING"
    return talk


def with_a_held_seat(talk: Talk | None = None) -> Talk:
    """Somebody who has been asked for the code."""
    talk = at_the_last_look(talk)
    talk.says("yes")
    held = a_held_seat(talk)
    talk.world.registrations.append(held)
    talk.told(SeatHeld(registration=held))
    assert talk.stage == "VERIFYING"
    return talk


def asked_for_an_address(talk: Talk | None = None) -> Talk:
    talk = talk or Talk(world=World(known=False))
    talk.says("/start")
    talk.taps("Already registered")
    assert talk.stage == "LINKING"
    return talk


def asked_for_a_code(talk: Talk | None = None) -> Talk:
    talk = asked_for_an_address(talk)
    talk.says("ann@example.com")
    assert talk.stage == "VERIFYING"
    return talk


def proves(talk: Talk) -> ProveEmail:
    command = talk.commands[-1]
    assert isinstance(command, ProveEmail)
    return command


def test_a_held_seat_is_theirs_once_the_code_is_typed() -> None:
    talk = with_a_held_seat()
    answer = talk.heard[-1].text
    assert "“PyCon” is kept for you." in answer
    assert "A code is on its way to ann@example.com" in answer
    assert "At most 3 codes an hour" in answer
    (code,) = talk.codes
    assert (code.email, code.by, code.chat) == ("ann@example.com", "email", talk.address)
    assert talk.says("123 456") == ""
    assert proves(talk).code == "123456"
    assert proves(talk).name == "Ann Smith"
    seat = a_registration(EVENT)
    talk.world.registrations[:] = [seat]
    ticket = talk.told(EmailProven(name="Ann Smith", registrations=(seat,)))
    assert ticket.startswith("Thank you, that is the right code.")
    assert "You're in, Ann Smith!" in ticket
    assert talk.heard[-1].document is not None
    assert talk.stage == "REGISTERED"
    assert talk.state is not None
    assert (talk.state.proof, talk.state.profile.email) == (None, "ann@example.com")


def test_a_claim_that_needs_a_proof_first_goes_on_by_itself() -> None:
    talk = at_the_last_look()
    talk.says("yes")
    first = talk.commands[-1]
    answer = talk.told(ClaimRefused(reason="proof-first", event=EVENT))
    assert "Before I can book “PyCon”" in answer
    assert talk.stage == "VERIFYING"
    talk.says("123456")
    assert "right code" in talk.told(EmailProven(name="Ann Smith"))
    again = talk.commands[-1]
    assert isinstance(first, ClaimSeat)
    assert isinstance(again, ClaimSeat)
    assert (again.event_id, again.name) == (first.event_id, first.name)
    assert again.id != first.id
    assert again.sender == talk.sender
    assert "You're in" in talk.gets_a_seat()


def test_an_offer_that_needs_a_proof_first_is_taken_by_itself() -> None:
    talk = Talk(world=World(registrations=[an_offer(EVENT)]))
    talk.says("/my")
    talk.says("1")
    talk.taps("Take the seat")
    talk.told(OfferRefused(reason="proof-first", event=EVENT))
    assert talk.stage == "LINKING"
    assert "on its way" in talk.says("ann@example.com")
    talk.says("code: 123456")
    assert "right code" in talk.told(EmailProven())
    assert isinstance(talk.commands[-1], AcceptOffer)
    assert "You're in" in talk.takes_the_offer()


@pytest.mark.parametrize("known", [True, False])
def test_my_registrations_of_a_chat_that_speaks_for_nobody_lead_to_the_address(
    known: bool,
) -> None:
    talk = Talk(world=World(known=known))
    answer = talk.says("/my")
    if known:
        assert "no registrations" in answer
        return
    assert "don't find anything of yours" in answer
    assert "Registered already" in answer
    assert talk.labels == ["All events", "Cancel"]
    assert talk.stage == "LINKING"
    assert "PyCon" in talk.taps("All events")


@pytest.mark.parametrize(("asked", "shown"), [("/my", "Your registrations"), ("/ticket", "ticket")])
def test_what_was_asked_for_goes_on_by_itself_after_the_proof(asked: str, shown: str) -> None:
    talk = Talk(world=World(known=False))
    talk.says(asked)
    assert "A code is on its way to ann@example.com" in talk.says("ann@example.com")
    talk.says("654321")
    talk.world = World(registrations=[a_registration(EVENT)])
    answer = talk.told(EmailProven(name="Ann Smith", messengers=("telegram",), link_id=LINK))
    assert "This chat and Telegram are connected now" in answer
    assert shown in answer
    assert "That wasn't me" in talk.labels
    assert talk.state is not None
    assert talk.state.profile.name == "Ann Smith"


def test_without_a_mail_server_the_code_goes_to_the_other_messenger() -> None:
    talk = asked_for_a_code(Talk(world=World(known=False, proof_by_email=False)))
    assert "to their other messenger" in talk.heard[-1].text
    assert [code.by for code in talk.codes] == ["messenger"]
    assert talk.labels == ["Send it again", "Another address", "Cancel"]


@pytest.mark.parametrize(
    ("reason", "words"),
    [("wrong", "2 tries are left"), ("expired", "isn't valid"), ("too-many", "too often")],
)
def test_a_refused_code_says_why_and_leads_on(reason: str, words: str) -> None:
    talk = with_a_held_seat()
    talk.says("123456")
    outcome = CodeRefused.model_validate({"reason": reason, "tries_left": 2})
    assert words in talk.told(outcome)
    assert talk.labels == ["Send it again", "Other messenger", "Another address", "Cancel"]
    assert talk.stage == "VERIFYING"
    assert len(talk.codes) == 1
    talk.says("999999")
    assert proves(talk).code == "999999"


@pytest.mark.parametrize(
    ("reason", "yes_sends"), [("wrong", False), ("expired", True), ("too-many", True)]
)
def test_yes_means_another_code_only_where_that_was_asked(reason: str, yes_sends: bool) -> None:
    talk = with_a_held_seat()
    talk.says("123456")
    talk.told(CodeRefused.model_validate({"reason": reason, "tries_left": 2}))
    talk.says("yes")
    assert len(talk.codes) == (2 if yes_sends else 1)
    assert talk.stage == "VERIFYING"


def test_the_last_wrong_code_is_not_followed_by_another_try() -> None:
    talk = with_a_held_seat()
    talk.says("123456")
    assert "too often" in talk.told(CodeRefused(reason="wrong", tries_left=0))


def test_an_address_that_was_barred_is_told_so() -> None:
    talk = asked_for_a_code()
    talk.says("123456")
    assert "isn't theirs" in talk.told(CodeRefused(reason="barred"))
    assert "What is your e-mail address?" in talk.taps("Another address")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("123456", "123456"),
        ("123 456", "123456"),
        ("123-456", "123456"),
        ("12 34 56", "123456"),
        ("1 2 3 4 5 6", "123456"),
        ("123\u2013456", "123456"),
        ("１２３４５６", "123456"),
        ("١٢٣٤٥٦", "123456"),
        ("۱۲۳۴۵۶", "123456"),
        ("123\u00a0456", "123456"),
        ("code 123456", "123456"),
        ("Code: 123456.", "123456"),
        ("мой код 123 456", "123456"),
        ("(123456)", "123456"),
        ("№ 123456", "123456"),
        ("Your code is 123456. It is worth something for 10 minutes.", "123456"),
        ("Ваш код: 123 456\nОн действует 10 минут. Turnout, 2026", "123456"),
        ("123456 123456", "123456"),
        ("my number is 234567", "234567"),
        ("1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣", "123456"),
        ("\u200e123\u200b456\u200f", "123456"),
        ("*123456*", "123456"),
    ],
)
def test_the_code_is_read_however_it_is_written(text: str, code: str) -> None:
    talk = with_a_held_seat()
    talk.says(text)
    assert proves(talk).code == code


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_whole_message_with_the_code_may_be_pasted(language: Language) -> None:
    message = texts(language).say(
        "person.code", code="012345", messenger="Telegram", minutes=CODE_MINUTES
    )
    talk = with_a_held_seat()
    talk.says(message)
    assert proves(talk).code == "012345"


@pytest.mark.parametrize(
    "text", ["12345", "1234567", "123456 or 654321", "code 12", "12-34", "+49 170 1234567", "99"]
)
def test_a_number_that_is_no_code_gets_a_sentence(text: str) -> None:
    talk = with_a_held_seat()
    assert "The code has 6 digits" in talk.says(text)
    assert talk.stage == "VERIFYING"
    assert isinstance(talk.commands[-1], ClaimSeat)


@pytest.mark.parametrize("aside", ["/events", "/my", "/help", "/start event_K7Q2MX", "thanks"])
def test_the_code_may_be_typed_after_a_look_around(aside: str) -> None:
    talk = with_a_held_seat()
    talk.says(aside)
    talk.says("123456")
    assert proves(talk).code == "123456"


def test_long_after_it_was_sent_a_number_is_a_code_only_where_one_is_asked_for() -> None:
    talk = with_a_held_seat()
    talk.says("/events")
    talk.now += timedelta(minutes=30)
    talk.says("123456")
    assert isinstance(talk.commands[-1], ClaimSeat)


def test_words_mean_at_the_question_for_the_code_what_they_mean_elsewhere() -> None:
    talk = with_a_held_seat()
    assert "What is your e-mail address?" in talk.says("back")
    assert "6 digits" in talk.says("назад")
    assert len(talk.codes) == 1
    assert "kept for you until" in talk.says("cancel")
    assert talk.stage == "CHOOSING_EVENT"
    assert talk.labels == ["Enter the code", "My registrations", "All events"]


@pytest.mark.parametrize("word", ["no", "exit", "/cancel", "отмена"])
def test_every_way_out_of_the_question_for_the_code(word: str) -> None:
    talk = with_a_held_seat()
    assert "kept for you until" in talk.says(word)
    assert talk.stage == "CHOOSING_EVENT"


def test_a_seat_is_taken_up_again_from_the_registrations_without_another_code() -> None:
    talk = with_a_held_seat()
    talk.says("cancel")
    assert "code still to come" in talk.says("/my")
    assert "It is yours, with a ticket" in talk.says("1")
    assert "6 digits from the mail to ann@example.com" in talk.taps("Enter the code")
    assert len(talk.codes) == 1
    talk.now += timedelta(minutes=6)
    talk.says("cancel")
    talk.taps("Enter the code")
    assert len(talk.codes) == 2


def test_the_card_of_the_event_leads_to_the_code_as_well() -> None:
    talk = with_a_held_seat()
    assert "kept for you until" in talk.says("/start event_K7Q2MX")
    assert talk.labels == ["Enter the code", "Cancel registration", "Back"]


def test_an_old_button_of_a_held_seat_asks_nobody_who_has_proven_for_a_code() -> None:
    talk = with_a_held_seat()
    talk.says("123456")
    seat = a_registration(EVENT)
    talk.world.registrations[:] = [seat]
    talk.told(EmailProven(registrations=(seat,)))
    assert "Here is your ticket" in talk.taps_id(f"prove:{seat.id}")
    assert len(talk.codes) == 1


def test_a_chat_that_was_parted_meanwhile_can_prove_another_address() -> None:
    talk = with_a_held_seat()
    talk.says("123456")
    talk.world.registrations.clear()
    talk.told(EmailProven(link_id=LINK), command_id=proves(talk).id)
    talk.told(ClaimRefused(reason="full", event=EVENT))
    # Somebody said in another messenger that this was not them; the chat claims anew.
    talk.now += timedelta(minutes=20)
    with_a_held_seat(talk)
    talk.says("cancel")
    assert "6 digits" in talk.taps("Enter the code")
    assert talk.stage == "VERIFYING"


@pytest.mark.parametrize(
    "text", ["/start event_234567", "Register: PyCon (234567)", "https://t.me/b?start=event_234567"]
)
def test_an_event_whose_code_is_all_digits_is_no_proof(text: str) -> None:
    talk = with_a_held_seat()
    talk.world.events.append(an_event(2, title="Jazz", code="234567"))
    assert talk.says(text).startswith("Jazz")


def test_a_title_with_a_number_in_it_is_a_title() -> None:
    talk = with_a_held_seat()
    talk.world.events.append(an_event(2, title="Jazz 2026", code="ABCDEF"))
    assert talk.says("jazz 2026").startswith("Jazz 2026")


def test_a_proof_that_comes_too_late_for_the_kept_seat_asks_for_it_again() -> None:
    talk = with_a_held_seat()
    talk.now += timedelta(minutes=9)
    talk.says("123456")
    talk.world.registrations.clear()
    talk.told(EmailProven())
    claim = talk.commands[-1]
    assert isinstance(claim, ClaimSeat)
    assert claim.event_id == EVENT.id
    assert "waiting list" in talk.gets_in_line()


def test_a_second_held_seat_within_minutes_needs_no_second_code() -> None:
    talk = with_a_held_seat()
    talk.world.events.append(an_event(2, title="Jazz", code="ABCDEF"))
    talk.says("/start event_ABCDEF")
    talk.taps("Register")
    talk.taps("Confirm")
    second = a_registration(talk.world.events[1]).model_copy(
        update={"status": "held", "ticket": None, "hold_expires_at": talk.now + timedelta(hours=1)}
    )
    answer = talk.told(SeatHeld(registration=second))
    assert "Please type the 6 digits" in answer
    assert len(talk.codes) == 1
    talk.says("123456")
    seats = tuple(a_registration(event) for event in talk.world.events)
    answer = talk.told(EmailProven(registrations=seats))
    assert "1 more seat" in answer
    assert "Jazz" in answer


def test_the_other_messenger_and_another_address_are_one_tap_away() -> None:
    talk = with_a_held_seat()
    assert "to their other messenger" in talk.taps("Other messenger")
    assert "A code is on its way" in talk.taps("By e-mail")
    talk.taps("Another address")
    assert "on its way to ann2@example.com" in talk.says("ann2@example.com")
    assert "on its way to ann3@example.com" in talk.says(
        "my address is ann3@example.com sorry"
    ) or ("Did you mean ann3@example.com" in talk.heard[-1].text)
    assert [(code.email, code.by) for code in talk.codes[:4]] == [
        ("ann@example.com", "email"),
        ("ann@example.com", "messenger"),
        ("ann@example.com", "email"),
        ("ann2@example.com", "email"),
    ]
    assert len({code.id for code in talk.codes}) == len(talk.codes)


def test_a_button_that_was_tapped_twice_sends_one_code() -> None:
    talk = with_a_held_seat()
    again = talk.heard[-1].choices[0].id
    talk.taps_id(again)
    assert "earlier message" in talk.taps_id(again)
    assert len(talk.codes) == 2


def test_a_slip_in_the_address_is_asked_about_here_as_well() -> None:
    talk = asked_for_an_address()
    assert "Did you mean ann@gmail.com?" in talk.says("ann@gmial.com")
    assert "on its way to ann@gmail.com" in talk.says("yes")
    talk = asked_for_an_address()
    talk.says("ann@gmial.com")
    assert "on its way to ann@gmial.com" in talk.taps("No, as I typed it")
    talk = asked_for_an_address()
    assert "should be something like" in talk.says("no idea")
    assert talk.says("PyCon").startswith("PyCon")


CODE_STEPS: dict[str, Callable[[], Talk]] = {
    "a known event's seat is held": with_a_held_seat,
    "an address is typed": asked_for_a_code,
    "another way is chosen": lambda: then(with_a_held_seat(), lambda t: t.taps("Other messenger")),
    "another code is asked for": lambda: then(with_a_held_seat(), lambda t: t.says("new code")),
    "another address is typed": lambda: then(with_a_held_seat(), lambda t: t.says("b@example.com")),
    "an address among words": lambda: then(
        asked_for_an_address(), lambda t: (t.says("it is ann at gmail dot com"), t.says("yes"))
    ),
    "a seat is taken up again": lambda: then(later(with_a_held_seat()), taken_up_again),
}


def later(talk: Talk) -> Talk:
    talk.now += timedelta(minutes=7)
    return talk


def taken_up_again(talk: Talk) -> str:
    return talk.taps_id(f"prove:{a_registration(EVENT).id}")


def then(talk: Talk, does: Callable[[Talk], object]) -> Talk:
    talk.world.asked.clear()
    does(talk)
    return talk


@pytest.mark.parametrize("step", CODE_STEPS)
def test_a_step_that_says_a_code_is_on_its_way_asks_the_registry_nothing(step: str) -> None:
    """Whatever it asked could differ for an address that somebody has, in text or in time."""
    talk = CODE_STEPS[step]()
    assert talk.heard[-1].text.count("on its way") == 1
    assert talk.before is not None
    talk.world.asked.clear()
    taken = take(talk.before, talk.items[-1], talk.world, talk.now)
    assert any(isinstance(owed, RequestCode) for owed in taken.owed)
    assert talk.world.asked == []


def test_what_is_said_about_a_code_is_the_same_whoever_has_the_address() -> None:
    """Two worlds: in one the chat's person is known, with seats; in the other nobody is."""
    said = set()
    for world in (World(known=False), World(known=True, registrations=[a_registration(EVENT)])):
        talk = Talk(world=world)
        talk.says("/link")
        talk.says("ann@example.com")
        said.add(talk.heard[-1].text)
        assert talk.world.asked == [ListRegistrations(address=talk.address)]
    assert len(said) == 1


def test_a_code_typed_while_the_claim_still_waits_is_not_lost() -> None:
    talk = with_a_held_seat()
    talk.says("/start event_K7Q2MX")
    talk.world.registrations.clear()
    talk.taps_id("reg:K7Q2MX")
    talk.says("yes")
    assert isinstance(talk.commands[-1], ClaimSeat)
    claims = len(talk.commands)
    assert talk.says("123456") == ""
    assert len(talk.commands) == claims
    talk.told(SeatHeld(registration=a_held_seat(talk), already=True))
    assert proves(talk).code == "123456"


def test_a_second_code_typed_while_the_first_is_looked_at_is_tried_after_it() -> None:
    talk = with_a_held_seat()
    talk.says("111111")
    first = proves(talk)
    assert talk.says("111111") == ""
    assert talk.says("123456") == ""
    assert proves(talk) is first
    talk.told(CodeRefused(reason="wrong", tries_left=4))
    assert proves(talk).code == "123456"


def test_in_a_silence_the_code_is_kept_and_that_is_said() -> None:
    talk = with_a_held_seat()
    talk.world.silent = True
    assert "Your request is safe" in talk.says("123456")
    assert "Your request is safe" in talk.says("123456")
    assert len([one for one in talk.commands if isinstance(one, ProveEmail)]) == 1
    # What goes on by itself may meet the silence as well.
    talk = asked_for_a_code()
    talk.says("123456")
    talk.world.silent = True
    answer = talk.told(EmailProven())
    assert "right code" in answer
    assert "can't look that up" in answer
    talk.world.silent, talk.world.known = False, True
    assert "no registrations" in talk.taps("Try again")


def test_a_code_that_could_not_be_looked_at_can_be_typed_again() -> None:
    talk = with_a_held_seat()
    talk.says("123456")
    assert "went wrong" in talk.told(CommandFailed())
    talk.says("123456")
    assert len([one for one in talk.commands if isinstance(one, ProveEmail)]) == 2


def test_a_late_outcome_of_a_proof_changes_nothing_and_sends_nothing() -> None:
    talk = with_a_held_seat()
    before, codes, commands = talk.state, len(talk.codes), len(talk.commands)
    for outcome in (SeatHeld(registration=a_held_seat(talk)), EmailProven(link_id=LINK)):
        talk.told(outcome, command_id=LINK)
        assert talk.state == before
    assert (len(talk.codes), len(talk.commands)) == (codes, commands)


def test_i_am_registered_already_in_the_middle_of_a_registration_comes_back_to_it() -> None:
    talk = Talk(world=World(known=False))
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    assert "Registered already" in talk.says("/link")
    talk.says("ann@example.com")
    talk.says("123456")
    talk.world.known = True
    assert "Is everything right?" in talk.told(EmailProven(name="Ann Elsewhere", link_id=LINK))
    assert "Ann Elsewhere" in talk.heard[-1].text
    assert "That wasn't me" in talk.labels


def test_looking_at_ones_registrations_in_the_middle_of_one_keeps_the_question_open() -> None:
    talk = Talk(world=World(known=False))
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    assert "don't find anything" in talk.says("/my")
    assert talk.stage == "ENTERING_NAME"
    assert talk.labels == ["Already registered", "Go on registering"]


def test_who_comes_back_after_a_month_is_asked_for_no_code() -> None:
    talk = with_a_held_seat()
    talk.now += timedelta(days=31)
    talk.says("123456")
    assert talk.state is not None
    assert talk.state.proof is None
    assert isinstance(talk.commands[-1], ClaimSeat)


def test_who_comes_back_to_a_code_that_has_run_out_is_asked_for_another() -> None:
    talk = with_a_held_seat()
    talk.now += timedelta(minutes=11)
    assert "isn't valid any more" in talk.says("hm?")
    assert talk.says("yes").startswith("A code is on its way")
    assert len(talk.codes) == 2


@pytest.mark.parametrize(("minutes", "greets"), [(9, False), (11, True)])
def test_a_hello_leads_back_to_a_code_only_while_it_is_worth_something(
    minutes: int, greets: bool
) -> None:
    talk = with_a_held_seat()
    talk.now += timedelta(minutes=minutes)
    assert ("I book seats" in talk.says("/start")) is greets
    talk = asked_for_an_address()
    assert "I book seats" in talk.says("/start")


def test_that_was_not_me_is_asked_once_more() -> None:
    talk = Talk(world=World(registrations=[a_registration(EVENT)]))
    assert "disconnect that chat from you" in talk.taps_id(f"disown:{LINK}")
    assert "stays as it is" in talk.says("no")
    talk.taps_id(f"disown:{LINK}")
    assert talk.says("yes") == ""
    command = talk.commands[-1]
    assert isinstance(command, DisownLink)
    assert command.link_id == LINK
    assert "WhatsApp is disconnected" in talk.told(LinkDisowned(messenger="whatsapp"))


@pytest.mark.parametrize("forged", ["disown:", "disown:1", "disown-now:1", "disown-now:"])
def test_a_forged_link_is_nobodys(forged: str) -> None:
    talk = Talk()
    assert "can't find that chat" in talk.taps_id(forged)
    assert talk.commands == []


def test_a_yes_to_an_old_question_of_parting_is_asked_again() -> None:
    talk = Talk()
    talk.says("/unlink")
    old = talk.heard[-1].choices[0].id
    talk.says("no")
    assert "disconnect this chat from you" in talk.taps_id(old)
    assert talk.commands == []


def test_a_parted_chat_knows_nothing_of_its_person_any_more() -> None:
    talk = with_a_held_seat()
    talk.says("123456")
    talk.told(EmailProven(name="Ann Smith"), command_id=proves(talk).id)
    talk.gets_in_line()
    talk.says("/unlink")
    talk.says("yes")
    assert isinstance(talk.commands[-1], Unlink)
    answer = talk.told(Unlinked(messengers=("telegram",)))
    assert "still there: Telegram" in answer
    assert talk.state is not None
    assert "ann@example.com" not in talk.state.model_dump_json()
    assert "Ann Smith" not in talk.state.model_dump_json()


@pytest.mark.parametrize(
    ("reason", "words"), [("unknown", "isn't connected"), ("only-way", "the only way")]
)
def test_a_refused_parting_says_why(reason: str, words: str) -> None:
    talk = Talk()
    talk.says("отвязать")
    talk.says("да")
    assert words in talk.told(UnlinkRefused.model_validate({"reason": reason}))


@pytest.mark.parametrize(
    "word", ["/link", "link", "привязать", "Я уже записан", "I'm already registered", "войти"]
)
def test_words_that_lead_to_linking(word: str) -> None:
    talk = russian()
    talk.world.known = False
    talk.says(word)
    assert talk.stage == "LINKING"
