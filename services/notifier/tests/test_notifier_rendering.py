"""Whatever is said, both platforms take it, and nothing of it is lost on the way."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifier_house import outbound, whatsapp_address
from notifier_texts import REQUESTS_MAX, TICKET, alike, ink, labels, messages, texts

from contracts import Choice, OutboundMessage, Template
from notifier import telegram_rendering, whatsapp_rendering
from notifier.labels import cut, description, is_visible, one_line, unique_titles, utf16_units
from notifier.telegram_rendering import TelegramRequest
from notifier.whatsapp_markup import plain
from notifier.whatsapp_rendering import WhatsappRequest


def choice(label: str, description: str | None = None) -> Choice:
    return Choice(id=label.replace(" ", "")[:48], label=label, description=description)


@given(messages)
def test_whatever_is_said_telegram_takes_it(message: OutboundMessage) -> None:
    requests = telegram_rendering.render(message)
    assert 1 <= len(requests) <= REQUESTS_MAX
    for request in requests:
        check_telegram(request)
    buttons = [button for row in requests[-1].keyboard for button in row]
    assert [data for _, data in buttons] == [one.id for one in message.choices]
    assert not any(request.keyboard for request in requests[:-1])
    said = ink("".join(request.text for request in requests))
    assert said.startswith(ink(message.text)) or not is_visible(message.text)
    for choice, (label, _) in zip(message.choices, buttons, strict=True):
        assert one_line(choice.label) == label or ink(choice.label) in said
        assert ink(description(choice)) in said


def check_telegram(request: TelegramRequest) -> None:
    """Limits of platforms.md A4."""
    if request.document is None:
        assert is_visible(request.text)
        assert len(request.text) <= 4096
    else:
        assert len(request.text) <= 1024
    for row in request.keyboard:
        assert 1 <= len(row) <= 8
        for label, data in row:
            assert is_visible(label)
            assert 1 <= len(data.encode()) <= 64


@given(messages)
def test_whatever_is_said_whatsapp_takes_it(message: OutboundMessage) -> None:
    requests = whatsapp_rendering.render(message)
    assert 1 <= len(requests) <= REQUESTS_MAX
    for request in requests:
        check_whatsapp(request)
    assert tappable(requests[-1]) == [one.id for one in message.choices]
    assert not any(tappable(request) for request in requests[:-1])
    said = alike("".join(map(words, requests)))
    assert said.startswith(alike(message.text)) or not is_visible(message.text)
    for choice, shown in zip(message.choices, shown_by_whatsapp(requests[-1]), strict=True):
        assert alike(one_line(choice.label)) in said + alike(shown)
        assert alike(description(choice)) in said + alike(shown)


def check_whatsapp(request: WhatsappRequest) -> None:
    """Limits of platforms.md B4."""
    content = request.content
    if request.kind == "text":
        assert is_visible(content["body"])
        assert utf16_units(content["body"]) <= 4096
    if request.kind in ("image", "document"):
        assert request.document is not None
        assert utf16_units(content.get("caption", "")) <= 1024
    if request.kind == "interactive" and content["type"] == "button":
        assert is_visible(content["body"]["text"])
        assert utf16_units(content["body"]["text"]) <= 1024
        replies = [button["reply"] for button in content["action"]["buttons"]]
        assert 1 <= len(replies) <= 3
        check_titles([reply["title"] for reply in replies], 20)
    if request.kind == "interactive" and content["type"] == "list":
        assert request.document is None, "a list has no picture in its head"
        assert is_visible(content["body"]["text"])
        assert utf16_units(content["body"]["text"]) <= 4096
        assert is_visible(content["action"]["button"])
        assert utf16_units(content["action"]["button"]) <= 20
        rows = content["action"]["sections"][0]["rows"]
        assert 1 <= len(rows) <= 10
        check_titles([row["title"] for row in rows], 24)
        assert all(1 <= utf16_units(row.get("description", "-")) <= 72 for row in rows)


def words(request: WhatsappRequest) -> str:
    """The text of a request."""
    content = request.content
    match request.kind:
        case "text":
            return str(content["body"])
        case "interactive":
            return str(content["body"]["text"])
    return str(content.get("caption", ""))


def shown_by_whatsapp(request: WhatsappRequest) -> list[str]:
    """The words on what the person can tap."""
    if not tappable(request):
        return []
    action = request.content["action"]
    if request.content["type"] == "button":
        return [button["reply"]["title"] for button in action["buttons"]]
    rows = action["sections"][0]["rows"]
    return [row["title"] + row.get("description", "") for row in rows]


def check_titles(titles: list[str], units_max: int) -> None:
    assert all(is_visible(title) and utf16_units(title) <= units_max for title in titles)
    assert len(set(titles)) == len(titles)


def tappable(request: WhatsappRequest) -> list[str]:
    """The ids that the person can tap."""
    if request.kind != "interactive":
        return []
    action: dict[str, Any] = request.content["action"]
    if request.content["type"] == "button":
        return [button["reply"]["id"] for button in action["buttons"]]
    return [row["id"] for row in action["sections"][0]["rows"]]


@given(st.lists(labels, max_size=10), st.integers(min_value=4, max_value=30))
def test_titles_are_never_alike_nor_too_long(labels: list[str], units_max: int) -> None:
    titles = unique_titles(labels, units_max, utf16_units)
    assert len(titles) == len(labels)
    check_titles(list(titles), units_max)


def test_what_fits_is_left_as_it_is() -> None:
    assert cut("Ann", 3) == "Ann"
    assert cut("Anna", 3) == "An…"


def test_text_goes_out_as_it_was_written() -> None:
    message = outbound(text="1 < 2 & 3 * 4 > 5, so_on\nhttps://example.org/_a_?b=*")
    assert telegram_rendering.render(message) == (TelegramRequest(text=message.text),)
    (request,) = whatsapp_rendering.render(message)
    assert (request.kind, request.content["body"]) == ("text", message.text)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("“*free*” and _more_", "“∗free∗” and ˍmoreˍ"),
        ("~10 or ~20 ~", "~10 or ~20 ~"),
        ("~ten~", "∼ten∼"),
        ("`code` and ``` block\n```", "ˋcodeˋ and ˋˋˋ block\nˋˋˋ"),
        ("> quoted\n- one\n* two\n1. three\n-4", "› quoted\n– one\n∗ two\n1. three\n-4"),
        ("***", "∗∗∗"),
        ("*one line\nthe other*", "*one line\nthe other*"),
        ("write to a_b_@x.org or @my_bot_", "write to a_b_@x.org or @my_bot_"),
        ("*see https://x.org/_a_* and ~t.me/x~", "∗see https://x.org/_a_∗ and ∼t.me/x∼"),
    ],
)
def test_whatsapp_makes_nothing_bold_that_was_not_meant_so(written: str, sent: str) -> None:
    (request,) = whatsapp_rendering.render(outbound(text=written))
    assert request.content["body"] == sent
    (picture,) = whatsapp_rendering.render(outbound(text=written, document=TICKET))
    assert picture.content["caption"] == sent
    (asked,) = whatsapp_rendering.render(outbound(text=written, choices=(choice("Yes"),)))
    assert asked.content["body"]["text"] == sent
    (telegram,) = telegram_rendering.render(outbound(text=written))
    assert telegram.text == written


@given(texts)
def test_a_plain_text_is_as_long_as_before(text: str) -> None:
    assert len(plain(text)) == len(text)
    assert plain(plain(text)) == plain(text)


@pytest.mark.parametrize(
    ("labels", "rows"),
    [
        (["Yes", "No"], [2]),
        (["One", "Two", "Three"], [3]),
        (["One", "Two", "Three", "Four"], [2, 2]),
        (["One", "Two", "Three", "Four", "Five"], [3, 2]),
        (["Yes", "Show me all of the events"], [1, 1]),
    ],
)
def test_short_labels_share_a_row_on_telegram(labels: list[str], rows: list[int]) -> None:
    message = outbound(choices=tuple(map(choice, labels)))
    (request,) = telegram_rendering.render(message)
    assert [len(row) for row in request.keyboard] == rows


def test_telegram_says_descriptions_above_the_buttons() -> None:
    message = outbound(text="Events:", choices=(choice("PyCon", "12 May, 5 seats left"),))
    (request,) = telegram_rendering.render(message)
    assert request.text == "Events:\n\nPyCon — 12 May, 5 seats left"
    assert request.keyboard == ((("PyCon", "PyCon"),),)


def test_telegram_does_not_say_twice_what_the_text_says() -> None:
    text = "Events:\n\n1. PyCon — 12 May, 5 seats left"
    message = outbound(text=text, choices=(choice("PyCon", "12 May, 5 seats left"),))
    (request,) = telegram_rendering.render(message)
    assert request.text == text


def test_three_short_choices_are_buttons_on_whatsapp() -> None:
    message = outbound(choices=(choice("Yes"), choice("No"), choice("Later")))
    (request,) = whatsapp_rendering.render(message)
    assert request.content == {
        "type": "button",
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "Yes", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "No", "title": "No"}},
                {"type": "reply", "reply": {"id": "Later", "title": "Later"}},
            ]
        },
        "body": {"text": "Pick one"},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"choices": tuple(choice(word) for word in ["One", "Two", "Three", "Four"])},
        {"choices": (choice("PyCon", "12 May"),)},
        {"choices": (choice("A label of more than twenty characters"),)},
    ],
)
def test_what_does_not_fit_into_buttons_is_a_list(changes: dict[str, Any]) -> None:
    (request,) = whatsapp_rendering.render(outbound(language="ru", **changes))
    assert request.content["type"] == "list"
    assert request.content["action"]["button"] == "Выбрать"


def test_a_long_title_is_told_in_full_below_it() -> None:
    long = "International Python Conference"
    (request,) = whatsapp_rendering.render(outbound(choices=(choice(long, "12 May"),)))
    assert request.content["action"]["sections"][0]["rows"] == [
        {
            "id": "InternationalPythonConference",
            "title": "International Python Co…",
            "description": f"{long} · 12 May",
        }
    ]


def test_a_ticket_with_buttons_is_one_message_on_both_platforms() -> None:
    message = outbound(text="You're in", document=TICKET, choices=(choice("Cancel"),))
    (photo,) = telegram_rendering.render(message)
    assert photo.document is not None
    assert (photo.text, len(photo.keyboard)) == ("You're in", 1)
    (image,) = whatsapp_rendering.render(message)
    assert image.content["type"] == "button"
    content = whatsapp_rendering.with_media(image, "77")
    assert content["header"] == {"type": "image", "image": {"id": "77"}}


def test_a_ticket_alone_has_a_caption() -> None:
    (image,) = whatsapp_rendering.render(outbound(text="You're in", document=TICKET))
    assert whatsapp_rendering.with_media(image, "77") == {"id": "77", "caption": "You're in"}


def test_a_text_too_long_for_a_caption_follows_the_ticket() -> None:
    message = outbound(text="x" * 1025, document=TICKET, choices=(choice("Cancel"),))
    photo, text = telegram_rendering.render(message)
    assert (photo.text, photo.keyboard) == ("", ())
    assert (len(text.text), len(text.keyboard), text.document) == (1025, 1, None)


def test_a_text_too_long_for_buttons_begins_above_them() -> None:
    text = "So much to say. " * 70 + "\n\nWill you come?"
    for document in (None, TICKET):
        message = outbound(text=text, document=document, choices=(choice("Yes"),))
        said, asked = whatsapp_rendering.render(message)
        assert (said.kind, said.content["body"]) == ("text", ("So much to say. " * 70).strip())
        assert asked.content["body"] == {"text": "Will you come?"}
        assert (asked.content["type"], asked.document) == ("button", document)


def test_a_list_has_no_picture_so_that_comes_first() -> None:
    message = outbound(document=TICKET, choices=(choice("PyCon", "12 May"),))
    image, asked = whatsapp_rendering.render(message)
    assert (image.kind, image.content, image.document) == ("image", {}, TICKET)
    assert asked.content["type"] == "list"


def test_what_a_row_cannot_hold_is_said_above_the_list() -> None:
    long = "International " * 5 + "Conference"
    message = outbound(text="Events:", choices=(choice(long, "12 May, in Riga"),))
    (request,) = whatsapp_rendering.render(message)
    assert request.content["body"]["text"] == f"Events:\n\n{long} — 12 May, in Riga"
    again = outbound(text=request.content["body"]["text"], choices=message.choices)
    assert whatsapp_rendering.render(again)[0].content == request.content


def test_choices_that_no_list_takes_are_numbered() -> None:
    """Meta refuses two rows of one id."""
    twice = (Choice(id="a", label="One"), Choice(id="a", label="Two", description="the second"))
    (request,) = whatsapp_rendering.render(outbound(choices=twice))
    assert request.content["body"] == "Pick one\n\n1. One\n2. Two — the second"


def test_a_label_too_long_for_a_button_is_said_above_it() -> None:
    long = "International " * 5 + "Conference"
    (request,) = telegram_rendering.render(outbound(choices=(choice(long),)))
    assert request.text == f"Pick one\n\n{long}"


def test_the_same_message_is_rendered_the_same_again() -> None:
    message = outbound(document=TICKET, choices=(choice("Cancel"),))
    assert telegram_rendering.render(message) == telegram_rendering.render(message)
    assert whatsapp_rendering.render(message) == whatsapp_rendering.render(message)


@pytest.mark.parametrize(("language", "code"), [("en", "en_US"), ("ru", "ru")])
def test_a_template_is_named_with_metas_language_code(language: Any, code: str) -> None:
    template = Template(name="reminder", parameters=("PyCon\nMoscow", "18:00"))
    request = whatsapp_rendering.render_template(template, language)
    assert request.kind == "template"
    assert request.content == {
        "name": "reminder",
        "language": {"code": code},
        "components": [
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "PyCon Moscow"},
                    {"type": "text", "text": "18:00"},
                ],
            }
        ],
    }


def test_a_template_without_parameters_has_no_components() -> None:
    message = outbound(address=whatsapp_address(), template=Template(name="hello"))
    assert message.template is not None
    request = whatsapp_rendering.render_template(message.template, message.language)
    assert "components" not in request.content
