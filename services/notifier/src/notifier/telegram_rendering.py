"""A neutral message as Telegram requests, within the Bot API's limits (platforms.md A4, C)."""

from dataclasses import dataclass, replace

from contracts import Choice, Document, OutboundMessage
from notifier.codes import code_of, copy_label
from notifier.labels import code_points, cut, description, one_line, told, visible, with_lines
from notifier.media import Media
from notifier.splitting import split

TEXT_CHARACTERS_MAX = 4096
CAPTION_CHARACTERS_MAX = 1024
BUTTON_CHARACTERS_MAX = 64
"""Telegram names no limit; a phone shows about thirty in a row of its own."""
SHORT_CHARACTERS_MAX = 12
"""Labels up to this length share a row."""

Keyboard = tuple[tuple[tuple[str, str], ...], ...]
"""Rows of (label, callback data)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramRequest:
    """One call: `sendMessage`, or `sendPhoto` and `sendDocument` for what goes with it.

    The text is plain, without a parse mode: nothing needs escaping, and the limit counts what
    we count.
    """

    text: str
    """The message, or the caption; empty for a document without one."""
    keyboard: Keyboard = ()
    copies: tuple[str, str] | None = None
    """A button below the others that copies something: its label, and what."""
    document: Document | None = None
    media: Media | None = None
    """The document, once it has been prepared."""


def render(message: OutboundMessage) -> tuple[TelegramRequest, ...]:
    """The requests that say the message, the choices under the last.

    Mostly one; more when a text is too long for a message, or for a caption.
    """
    text = _with_descriptions(visible(message.text), message.choices)
    keyboard = _keyboard(message.choices)
    if message.document is not None and len(text) <= CAPTION_CHARACTERS_MAX:
        return (TelegramRequest(text=text, keyboard=keyboard, document=message.document),)
    pieces = split(text, TEXT_CHARACTERS_MAX, code_points)
    said = [TelegramRequest(text=piece) for piece in pieces]
    said[-1] = replace(said[-1], keyboard=keyboard, copies=_copies(message))
    if message.document is not None:
        said.insert(0, TelegramRequest(text="", document=message.document))
    return tuple(said)


def _copies(message: OutboundMessage) -> tuple[str, str] | None:
    code, template = code_of(message), message.template
    if code is None or template is None:
        return None
    return copy_label(template, message.language), code


def _with_descriptions(text: str, choices: tuple[Choice, ...]) -> str:
    # Buttons have no second line here as WhatsApp's rows do, and a long label is cut. What they
    # do not show is said above them, unless the text says it already.
    line, lines = one_line(text), []
    for choice in choices:
        label = one_line(choice.label)
        is_shown = len(label) <= BUTTON_CHARACTERS_MAX or label in line
        if not (is_shown and description(choice) in line):
            lines.append(told(choice))
    return with_lines(text, lines)


def _keyboard(choices: tuple[Choice, ...]) -> Keyboard:
    buttons = [
        (cut(one_line(choice.label), BUTTON_CHARACTERS_MAX), choice.id) for choice in choices
    ]
    if all(len(label) <= SHORT_CHARACTERS_MAX for label, _ in buttons):
        per_row = 2 if len(buttons) in (2, 4) else 3
    else:
        per_row = 1
    return tuple(tuple(buttons[at : at + per_row]) for at in range(0, len(buttons), per_row))
