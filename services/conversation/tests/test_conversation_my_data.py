"""What is kept: said when it is agreed to, shown when asked for, and gone when it shall be."""

import json

import pytest
from conversation_talk import Talk, World, a_registration, an_event, russian

from contracts import (
    ClaimSeat,
    CommandFailed,
    ForgetPerson,
    PersonForgotten,
    SeatClaimed,
)
from contracts.inbound import ContactShared
from conversation.dialogue import State
from conversation.dialogue.confirming import CONSENT_TEXT_VERSION
from conversation.document import ChatDocument
from conversation.texts import Language, texts

EVENT = an_event()
AGREED_TO: dict[str, dict[Language, str]] = {
    # Every wording that anybody has ever said yes to. A new one comes beside, with a new name.
    "2026-12": {
        "en": (
            "By confirming you agree that I keep your name, e-mail address and this chat for your "
            "registration. “Privacy” tells you more."
        ),
        "ru": (
            "Подтверждая, вы соглашаетесь, что я храню ваше имя, адрес почты и этот чат ради "
            "записи. Подробнее: «конфиденциальность»."
        ),
    }
}


def registered(talk: Talk | None = None) -> Talk:
    """Somebody with a seat, whose name and address the chat knows."""
    talk = talk or Talk()
    for text in ("/start event_K7Q2MX", "yes", "Marker Name", "marker@example.com", "yes"):
        talk.says(text)
    talk.gets_a_seat()
    return talk


def forgotten(talk: Talk) -> str:
    talk.says("/forget")
    talk.says("FORGET")
    assert isinstance(talk.commands[-1], ForgetPerson)
    talk.world.registrations.clear()
    talk.world.known = False
    return talk.told(PersonForgotten(freed=1))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_wording_that_is_agreed_to_has_a_name_of_its_own(language: Language) -> None:
    assert texts(language).say("confirm.consent") == AGREED_TO[CONSENT_TEXT_VERSION][language]


def test_what_is_agreed_to_stands_at_the_last_look_and_goes_along_with_the_claim() -> None:
    talk = russian()
    for text in ("Регистрация: PyCon (K7Q2MX)", "да", "Анна Пример", "ann@example.org"):
        talk.says(text)
    assert AGREED_TO[CONSENT_TEXT_VERSION]["ru"] in talk.heard[-1].text
    talk.says("да")
    claim = talk.commands[-1]
    assert isinstance(claim, ClaimSeat)
    assert claim.consent is not None
    assert claim.consent.text_version == CONSENT_TEXT_VERSION
    assert (claim.consent.language, claim.consent.channel) == ("ru", "whatsapp")
    assert claim.consent.at == talk.now


@pytest.mark.parametrize("word", ["/mydata", "my data", "мои данные"])
def test_my_data_is_a_file_with_what_the_chat_holds(word: str) -> None:
    talk = registered()
    talk.says(word)
    document = talk.heard[-1].document
    assert document is not None
    assert (document.kind, document.filename) == ("mydata", "my-data.txt")
    held = json.loads(document.data)
    assert (held["name"], held["email"]) == ("Marker Name", "marker@example.com")
    assert held["language"] == "en"


def test_the_most_that_a_chat_can_hold_fits_the_file() -> None:
    talk = Talk()
    long_name, long_email = "Ж" * 80, f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.com"
    for text in ("/start event_K7Q2MX", "yes", long_name, long_email, "yes"):
        talk.says(text)
    talk.gets_a_seat()
    talk.says("/link")
    talk.says(long_email)
    for text in ("/start event_K7Q2MX", "yes", long_name):
        talk.says(text)
    talk.says("/mydata")
    assert talk.heard[-1].document is not None


@pytest.mark.parametrize(
    ("word", "code_word"),
    [("/forget", "FORGET"), ("забудь меня", "Забудь!"), ("/забудь", "forget")],
)
def test_being_forgotten_takes_a_word_that_nobody_types_by_mistake(
    word: str, code_word: str
) -> None:
    talk = registered()
    assert "type FORGET" in talk.says(word)
    assert "can't be undone" in talk.says("yes")
    assert "can't be undone" in talk.says(word)
    assert len(talk.commands) == 1
    assert talk.says(code_word) == ""
    assert isinstance(talk.commands[-1], ForgetPerson)
    assert talk.commands[-1].address == talk.address


@pytest.mark.parametrize("said", ["no", "/help", "/events", "thanks", "нет"])
def test_after_anything_else_the_word_does_nothing(said: str) -> None:
    talk = registered()
    talk.says("/forget")
    talk.says(said)
    talk.says("FORGET")
    assert len(talk.commands) == 1


def test_the_word_alone_does_nothing() -> None:
    talk = registered()
    assert "didn't understand" in talk.says("FORGET")
    assert "type FORGET" in talk.taps_id("forget-now:")
    assert len(talk.commands) == 1


def test_in_the_middle_of_a_registration_the_word_is_no_name() -> None:
    talk = Talk()
    talk.says("/start event_K7Q2MX")
    talk.says("yes")
    talk.says("/forget")
    talk.says("FORGET")
    assert isinstance(talk.commands[-1], ForgetPerson)


def test_nothing_of_the_person_stays_in_the_document() -> None:
    talk = registered()
    answer = forgotten(talk)
    assert "deleted" in answer
    assert "1 place is free" in answer
    assert talk.state is not None
    assert talk.state == State(language="en", offered=talk.state.offered)
    item = talk.items[-1]
    document = ChatDocument(state=State()).after(
        item.id, talk.state, tuple(talk.heard[-1:]), talk.now
    )
    stored = document.encoded().decode()
    assert "Marker" not in stored
    assert "marker@" not in stored
    talk.says("hi")
    assert "Already registered" in talk.labels


def test_what_is_said_after_the_word_is_said_by_somebody_unknown() -> None:
    talk = registered()
    talk.says("/forget")
    talk.says("FORGET")
    assert talk.says("/my") == ""
    talk.world = World(known=False)
    before = len(talk.heard)
    talk.told(PersonForgotten())
    goodbye, mine = talk.heard[before:]
    assert "goodbye" in goodbye.text
    assert "don't find anything of yours" in mine.text
    assert talk.state is not None
    assert talk.state.profile == State().profile
    assert talk.state.kept == ()


def test_a_wish_to_be_forgotten_that_failed_can_be_said_again() -> None:
    talk = registered()
    talk.says("/forget")
    talk.says("FORGET")
    assert "went wrong" in talk.told(CommandFailed())
    assert talk.state is not None
    assert talk.state.profile.name == "Marker Name"
    assert "type FORGET" in talk.taps("Try again")


def test_somebody_of_whom_nothing_was_known_is_told_so() -> None:
    talk = Talk(world=World(known=False))
    talk.says("/forget")
    talk.says("FORGET")
    assert "nothing about you" in talk.told(PersonForgotten(known=False))


@pytest.mark.parametrize("word", ["/privacy", "privacy", "конфиденциальность", "gdpr"])
def test_privacy_is_explained_in_short(word: str) -> None:
    talk = Talk()
    assert "so that you get your seat" in talk.says(word)
    assert talk.labels == ["My data", "Forget me", "All events"]


def test_a_contact_card_links_nobody_and_the_way_that_does_is_named() -> None:
    talk = Talk(world=World(known=False))
    talk.says("/start")
    for own in (True, False):
        (answer,) = talk.does(ContactShared(phone="10000000001", own=own))
        assert "contact card proves nothing" in answer.text
        assert "say “link”" in answer.text
    assert (talk.commands, talk.codes) == ([], [])


def test_stop_says_that_offers_are_not_told_either_and_a_place_in_line_reminds_of_it() -> None:
    talk = Talk()
    talk.says("/stop")
    assert "no offered seats" in talk.heard[-1].text
    for text in ("/start event_K7Q2MX", "yes", "Ann Lee", "ann@example.com", "yes"):
        talk.says(text)
    assert "I don't write by myself" in talk.gets_in_line()


def test_a_chat_that_forgets_a_late_claim_says_only_what_is_true() -> None:
    talk = registered()
    claim = talk.commands[-1]
    forgotten(talk)
    late = talk.told(SeatClaimed(registration=a_registration(EVENT)), command_id=claim.id)
    assert "PyCon" in late
    assert talk.state is not None
    assert talk.state == State(language="en", offered=talk.state.offered)
