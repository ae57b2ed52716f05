"""Which language a person is greeted in, and how it is changed."""

import pytest
from conversation_talk import Talk, a_registration, an_event, russian

from contracts import Address, Sender
from conversation.dialogue.languages import Guess, guess_of

SURELY_ENGLISH, PERHAPS_ENGLISH = Guess("en", sure=True), Guess("en", sure=False)
SURELY_RUSSIAN, PERHAPS_RUSSIAN = Guess("ru", sure=True), Guess("ru", sure=False)


def at(chat_id: str) -> Address:
    return Address(platform="whatsapp", account="106540352242922", chat_id=chat_id)


TELEGRAM = Address(platform="telegram", account="123456", chat_id="42")


@pytest.mark.parametrize(
    ("code", "guess"),
    [
        ("ru", SURELY_RUSSIAN),
        ("ru-RU", SURELY_RUSSIAN),
        ("en", SURELY_ENGLISH),
        ("en-GB", SURELY_ENGLISH),
        ("kk", PERHAPS_RUSSIAN),
        ("be", PERHAPS_RUSSIAN),
        ("uz", PERHAPS_RUSSIAN),
        ("uk", PERHAPS_ENGLISH),
        ("de", PERHAPS_ENGLISH),
        ("pt-br", PERHAPS_ENGLISH),
        ("", PERHAPS_ENGLISH),
        ("nonsense", PERHAPS_ENGLISH),
        (None, PERHAPS_ENGLISH),
    ],
)
def test_telegram_tells_the_language_of_the_app(code: str | None, guess: Guess) -> None:
    assert guess_of(TELEGRAM, Sender(language=code)) == guess


@pytest.mark.parametrize(
    ("chat_id", "phone", "guess"),
    [
        ("79161234567", None, SURELY_RUSSIAN),
        ("+77011234567", None, SURELY_RUSSIAN),
        ("375291234567", None, SURELY_RUSSIAN),
        ("996555123456", None, SURELY_RUSSIAN),
        ("998901234567", None, PERHAPS_RUSSIAN),
        ("995555123456", None, PERHAPS_RUSSIAN),
        ("380501234567", None, PERHAPS_ENGLISH),
        ("16505551234", None, SURELY_ENGLISH),
        ("447700900123", None, SURELY_ENGLISH),
        ("4915112345678", None, PERHAPS_ENGLISH),
        ("RU.77", None, SURELY_RUSSIAN),
        ("KG.77", None, SURELY_RUSSIAN),
        ("UA.77", None, PERHAPS_ENGLISH),
        ("US.77", None, SURELY_ENGLISH),
        ("DE.77", None, PERHAPS_ENGLISH),
        ("US.1", "77011234567", SURELY_RUSSIAN),
        ("ZZ.1", None, PERHAPS_ENGLISH),
    ],
)
def test_whatsapp_tells_a_country(chat_id: str, phone: str | None, guess: Guess) -> None:
    assert guess_of(at(chat_id), Sender(phone=phone)) == guess


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Привет!", "ru"),
        ("Привіт, є місця?", "en"),
        ("Register: Мероприятие в Берлине (K7Q2MX)", "en"),
        ("Здравствуйте! Register: A very long title (K7Q2MX)", "ru"),
        ("Привет https://t.me/turnout_bot?start=event_K7Q2MX", "ru"),
        ("Hello! Регистрация: ПайКон (K7Q2MX)", "en"),
        ("/start event_K7Q2MX", "en"),
        ("", "en"),
    ],
)
def test_where_nothing_better_is_known_the_first_words_tell(text: str, language: str) -> None:
    assert guess_of(at("4915112345678"), Sender(), text).language == language
    assert guess_of(at("16505551234"), Sender(), text).language == "en"


def unsure() -> Talk:
    return Talk(address=at("4915112345678"), sender=Sender(name="Ann", phone="4915112345678"))


@pytest.mark.parametrize("first", ["hello", "/start event_K7Q2MX"])
def test_a_mere_guess_offers_the_other_language_as_one_tap(first: str) -> None:
    talk = unsure()
    before = talk.says(first)
    assert "Русский" in talk.labels
    answer = talk.taps("Русский")
    assert answer.startswith("Хорошо, говорим по-русски.")
    assert ("Осталось 12 мест" in answer) == ("12 seats left" in before)
    assert "English" not in talk.labels


def test_the_other_language_is_offered_only_once() -> None:
    talk = unsure()
    talk.says("hello")
    talk.says("/events")
    assert "Русский" not in talk.labels


def test_who_tells_the_language_is_not_asked() -> None:
    talk = Talk()
    talk.says("/start")
    assert "Русский" not in talk.labels
    other = russian()
    other.says("/start")
    assert "English" not in other.labels


def test_a_guess_of_russian_offers_english() -> None:
    talk = unsure()
    talk.says("Здравствуйте!")
    assert "Здравствуйте!" in talk.heard[-1].text
    assert "English it is." in talk.taps("English")


@pytest.mark.parametrize(
    "word", ["/ru", "/language ru", "русский", "Русский!", "на русском", "in russian", "/lang ru"]
)
def test_russian_is_chosen_in_a_word(word: str) -> None:
    talk = Talk()
    talk.says("/start")
    assert talk.says(word).startswith("Хорошо, говорим по-русски.")


@pytest.mark.parametrize(
    "word", ["/en", "/language en", "English", "по-английски", "speak english", "/english"]
)
def test_english_is_chosen_in_a_word(word: str) -> None:
    talk = russian()
    talk.says("/start")
    assert talk.says(word).startswith("English it is.")


@pytest.mark.parametrize("name", ["My", "En", "Ru"])
def test_where_a_name_is_asked_a_name_is_a_name(name: str) -> None:
    talk = Talk()
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    assert f"Nice to meet you, {name}!" in talk.says(name)


def test_a_chosen_language_stays_whatever_the_platform_says() -> None:
    talk = Talk()
    talk.says("/ru")
    talk.world.registrations.append(a_registration(an_event()))
    assert "Вы уже записаны" in talk.says("/start event_K7Q2MX")
    assert talk.state is not None
    assert talk.state.language_chosen
