"""What we keep of a person, as one file for them: asked for right before it is sent.

It is in nobody's memory and in no stream: the message says only that it is to go along, and holds
what the chat's own document knows. Whoever sends it asks the registry for the rest.
"""

import json
from typing import Any

from pydantic_core import from_json

from contracts import Document, ExportAnswer, ExportPerson, OutboundMessage
from notifier.again import Again
from runtime.broker import Broker
from runtime.failures import Unavailable

ANSWER_SECONDS_MAX = 10.0
"""For the registry's answer: it looks through every table."""
AGAIN_SECONDS = 5.0
"""Before it is asked once more; the chat waits parked, and holds up nobody else's."""
FILE_BYTES_MAX = 2 * 1024 * 1024
"""Far below what the messengers take; nobody has so much to do with us."""
MARK = "\ufeff"
"""Phones take a text file without it for one in an old alphabet."""
CUT = {
    "en": "… There is more than fits into this file. Ask the organiser for the rest.",
    "ru": "… В файл поместилось не всё. Остальное можно запросить у организатора.",
}


class Exports:
    """Draws documents of the kind `mydata`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def filled(self, message: OutboundMessage) -> OutboundMessage:
        """The message with the whole file as its document's data; others are as they were.

        Raises:
            Retry: the registry does not answer.
        """
        document = message.document
        if document is None or document.kind != "mydata":
            return message
        try:
            answer = await self._broker.ask(
                ExportPerson(address=message.address, language=message.language),
                timeout_seconds=ANSWER_SECONDS_MAX,
            )
        except Unavailable as error:
            raise Again(f"{error.what}-away", AGAIN_SECONDS) from error
        assert isinstance(answer, ExportAnswer)
        # A copy is not checked: the file is longer than what a message may carry.
        whole = document.model_copy(update={"data": written(answer, document, message.language)})
        return message.model_copy(update={"document": whole})


def written(answer: ExportAnswer, document: Document, language: str) -> str:
    """The file: what people read, a blank line, and the same for programs.

    Args:
        answer: what the registry keeps.
        document: its data is what the chat's document holds.
        language: of the note at the end of a file that had to be cut.
    """
    kept = _read(answer.data)
    whole = {**(kept if isinstance(kept, dict) else {"data": kept}), "chat": _read(document.data)}
    listed = json.dumps(whole, ensure_ascii=False, indent=2)
    return MARK + _cut(f"{answer.summary.rstrip()}\n\n{listed}\n", CUT[language])


def _read(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return text


def _cut(text: str, note: str) -> str:
    encoded = text.encode()
    if len(encoded) <= FILE_BYTES_MAX:
        return text
    begun = encoded[: FILE_BYTES_MAX - len(note.encode()) - 2].decode(errors="ignore")
    return "\n".join((begun.rpartition("\n")[0] or begun, note, ""))
