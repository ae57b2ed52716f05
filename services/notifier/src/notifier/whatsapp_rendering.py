"""A neutral message as WhatsApp requests, within the Cloud API's limits (platforms.md B4, C)."""

from dataclasses import dataclass
from typing import Any, Literal

from contracts import OutboundMessage, Template
from notifier.attachments import Attachment, attached
from notifier.labels import cut, one_line, unique_titles, visible
from notifier.ticket import Picture

TEXT_CHARACTERS_MAX = 4096
CAPTION_CHARACTERS_MAX = 1024
BUTTONS_MAX = 3
BUTTON_TITLE_CHARACTERS_MAX = 20
BUTTONS_BODY_CHARACTERS_MAX = 1024
ROW_TITLE_CHARACTERS_MAX = 24
ROW_DESCRIPTION_CHARACTERS_MAX = 72
LIST_BODY_CHARACTERS_MAX = 4096
LIST_BUTTON_CHARACTERS_MAX = 20

LIST_BUTTON = {"en": "Choose", "ru": "Выбрать"}
"""When the message names none; WhatsApp demands one."""
TEMPLATE_LANGUAGES = {"en": "en_US", "ru": "ru"}
"""Meta's codes of the languages that our templates are approved in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatsappRequest:
    """One call of `/messages`; what goes with it is uploaded before and named by its id."""

    kind: Literal["text", "interactive", "image", "document", "template"]
    content: dict[str, Any]
    """The object under the key `kind`."""
    attachment: Attachment | None = None
    part: int = 0
    """Which of the message's requests it is."""

    @property
    def upload_mime(self) -> str:
        """What the attachment is uploaded as.

        A calendar entry as plain text: Meta takes no text/calendar. "(#100) Param file must be a
        file with one of the following types" goes on with text/plain, PDF and Office (answer of
        `/media` in fbsamples/whatsapp-api-examples#10; the page on document messages lists the
        same), and other types "may not be handled as expected" (docs.360dialog.com, Document).
        The name ends in .ics, and by the name the phone chooses the icon (Meta's page). A phone
        that opens files by their type shows text instead, so the words beside it carry a link.
        """
        return "image/png" if isinstance(self.attachment, Picture) else "text/plain"


def render(message: OutboundMessage) -> tuple[WhatsappRequest, ...]:
    """The requests that say the message inside the 24-hour window: one, or two.

    A picture or a file can carry a caption or head reply buttons, but no list; otherwise it goes
    first.
    """
    text = visible(message.text)
    buttons = _buttons(message) if len(text) <= BUTTONS_BODY_CHARACTERS_MAX else None
    if message.document is None:
        if not message.choices:
            return (_text(text),)
        return (_interactive(buttons or _list(message, text), text),)
    attachment = attached(message.document)
    if message.choices and buttons:
        return (_interactive(buttons, text, attachment),)
    kind = _media_kind(attachment)
    if not message.choices and len(text) <= CAPTION_CHARACTERS_MAX:
        return (WhatsappRequest(kind=kind, content={"caption": text}, attachment=attachment),)
    said = _interactive(_list(message, text), text) if message.choices else _text(text)
    return (WhatsappRequest(kind=kind, content={}, attachment=attachment), said)


def render_template(template: Template, language: Literal["en", "ru"]) -> WhatsappRequest:
    """The approved template that may be sent when the window is closed."""
    content: dict[str, Any] = {
        "name": template.name,
        "language": {"code": TEMPLATE_LANGUAGES[language]},
    }
    if template.parameters:
        # Meta refuses line breaks and runs of spaces in a parameter.
        parameters = [{"type": "text", "text": one_line(value)} for value in template.parameters]
        content["components"] = [{"type": "body", "parameters": parameters}]
    return WhatsappRequest(kind="template", content=content)


def with_media(request: WhatsappRequest, media_id: str) -> dict[str, Any]:
    """The request's content with what was uploaded in its place."""
    attachment = request.attachment
    assert attachment is not None
    kind, media = _media_kind(attachment), {"id": media_id}
    if kind == "document":
        media["filename"] = attachment.filename
    if request.kind == "interactive":
        return {**request.content, "header": {"type": kind, kind: media}}
    return {**media, **request.content}


def _media_kind(attachment: Attachment) -> Literal["image", "document"]:
    return "image" if isinstance(attachment, Picture) else "document"


def _text(text: str) -> WhatsappRequest:
    body = {"body": cut(text, TEXT_CHARACTERS_MAX), "preview_url": False}
    return WhatsappRequest(kind="text", content=body)


def _interactive(
    action: dict[str, Any], text: str, attachment: Attachment | None = None
) -> WhatsappRequest:
    return WhatsappRequest(
        kind="interactive", content={**action, "body": {"text": text}}, attachment=attachment
    )


def _buttons(message: OutboundMessage) -> dict[str, Any] | None:
    """Reply buttons, or None when the choices do not fit into them unharmed."""
    labels = [one_line(choice.label) for choice in message.choices]
    if (
        not 1 <= len(labels) <= BUTTONS_MAX
        or any(choice.description for choice in message.choices)
        or any(len(label) > BUTTON_TITLE_CHARACTERS_MAX for label in labels)
    ):
        return None
    titles = unique_titles(labels, BUTTON_TITLE_CHARACTERS_MAX)
    buttons = [
        {"type": "reply", "reply": {"id": choice.id, "title": title}}
        for choice, title in zip(message.choices, titles, strict=True)
    ]
    return {"type": "button", "action": {"buttons": buttons}}


def _list(message: OutboundMessage, text: str) -> dict[str, Any]:
    assert len(text) <= LIST_BODY_CHARACTERS_MAX  # the contract's own limit
    labels = [one_line(choice.label) for choice in message.choices]
    titles = unique_titles(labels, ROW_TITLE_CHARACTERS_MAX)
    rows = []
    for choice, label, title in zip(message.choices, labels, titles, strict=True):
        row = {"id": choice.id, "title": title}
        # What the title had to drop is told in the description.
        spilled = [label] if title != label else []
        said = [one_line(choice.description)] if choice.description else []
        if spilled or said:
            row["description"] = cut(" · ".join(spilled + said), ROW_DESCRIPTION_CHARACTERS_MAX)
        rows.append(row)
    button = one_line(message.choices_label or LIST_BUTTON[message.language])
    return {
        "type": "list",
        "action": {"button": cut(button, LIST_BUTTON_CHARACTERS_MAX), "sections": [{"rows": rows}]},
    }
