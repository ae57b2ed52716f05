"""Event codes as people send them: followed, pasted, retyped, and among other words."""

from urllib.parse import quote, quote_plus

import pytest
from conversation_talk import Talk, World, an_event, russian

from contracts import FindEvent, MediaSent
from conversation.dialogue.codes import CANDIDATES_MAX, candidates, certain_code

JAZZ = an_event(2, title="Jazz", code="ABCDEF")
SENTENCE = "Register: PyCon (Berlin) (K7Q2MX)"


@pytest.mark.parametrize(
    "text",
    [
        "/start event_K7Q2MX",
        "/start@turnout_bot event_K7Q2MX",
        "start event_k7q2mx",
        "https://t.me/turnout_bot?start=event_K7Q2MX",
        "look at t.me/turnout_bot?start=event_K7Q2MX&x=1 !",
        "tg://resolve?domain=turnout_bot&start=event_K7Q2MX",
        SENTENCE,
        SENTENCE.upper(),
        SENTENCE.lower(),
        f"Hello! {SENTENCE} thank you :)",
        "Hi,\nregister : PyCon\n( k7q2mx )",
        "Register: PyCon (Prague) (K7Q2MX) (thanks)",
        "register: pycon (berlin) (k7q2mx)",
        "РЕГИСТРАЦИЯ: ПайКон (K7Q2MX)",
        "Добрый день! Запись: ПайКон (K7Q2MX), спасибо",
        f"https://wa.me/15550783881?text={quote(SENTENCE)}",
        f"wa.me/15550783881?text={quote_plus(SENTENCE)}",
        f"https://api.whatsapp.com/send?phone=15550783881&text={quote(SENTENCE)}&x=y",
    ],
)
def test_a_certain_code_is_found_whatever_stands_around_it(text: str) -> None:
    assert certain_code(text) == "K7Q2MX"
    talk = Talk(world=World([an_event(), JAZZ]))
    talk.says("/start event_ABCDEF")
    talk.taps("Register")
    assert talk.stage == "ENTERING_NAME"
    # Even where a name is asked for.
    assert "switch to “PyCon”" in talk.says(text)


@pytest.mark.parametrize(
    "text",
    ["event_K7Q2MX@example.org", "prevent_K7Q2MX", "event_K7Q2MXY", "register (K7Q2MX)", "K7Q2MX"],
)
def test_what_may_mean_something_else_is_no_certain_code(text: str) -> None:
    assert certain_code(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hi K7Q2MX please", ("K7Q2MX", "PLEASE")),
        ("please k7q2mx", ("K7Q2MX", "PLEASE")),
        ("К7Q2МХ", ("K7Q2MX",)),
        ("(K7Q2MX)", ("K7Q2MX",)),
        ("code:K7Q2MX.", ("K7Q2MX",)),
        ("K7Q2MX K7Q2MX", ("K7Q2MX",)),
        ("K7Q2M", ()),
        ("K7Q2MXA", ()),
        ("K0Q2MX", ()),
        ("ann.k7q2mx@example.org", ()),
        ("Привет, как дела", ()),
    ],
)
def test_bare_words_that_may_be_codes(text: str, found: tuple[str, ...]) -> None:
    assert candidates(text) == found


@pytest.mark.parametrize("text", ["hi K7Q2MX please", "k7q2mx", "Please, the K7Q2MX one", "К7Q2МХ"])
@pytest.mark.parametrize("first", [None, "/events", "/my"])
def test_a_bare_code_leads_to_the_card_from_anywhere(text: str, first: str | None) -> None:
    talk = Talk(world=World([an_event(), JAZZ]))
    if first:
        talk.says(first)
    assert talk.says(text).startswith("PyCon")


def test_a_word_that_is_no_event_keeps_its_ordinary_meaning() -> None:
    talk = Talk()
    assert "I book seats" in talk.says("please")
    assert "didn't understand" in talk.says("a little please")


def test_the_registry_is_asked_about_three_words_of_a_message_at_most() -> None:
    talk = Talk()
    talk.world.asked.clear()
    talk.says("PLEASE KEEPER STREET HAMLET SUNSET K7Q2MY")
    found = {query.code for query in talk.world.asked if isinstance(query, FindEvent)}
    assert len(found) == CANDIDATES_MAX
    assert "K7Q2MY" in found


def test_a_silent_registry_leaves_a_word_its_ordinary_meaning() -> None:
    talk = Talk()
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    talk.taps("Ann Smith")
    talk.world.silent = True
    assert "name@example.org" in talk.says("please")


def test_martha_is_a_name_even_if_an_event_is_coded_so() -> None:
    talk = Talk(world=World([an_event(), an_event(2, title="Jazz", code="MARTHA")]))
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    assert "Nice to meet you, Martha!" in talk.says("Martha")
    # Where an address is asked for, she is none.
    assert "switch to “Jazz”" in talk.says("martha")


@pytest.mark.parametrize("text", ["ABCDE2", "Ann (ABCDE2)"])
def test_where_a_name_is_asked_what_looks_like_a_code_only_counts_if_it_is_one(text: str) -> None:
    talk = Talk(world=World([an_event(), an_event(2, title="Jazz", code="ABCDE2")]))
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    assert "switch to “Jazz”" in talk.says(text)
    talk.taps("No, go on")
    talk.world.events.pop()
    assert "Nice to meet you" in talk.says(text)


@pytest.mark.parametrize(
    "text",
    [
        "/start event_ZZZZZZ",
        "Register: PyCon (K0Q2MX)",
        "(ZZZZZZ)",
        "https://t.me/turnout_bot?start=event_ZZZZZZ",
    ],
)
def test_a_code_that_no_event_has_is_said_so_and_what_is_on_is_shown(text: str) -> None:
    talk = Talk()
    answer = talk.says(text)
    assert "can't find that event" in answer
    assert "1. PyCon" in answer


def test_a_picture_of_a_poster_with_its_sentence_leads_to_the_card() -> None:
    talk = russian()
    talk.does(MediaSent(media="photo", caption="Регистрация: ПайКон (K7Q2MX)"))
    assert talk.heard[-1].text.startswith("PyCon")


def test_a_silent_registry_is_asked_for_the_same_event_again() -> None:
    talk = Talk(world=World(silent=True))
    assert "can't look that up" in talk.says("/start event_K7Q2MX")
    talk.world.silent = False
    assert talk.taps("Try again").startswith("PyCon")
