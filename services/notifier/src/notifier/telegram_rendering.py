"""A neutral message as Telegram requests, within the Bot API's limits (platforms.md A4, C)."""

from dataclasses import dataclass, replace

from contracts import Choice, OutboundMessage
from notifier.attachments import Attachment, attached
from notifier.labels import cut, one_line, visible

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
    """The message, or the caption; empty for an attachment without one."""
    keyboard: Keyboard = ()
    attachment: Attachment | None = None


def render(message: OutboundMessage) -> tuple[TelegramRequest, ...]:
    """The requests that say the message: one, or two when a caption would be too long."""
    text = _with_descriptions(visible(message.text), message.choices)
    said = TelegramRequest(text=cut(text, TEXT_CHARACTERS_MAX), keyboard=_keyboard(message.choices))
    if message.document is None:
        return (said,)
    attachment = attached(message.document)
    if len(text) <= CAPTION_CHARACTERS_MAX:
        return (replace(said, attachment=attachment),)
    return (TelegramRequest(text="", attachment=attachment), said)


def _with_descriptions(text: str, choices: tuple[Choice, ...]) -> str:
    # Buttons have no second line here as WhatsApp's rows do, so it is said above them, unless
    # the text says it already.
    lines = [
        f"{one_line(choice.label)} — {one_line(choice.description)}"
        for choice in choices
        if choice.description and choice.description not in text
    ]
    return "\n\n".join([text, "\n".join(lines)]) if lines else text


def _keyboard(choices: tuple[Choice, ...]) -> Keyboard:
    buttons = [
        (cut(one_line(choice.label), BUTTON_CHARACTERS_MAX), choice.id) for choice in choices
    ]
    if all(len(label) <= SHORT_CHARACTERS_MAX for label, _ in buttons):
        per_row = 2 if len(buttons) in (2, 4) else 3
    else:
        per_row = 1
    return tuple(tuple(buttons[at : at + per_row]) for at in range(0, len(buttons), per_row))
