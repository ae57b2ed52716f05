"""Whatever is said, both platforms take it, and nothing of it is lost on the way."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifier_house import outbound, whatsapp_address

from contracts import Choice, Document, OutboundMessage, Template
from notifier import telegram_rendering, whatsapp_rendering
from notifier.labels import cut, unique_titles
from notifier.telegram_rendering import TelegramRequest
from notifier.whatsapp_rendering import WhatsappRequest

TICKET = Document(kind="ticket", data="TKT1.abcdefgh", filename="ticket.png")
CALENDAR = Document(kind="calendar", data="BEGIN:VCALENDAR\r\nПривет", filename="pycon.ics")

texts = st.text(min_size=1, max_size=4096)
labels = st.text(min_size=1, max_size=80)
ids = st.text(string.ascii_letters + string.digits + ":._-", min_size=1, max_size=48)
choices = st.lists(
    st.builds(Choice, id=ids, label=labels, description=st.none() | st.text(max_size=120)),
    max_size=10,
    unique_by=lambda choice: choice.id,
)
messages = st.builds(
    outbound,
    text=texts | st.sampled_from([" ", "x" * 1024, "x" * 1025, "x" * 4096, "я" * 4096]),
    choices=choices.map(tuple),
    choices_label=st.none() | labels,
    language=st.sampled_from(["en", "ru"]),
    document=st.sampled_from([None, TICKET, CALENDAR]),
)


def choice(label: str, description: str | None = None) -> Choice:
    return Choice(id=label.replace(" ", ""), label=label, description=description)


@given(messages)
def test_whatever_is_said_telegram_takes_it(message: OutboundMessage) -> None:
    requests = telegram_rendering.render(message)
    assert 1 <= len(requests) <= 2
    for request in requests:
        check_telegram(request)
    buttons = [button for row in requests[-1].keyboard for button in row]
    assert [data for _, data in buttons] == [one.id for one in message.choices]


def check_telegram(request: TelegramRequest) -> None:
    """Limits of platforms.md A4."""
    if request.attachment is None:
        assert request.text.strip()
        assert len(request.text) <= 4096
    else:
        assert len(request.text) <= 1024
    for row in request.keyboard:
        assert 1 <= len(row) <= 8
        for label, data in row:
            assert label.strip()
            assert 1 <= len(data.encode()) <= 64


@given(messages)
def test_whatever_is_said_whatsapp_takes_it(message: OutboundMessage) -> None:
    requests = whatsapp_rendering.render(message)
    assert 1 <= len(requests) <= 2
    for request in requests:
        check_whatsapp(request)
    assert tappable(requests[-1]) == [one.id for one in message.choices]


def check_whatsapp(request: WhatsappRequest) -> None:
    """Limits of platforms.md B4."""
    content = request.content
    if request.kind == "text":
        assert content["body"].strip()
        assert len(content["body"]) <= 4096
    if request.kind in ("image", "document"):
        assert request.attachment is not None
        assert len(content.get("caption", "")) <= 1024
    if request.kind == "interactive" and content["type"] == "button":
        assert 1 <= len(content["body"]["text"]) <= 1024
        replies = [button["reply"] for button in content["action"]["buttons"]]
        assert 1 <= len(replies) <= 3
        check_titles([reply["title"] for reply in replies], 20)
    if request.kind == "interactive" and content["type"] == "list":
        assert request.attachment is None, "a list has no picture in its head"
        assert 1 <= len(content["body"]["text"]) <= 4096
        assert 1 <= len(content["action"]["button"].strip()) <= 20
        rows = content["action"]["sections"][0]["rows"]
        assert 1 <= len(rows) <= 10
        check_titles([row["title"] for row in rows], 24)
        assert all(1 <= len(row.get("description", "-")) <= 72 for row in rows)


def check_titles(titles: list[str], characters_max: int) -> None:
    assert all(title.strip() and len(title) <= characters_max for title in titles)
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
def test_titles_are_never_alike_nor_too_long(words: list[str], characters_max: int) -> None:
    titles = unique_titles(words, characters_max)
    assert len(titles) == len(words)
    check_titles(list(titles), characters_max)


def test_what_fits_is_left_as_it_is() -> None:
    assert cut("Ann", 3) == "Ann"
    assert cut("Anna", 3) == "An…"


def test_text_goes_out_as_it_was_written() -> None:
    message = outbound(text="1 < 2 & *so* on\n_really_")
    assert telegram_rendering.render(message) == (TelegramRequest(text=message.text),)
    (request,) = whatsapp_rendering.render(message)
    assert (request.kind, request.content["body"]) == ("text", message.text)


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
        {"choices": (choice("Yes"),), "text": "x" * 1025},
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
    assert photo.attachment is not None
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
    assert (len(text.text), len(text.keyboard), text.attachment) == (1025, 1, None)
    image, said = whatsapp_rendering.render(message)
    assert (image.kind, image.content, said.content["type"]) == ("image", {}, "list")


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
