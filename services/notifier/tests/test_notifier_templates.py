"""The templates' files: what Meta would refuse in them, and what is sent of them."""

import pytest

from contracts import Template
from notifier.templates.catalogue import (
    LANGUAGES,
    SENT_CHARACTERS_MAX,
    Language,
    TemplateFile,
    catalogue,
    parse,
)
from notifier.templates.graph import submission
from notifier.templates.rules import problems
from notifier.whatsapp_rendering import render_template

WELL = """
category = "utility"
parameters = ["title", "when"]

[[buttons]]
choice = "drop"
en = "Cancel"
ru = "Отменить"

[en]
body = "Your seat at {{1}} is kept for you until {{2}}, please answer."
examples = ["PyCon", "Monday"]

[ru]
body = "Ваше место на {{1}} ждёт вас до {{2}}, ответьте, пожалуйста."
examples = ["PyCon", "понедельника"]
"""


def test_meta_would_take_every_template() -> None:
    assert [problem for one in catalogue().values() for problem in problems(one)] == []
    assert problems(parse("kept", WELL)) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{{2}}, please answer.", "{{2}}.", "neither begins nor ends"),
        ("Your seat at {{1}} is", "{{1}} is", "neither begins nor ends"),
        ("is kept for you until {{2}}", "{{2}} is kept for you until", "side by side"),
        ("until {{2}}", "until {{3}}", "numbered from 1"),
        ("until {{2}}", "until {{1}}", "numbered from 1"),
        ("seat at", f"seat{' at' * 400}", "1024 are allowed"),
        ("seat at", r"seat\n\n\nat", "two blank lines"),
        ("Your seat at {{1}} is kept for you until {{2}}, please", "A {{1}}, {{2}} a", "too few"),
        ('["PyCon", "Monday"]', '["PyCon"]', "needs an example"),
        ('en = "Cancel"', 'en = "Cancel my registration now"', "longer than 25"),
        ('en = "Cancel"', 'en = "Cancel ❌"', "emoji"),
        ('"utility"', '"authentication"', "a code and nothing else"),
        ('"utility"', '"utility"\ncode_expiration_minutes = 5', "only an authentication"),
    ],
)
def test_what_meta_would_refuse_is_said_before_it_is_submitted(
    old: str, new: str, says: str
) -> None:
    assert old in WELL
    assert any(says in problem for problem in problems(parse("kept", WELL.replace(old, new))))


def test_a_name_of_metas_has_no_capitals() -> None:
    assert "lower-case" in problems(parse("Kept", WELL))[0]


def test_a_button_has_one_meaning() -> None:
    with pytest.raises(ValueError, match="either a choice or a payload"):
        parse("kept", WELL.replace('choice = "drop"', ""))


def sent(name: str, *choice_ids: str, language: Language = "en") -> dict[str, object]:
    """What goes out of a template for a message with these choices."""
    template = catalogue()[name]
    asked = Template(name=name, parameters=template.wording("en").examples)
    return render_template(asked, language, choice_ids).content


def test_a_tap_on_a_template_s_button_brings_the_message_s_own_choice() -> None:
    content = sent("event_reminder", "drop:7", "coming:7", "ticket:7", language="ru")
    assert content["language"] == {"code": "ru"}
    components = content["components"]
    assert isinstance(components, list)
    assert [
        (one["sub_type"], one["index"], one["parameters"])
        for one in components
        if one["type"] == "button"
    ] == [
        ("quick_reply", "0", [{"type": "payload", "payload": "coming:7"}]),
        ("quick_reply", "1", [{"type": "payload", "payload": "drop:7"}]),
        ("quick_reply", "2", [{"type": "payload", "payload": "ticket:7"}]),
    ]


def test_a_button_whose_choice_is_missing_keeps_metas_default() -> None:
    """Its label comes back then, and conversation understands those words too."""
    components = sent("event_reminder", "ticket:7")["components"]
    assert isinstance(components, list)
    assert [one["index"] for one in components if one["type"] == "button"] == ["2"]


def test_a_code_is_in_the_text_and_in_the_button_that_copies_it() -> None:
    components = sent("code")["components"]
    assert components == [
        {"type": "body", "parameters": [{"type": "text", "text": "123456"}]},
        {
            "type": "button",
            "sub_type": "url",
            "index": "0",
            "parameters": [{"type": "text", "text": "123456"}],
        },
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_long_words_of_an_organiser_do_not_fit(language: Language) -> None:
    template = catalogue()["organiser_message"]
    room = SENT_CHARACTERS_MAX - len(template.sent(language, ["PyCon", ""]))
    assert template.takes(language, ["PyCon", "x" * room])
    assert not template.takes(language, ["PyCon", "x" * (room + 1)])
    assert not template.takes(language, ["PyCon", "😀" * (room // 2 + 1)]), "the stricter count"
    assert template.takes(language, ["PyCon", "a\n" + " " * room + "b"]), "spaces go anyway"
    assert not template.takes(language, ["PyCon"])


@pytest.mark.parametrize("name", sorted(catalogue()))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_parameter_is_submitted_with_its_example(name: str, language: Language) -> None:
    template: TemplateFile = catalogue()[name]
    asked = submission(template, language)
    body, *others = asked["components"]
    if template.category == "authentication":
        assert [one["type"] for one in others] == ["FOOTER", "BUTTONS"]
        assert others[1]["buttons"][0]["otp_type"] == "COPY_CODE"
        return
    assert len(body["example"]["body_text"][0]) == len(template.parameters)
    assert [one["text"] for part in others for one in part["buttons"]] == [
        button.label(language) for button in template.buttons
    ]
