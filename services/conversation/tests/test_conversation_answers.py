"""Names and addresses as answers: what is taken, what is doubted, and what is asked again."""

import pytest
from conversation_talk import Talk


def at_name() -> Talk:
    talk = Talk()
    talk.says("/start event_K7Q2MX")
    talk.says("yes")
    assert talk.stage == "ENTERING_NAME"
    return talk


def at_email(*typed: str) -> Talk:
    talk = at_name()
    talk.says("Ann Lee")
    for one in typed:
        talk.says(one)
    return talk


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("https://example.com/ann", "looks like a link"),
        ("8 916 123-45-67", "only digits"),
        ("🌸🌸🌸", "can't print that"),
        ("ann@example.com", "First your name"),
        ("X", "2 to 80 characters"),
        ("yes", "What name"),
    ],
)
def test_what_is_no_name_is_said_kindly_and_asked_again(typed: str, sentence: str) -> None:
    talk = at_name()
    # With nothing on offer that a yes could stand for.
    talk.sender = talk.sender.model_copy(update={"name": "🌸"})
    talk.says("/cancel")
    talk.says("/start event_K7Q2MX")
    talk.says("yes")
    assert talk.labels == ["Back", "Cancel"]
    assert sentence in talk.says(typed)
    assert talk.stage == "ENTERING_NAME"
    assert talk.labels == ["Back", "Cancel"]


@pytest.mark.parametrize(
    ("profile", "offered"),
    [
        ("Ann Smith", "Ann Smith"),
        ("✨ Ann ✨ Smith 🌸", "Ann Smith"),
        ("🌸🌸", None),
        ("t.me/spam", None),
        ("a" * 129, None),
        ("12345", None),
        (".", None),
        (None, None),
    ],
)
def test_the_profile_s_name_is_one_tap_if_it_can_stand_on_a_ticket(
    profile: str | None, offered: str | None
) -> None:
    talk = Talk()
    talk.sender = talk.sender.model_copy(update={"name": profile})
    talk.says("/start event_K7Q2MX")
    talk.taps("Register")
    assert talk.labels == [*([offered] if offered else []), "Back", "Cancel"]


def test_an_address_that_is_none_as_typed_is_asked_about_or_typed_again() -> None:
    talk = at_email()
    assert "Did you mean ann@yandex.ru?" in talk.says("ann@yandex,ru")
    assert talk.labels == ["Yes", "No, type it again", "Cancel"]
    assert "What is your e-mail" in talk.says("no")
    assert "Did you mean" in talk.says("ann@yandex,ru")
    assert "E-mail: ann@yandex.ru" in talk.says("yes")


def test_a_new_address_may_be_typed_instead_of_a_yes() -> None:
    talk = at_email("ann@gmial.com")
    assert "E-mail: ann@example.org" in talk.says("ann@example.org")


def test_what_is_no_address_after_a_doubt_closes_the_doubt() -> None:
    talk = at_email("ann@gmial.com")
    assert "name@example.org" in talk.says("hm")
    assert talk.labels == ["Back", "Cancel"]


def test_the_data_may_be_changed_in_a_word() -> None:
    talk = at_email("ann@example.com")
    assert "What name" in talk.says("исправить")
    assert "didn't understand" in talk.says("изменить данные")
    assert talk.says("продолжить").startswith("What name")


@pytest.mark.parametrize("verb", ["ok", "change", "name", "mail-fix", "mail-keep"])
def test_a_forged_tap_answers_no_question_that_is_not_open(verb: str) -> None:
    for talk in (at_name(), at_email(), at_email("ann@example.com")):
        assert talk.state is not None
        stage, token = talk.stage, talk.state.context.token
        offered = {choice.id for choice in talk.heard[-1].choices}
        if (forged := f"{verb}:{token}") not in offered:
            assert talk.taps_id(forged)
            assert talk.stage == stage
            assert talk.commands == []
