"""What the Cloud API demands of a message, as functions of the request's body."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.people import Choice
from simulator.whatsapp.errors import (
    GraphError,
    invalid_parameter,
    invalid_value,
    missing_parameter,
)

TEXT_LENGTH_MAX = 4096
CAPTION_LENGTH_MAX = 1024
BUTTONS_MAX = 3
BUTTON_TITLE_LENGTH_MAX = 20
BUTTON_ID_LENGTH_MAX = 256
BUTTON_BODY_LENGTH_MAX = 1024
HEADER_LENGTH_MAX = 60
FOOTER_LENGTH_MAX = 60
LIST_BODY_LENGTH_MAX = 4096
LIST_LABEL_LENGTH_MAX = 20
SECTIONS_MAX = 10
SECTION_TITLE_LENGTH_MAX = 24
ROWS_MAX = 10
ROW_ID_LENGTH_MAX = 200
ROW_TITLE_LENGTH_MAX = 24
ROW_DESCRIPTION_LENGTH_MAX = 72
OPAQUE_LENGTH_MAX = 512

MEDIA_TYPES = ("image", "document", "video", "audio", "sticker")
TYPES = ("text", "template", "interactive", "reaction", *MEDIA_TYPES)
OTHER_TYPES = ("contacts", "location")

Json = dict[str, Any]


@dataclass(frozen=True)
class Media:
    """A file that a message points at: by media id or by link."""

    kind: str
    media_id: str | None
    link: str | None
    name: str | None


@dataclass(frozen=True)
class Outgoing:
    """A message that passed the rules."""

    kind: str
    text: str = ""
    choices: tuple[Choice, ...] = ()
    list_label: str | None = None
    header: str | None = None
    footer: str | None = None
    media: Media | None = None
    template_name: str | None = None
    template_language: str = ""
    template_components: list[Json] = field(default_factory=list)


def digits_of(number: Any) -> str:
    """A phone number as WhatsApp writes it: `+`, spaces, brackets and dashes are dropped."""
    return re.sub(r"[+()\s.-]", "", str(number))


def checked_recipient(body: Json) -> tuple[str, str, bool]:
    """What the caller wrote, the address it means, and whether it is a phone number.

    `to` wins over `recipient`, which takes business-scoped user ids.
    """
    product = body.get("messaging_product")
    if product != "whatsapp":
        raise invalid_parameter(
            f'Param messaging_product must be one of {{WHATSAPP}} - got "{product}".'
        )
    if (kind := body.get("recipient_type", "individual")) != "individual":
        raise invalid_parameter(
            f'Param recipient_type must be one of {{INDIVIDUAL}} - got "{kind}".'
        )
    if to := body.get("to"):
        return str(to), digits_of(to), True
    if recipient := body.get("recipient"):
        return str(recipient), str(recipient), False
    raise GraphError(100, "The parameter to is required.")


def checked_message(body: Json) -> Outgoing:
    """The message in the body; raises the platform's error where it breaks a rule."""
    if len(str(body.get("biz_opaque_callback_data") or "")) > OPAQUE_LENGTH_MAX:
        raise invalid_parameter(
            f"Param biz_opaque_callback_data must be at most {OPAQUE_LENGTH_MAX} characters long."
        )
    kind = body.get("type", "text")
    if kind in OTHER_TYPES:
        raise GraphError(131051)
    if kind not in TYPES:
        names = ", ".join(name.upper() for name in (*TYPES, *OTHER_TYPES))
        raise invalid_parameter(f'Param type must be one of {{{names}}} - got "{kind}".')
    content = body.get(kind)
    if not isinstance(content, dict):
        required = "text['body']" if kind == "text" else kind
        raise invalid_parameter(f"The parameter {required} is required.")
    match kind:
        case "text":
            return Outgoing("text", _text(content))
        case "template":
            return _template(content)
        case "interactive":
            return _interactive(content)
        case "reaction":
            return Outgoing("reaction", str(content.get("emoji") or ""))
        case _:
            return _media(kind, content)


def _text(content: Json) -> str:
    text = content.get("body")
    if not isinstance(text, str) or not text.strip():
        raise invalid_parameter("The parameter text['body'] is required.")
    if len(text) > TEXT_LENGTH_MAX:
        raise invalid_parameter(
            f"Param text['body'] must be at most {TEXT_LENGTH_MAX} characters long."
        )
    return text


def _media(kind: str, content: Json) -> Outgoing:
    caption = str(content.get("caption") or "")
    if len(caption) > CAPTION_LENGTH_MAX:
        raise invalid_parameter(
            f"Param {kind}['caption'] must be at most {CAPTION_LENGTH_MAX} characters long."
        )
    return Outgoing(kind, caption, media=_media_reference(kind, content))


def _media_reference(kind: str, content: Json) -> Media:
    media_id, link = content.get("id"), content.get("link")
    if not media_id and not link:
        raise invalid_parameter(f"The parameter {kind}['id'] or {kind}['link'] is required.")
    name = content.get("filename")
    return Media(
        kind, str(media_id) if media_id else None, link, str(name) if name is not None else None
    )


def _template(content: Json) -> Outgoing:
    name = content.get("name")
    if not isinstance(name, str) or not name:
        raise invalid_parameter("The parameter template['name'] is required.")
    language = content.get("language")
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(language, dict) or not isinstance(code, str) or not code:
        raise invalid_parameter("The parameter template['language']['code'] is required.")
    policy = language.get("policy", "deterministic")
    if policy != "deterministic":
        raise invalid_parameter(
            "Param template['language']['policy'] must be one of {DETERMINISTIC} - "
            f'got "{policy}".'
        )
    components = content.get("components") or []
    if not isinstance(components, list) or not all(isinstance(c, dict) for c in components):
        raise invalid_parameter("Param template['components'] must be an array.")
    return Outgoing(
        "template",
        template_name=name,
        template_language=code,
        template_components=components,
    )


def _interactive(content: Json) -> Outgoing:
    kind = content.get("type")
    if kind not in ("button", "list", "cta_url"):
        raise invalid_value(f"Interactive type is invalid: {kind}")
    action = content.get("action")
    if not isinstance(action, dict):
        raise missing_parameter("The parameter interactive['action'] is required.")
    body = content.get("body")
    text = body.get("text") if isinstance(body, dict) else None
    limit = LIST_BODY_LENGTH_MAX if kind == "list" else BUTTON_BODY_LENGTH_MAX
    _check_length("Body text", text, 1, limit)
    header, media = _header(content.get("header"), text_only=kind != "button")
    footer_object = content.get("footer")
    footer = footer_object.get("text") if isinstance(footer_object, dict) else None
    if footer_object is not None:
        _check_length("Footer text", footer, 1, FOOTER_LENGTH_MAX)
    list_label = None
    if kind == "list":
        list_label = action.get("button")
        _check_length("List button label", list_label, 1, LIST_LABEL_LENGTH_MAX)
        choices = _rows(action.get("sections"))
    elif kind == "button":
        choices = _buttons(action.get("buttons"))
    else:
        choices = _link(action.get("parameters"))
    return Outgoing(
        "buttons" if kind == "button" else str(kind),
        str(text),
        choices,
        list_label,
        header,
        footer,
        media,
    )


def _header(header: Any, *, text_only: bool) -> tuple[str | None, Media | None]:
    if header is None:
        return None, None
    kind = header.get("type") if isinstance(header, dict) else None
    if kind == "text":
        _check_length("Header text", header.get("text"), 1, HEADER_LENGTH_MAX)
        return str(header["text"]), None
    if text_only or kind not in ("image", "video", "document"):
        raise invalid_value(f"Header type is invalid: {kind}")
    content = header.get(kind)
    return None, _media_reference(kind, content if isinstance(content, dict) else {})


def _buttons(buttons: Any) -> tuple[Choice, ...]:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= BUTTONS_MAX:
        raise invalid_value(
            f"Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: {BUTTONS_MAX}"
        )
    choices = []
    for button in buttons:
        reply = button.get("reply") if isinstance(button, dict) else None
        if not isinstance(reply, dict) or button.get("type") != "reply":
            raise invalid_value("Button type is invalid: only reply is allowed")
        _check_length("Button title", reply.get("title"), 1, BUTTON_TITLE_LENGTH_MAX)
        _check_length("Button id", reply.get("id"), 1, BUTTON_ID_LENGTH_MAX)
        choices.append(Choice(reply["title"], data=reply["id"]))
    _check_unique([choice.label for choice in choices], "Duplicate button title")
    _check_unique([choice.data for choice in choices], "Duplicate button id")
    return tuple(choices)


def _rows(sections: Any) -> tuple[Choice, ...]:
    if not isinstance(sections, list) or not 1 <= len(sections) <= SECTIONS_MAX:
        raise invalid_value(
            f"Invalid sections count. Min allowed sections: 1, Max allowed sections: {SECTIONS_MAX}"
        )
    choices: list[Choice] = []
    for section in sections:
        title = section.get("title") if isinstance(section, dict) else None
        rows = section.get("rows") if isinstance(section, dict) else None
        if len(sections) > 1 and not title:
            raise invalid_value("Section title is required when there is more than one section")
        if title and len(title) > SECTION_TITLE_LENGTH_MAX:
            raise invalid_value(
                f"Section title is too long. Max length is {SECTION_TITLE_LENGTH_MAX}"
            )
        if not isinstance(rows, list) or not rows:
            raise invalid_value("Section must have at least one row")
        choices += [_row(row, title) for row in rows]
    if len(choices) > ROWS_MAX:
        raise invalid_value(f"Total row count exceed max allowed count: {ROWS_MAX}")
    _check_unique([choice.data for choice in choices], "Duplicated row id")
    return tuple(choices)


def _row(row: Any, section_title: str | None) -> Choice:
    if not isinstance(row, dict):
        raise invalid_value("Row must be an object")
    title, row_id, description = row.get("title"), row.get("id"), row.get("description")
    if not isinstance(title, str) or not title.strip():
        raise invalid_value("Row title is required")
    if len(title) > ROW_TITLE_LENGTH_MAX:
        raise invalid_value(f"Row title is too long. Max length is {ROW_TITLE_LENGTH_MAX}")
    if not isinstance(row_id, str) or not row_id:
        raise invalid_value("Row id is required")
    if len(row_id) > ROW_ID_LENGTH_MAX:
        raise invalid_value(f"Row id is too long. Max length is {ROW_ID_LENGTH_MAX}")
    if description and len(description) > ROW_DESCRIPTION_LENGTH_MAX:
        raise invalid_value(
            f"Row description is too long. Max length is {ROW_DESCRIPTION_LENGTH_MAX}"
        )
    return Choice(title, data=row_id, description=description or None, section=section_title)


def _link(parameters: Any) -> tuple[Choice, ...]:
    label = parameters.get("display_text") if isinstance(parameters, dict) else None
    url = parameters.get("url") if isinstance(parameters, dict) else None
    _check_length("Button title", label, 1, BUTTON_TITLE_LENGTH_MAX)
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise invalid_value("Button url is invalid")
    return (Choice(str(label), url=url, kind="url"),)


def _check_length(what: str, value: Any, length_min: int, length_max: int) -> None:
    if not isinstance(value, str) or not length_min <= len(value.strip()) <= length_max:
        raise invalid_value(
            f"{what} length invalid. Min length: {length_min}, Max length: {length_max}"
        )


def _check_unique(values: Sequence[str | None], problem: str) -> None:
    if len(set(values)) < len(values):
        raise invalid_value(problem)
