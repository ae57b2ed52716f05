"""A neutral message as WhatsApp requests, within the Cloud API's limits (platforms.md B4, C).

Meta does not say how it counts characters. All limits are kept in UTF-16 units, which are never
fewer than code points.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from contracts import Choice, Document, OutboundMessage, Template
from notifier.attachments import is_picture
from notifier.labels import (
    cut,
    description,
    one_line,
    told,
    unique_titles,
    utf16_units,
    visible,
    with_lines,
)
from notifier.media import Media
from notifier.splitting import split
from notifier.templates.catalogue import LANGUAGE_CODES
from notifier.templates.tapping import button_components
from notifier.whatsapp_markup import plain

TEXT_UNITS_MAX = 4096
CAPTION_UNITS_MAX = 1024
BUTTONS_MAX = 3
BUTTON_TITLE_UNITS_MAX = 20
BUTTONS_BODY_UNITS_MAX = 1024
ROW_TITLE_UNITS_MAX = 24
ROW_DESCRIPTION_UNITS_MAX = 72
LIST_BODY_UNITS_MAX = 4096
LIST_BUTTON_UNITS_MAX = 20

LIST_BUTTON = {"en": "Choose", "ru": "Выбрать"}
"""When the message names none; WhatsApp demands one."""

_cut = partial(cut, measure=utf16_units)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatsappRequest:
    """One call of `/messages`; what goes with it is uploaded before and named by its id."""

    kind: Literal["text", "interactive", "image", "document", "template"]
    content: dict[str, Any]
    """The object under the key `kind`."""
    document: Document | None = None
    reused: Media | None = None
    """What the content names by the id of an earlier upload."""
    part: int = 0
    """Which request of its message this is."""

    @property
    def upload_mime(self) -> str:
        """What the document is uploaded as.

        A calendar entry as plain text: Meta takes no text/calendar. "(#100) Param file must be a
        file with one of the following types" goes on with text/plain, PDF and Office (answer of
        `/media` in fbsamples/whatsapp-api-examples#10; the page on document messages lists the
        same), and other types "may not be handled as expected" (docs.360dialog.com, Document).
        The name ends in .ics, and by the name the phone chooses the icon (Meta's page). A phone
        that opens files by their type shows text instead, so the words beside it carry a link.
        """
        assert self.document is not None
        return "image/png" if is_picture(self.document) else "text/plain"


@dataclass(frozen=True, slots=True)
class _Action:
    """What a person can tap, and how much text may stand above it."""

    content: dict[str, Any]
    body_units_max: int
    takes_document: bool
    told_above: tuple[Choice, ...] = ()
    """Choices that it shows in part only."""


def render(message: OutboundMessage) -> tuple[WhatsappRequest, ...]:
    """The requests that say the message inside the 24-hour window, the choices under the last.

    Mostly one. A text that is too long for what it stands in begins as a text of its own, and ends
    above the choices. A picture or a file can have a caption or head reply buttons, but no list.
    """
    text, action, document = visible(message.text), _action(message), message.document
    if action is None:
        text = with_lines(text, _numbered(message.choices))
        if document is not None and utf16_units(text) <= CAPTION_UNITS_MAX:
            return (_media(document, {"caption": plain(text)}),)
        said = _texts(split(plain(text), TEXT_UNITS_MAX, utf16_units))
    else:
        text = with_lines(text, map(told, _untold(action.told_above, text)))
        *first, last = split(
            plain(text), TEXT_UNITS_MAX, utf16_units, last_units_max=action.body_units_max
        )
        asked = WhatsappRequest(
            kind="interactive", content={**action.content, "body": {"text": last}}
        )
        if document is not None and action.takes_document:
            return (*_texts(first), replace(asked, document=document))
        said = [*_texts(first), asked]
    return tuple(said) if document is None else (_media(document, {}), *said)


def render_template(
    template: Template, language: Literal["en", "ru"], choice_ids: Sequence[str] = ()
) -> WhatsappRequest:
    """The approved template that may be sent when the window is closed.

    Its buttons bring back the ids of the message's own choices.
    """
    content: dict[str, Any] = {
        "name": template.name,
        "language": {"code": LANGUAGE_CODES[language]},
    }
    components: list[dict[str, Any]] = []
    if template.parameters:
        # Meta refuses line breaks, tabs and runs of spaces in a parameter.
        values = [plain(one_line(value)) for value in template.parameters]
        parameters = [{"type": "text", "text": value} for value in values]
        components.append({"type": "body", "parameters": parameters})
    components += button_components(template, choice_ids)
    if components:
        content["components"] = components
    return WhatsappRequest(kind="template", content=content)


def with_media(request: WhatsappRequest, media_id: str) -> dict[str, Any]:
    """The request's content with what was uploaded in its place."""
    document = request.document
    assert document is not None
    kind, media = _media_kind(document), {"id": media_id}
    if kind == "document":
        media["filename"] = document.filename
    if request.kind == "interactive":
        return {**request.content, "header": {"type": kind, kind: media}}
    return {**media, **request.content}


def _media_kind(document: Document) -> Literal["image", "document"]:
    return "image" if is_picture(document) else "document"


def _media(document: Document, content: dict[str, Any]) -> WhatsappRequest:
    return WhatsappRequest(kind=_media_kind(document), content=content, document=document)


def _texts(pieces: Iterable[str]) -> list[WhatsappRequest]:
    return [
        WhatsappRequest(kind="text", content={"body": piece, "preview_url": False})
        for piece in pieces
    ]


def _action(message: OutboundMessage) -> _Action | None:
    """Buttons, else a list; None where there are no choices, or none that a list can hold."""
    ids = [choice.id for choice in message.choices]
    if not ids or len(set(ids)) < len(ids):
        # Meta refuses two rows with one id; a person can still type a number.
        return None
    return _buttons(message) or _list(message)


def _buttons(message: OutboundMessage) -> _Action | None:
    """Reply buttons, or None when the choices do not fit into them unharmed."""
    labels = [one_line(choice.label) for choice in message.choices]
    if (
        len(labels) > BUTTONS_MAX
        or any(map(description, message.choices))
        or any(utf16_units(label) > BUTTON_TITLE_UNITS_MAX for label in labels)
    ):
        return None
    titles = unique_titles(labels, BUTTON_TITLE_UNITS_MAX, utf16_units)
    buttons = [
        {"type": "reply", "reply": {"id": choice.id, "title": title}}
        for choice, title in zip(message.choices, titles, strict=True)
    ]
    content = {"type": "button", "action": {"buttons": buttons}}
    return _Action(content, BUTTONS_BODY_UNITS_MAX, takes_document=True)


def _list(message: OutboundMessage) -> _Action:
    labels = [one_line(choice.label) for choice in message.choices]
    titles = unique_titles(labels, ROW_TITLE_UNITS_MAX, utf16_units)
    rows, told_above = [], []
    for choice, label, title in zip(message.choices, labels, titles, strict=True):
        row = {"id": choice.id, "title": title}
        # What the title had to drop is told in the description.
        spilled = [label] if title != label else []
        if whole := " · ".join(filter(None, [*spilled, description(choice)])):
            row["description"] = _cut(whole, ROW_DESCRIPTION_UNITS_MAX)
            if row["description"] != whole:
                told_above.append(choice)
        rows.append(row)
    button = _cut(
        one_line(message.choices_label or LIST_BUTTON[message.language]), LIST_BUTTON_UNITS_MAX
    )
    content = {"type": "list", "action": {"button": button, "sections": [{"rows": rows}]}}
    return _Action(content, LIST_BODY_UNITS_MAX, takes_document=False, told_above=tuple(told_above))


def _untold(choices: tuple[Choice, ...], text: str) -> list[Choice]:
    """Those whose words the text does not say already."""
    line = one_line(text)
    return [
        choice
        for choice in choices
        if one_line(choice.label) not in line or description(choice) not in line
    ]


def _numbered(choices: tuple[Choice, ...]) -> list[str]:
    return [f"{number}. {told(choice)}" for number, choice in enumerate(choices, start=1)]
