"""The independent judge of order and once-only: it reads streams and documents as they are stored.

It imports nothing of the conversation: it must not share its mistakes.
"""

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from contracts.topology import FSM
from tests.chaos.conversation_chats import Chats, Said

SEEN_RECORD_BYTES = 20
"""An input's id and the second in which it was taken in."""
READ_AT_ONCE = 64


@dataclass
class Verdict:
    """What went wrong, by name; all zero is a pass."""

    inverted_in: int = 0
    """Inputs that were taken in before one that was said earlier."""
    inverted_out: int = 0
    """Answers that are in the stream before the answer to something said earlier."""
    unanswered: int = 0
    doubled: int = 0
    """Answers beyond the first."""
    answered_wrongly: int = 0
    """Answers that do not say back what was said."""
    forgotten: int = 0
    """Inputs that the chat's document does not know."""
    misplaced: int = 0
    """Chats that do not stand where the last thing said leads to."""
    strange: int = 0
    """Messages that answer nothing."""
    dead: int = 0
    reasons: list[str] = field(default_factory=list)
    """Why something was set aside."""

    @property
    def faults(self) -> dict[str, int]:
        """Every count that is not zero."""
        return {
            name: count for name, count in vars(self).items() if isinstance(count, int) and count
        }

    @property
    def inverted(self) -> int:
        """Inversions of both kinds."""
        return self.inverted_in + self.inverted_out


async def judge_chats(chats: Chats) -> Verdict:
    """Compare what was said with what is owed and what is stored."""
    verdict = Verdict()
    known = {said.message.id for script in chats.scripts for said in script}
    verdict.strange = sum(
        len(heard) for input_id, heard in chats.heard.items() if input_id not in known
    )
    verdict.reasons = await _reasons(chats.jetstream)
    verdict.dead = len(verdict.reasons)
    bucket = await chats.jetstream.key_value(FSM.name)
    gate = asyncio.Semaphore(READ_AT_ONCE)

    async def one(script: Sequence[Said]) -> None:
        async with gate:
            document = await _document(bucket, script[0])
        _judge_answers(verdict, chats, script)
        _judge_document(verdict, script, document)

    await asyncio.gather(*map(one, chats.scripts))
    return verdict


def _judge_answers(verdict: Verdict, chats: Chats, script: Sequence[Said]) -> None:
    answers = chats.answers(script)
    verdict.inverted_out += sum(later < earlier for (earlier, _), (later, _) in pairwise(answers))
    for said in script:
        heard = chats.heard[said.message.id]
        verdict.unanswered += not heard
        verdict.doubled += max(0, len(heard) - 1)
        if said.names is not None:
            verdict.answered_wrongly += any(said.names not in one.body["text"] for one in heard)


def _judge_document(verdict: Verdict, script: Sequence[Said], document: dict[str, Any]) -> None:
    number = {said.message.id: said.nth for said in script}
    packed = base64.b64decode(document.get("seen", ""))
    seen = [
        number[UUID(bytes=packed[start : start + 16])]
        for start in range(0, len(packed), SEEN_RECORD_BYTES)
    ]
    verdict.inverted_in += sum(later < earlier for earlier, later in pairwise(seen))
    verdict.forgotten += len(set(number.values()) - set(seen))
    context = document.get("state", {}).get("context", {})
    last_name = next(said.names for said in reversed(script) if said.names)
    verdict.misplaced += context.get("name") != last_name


async def _reasons(jetstream: JetStreamContext) -> list[str]:
    last = (await jetstream.stream_info("DEAD")).state.last_seq
    dead = [await jetstream.get_msg("DEAD", seq=sequence) for sequence in range(1, last + 1)]
    return [(one.headers or {}).get("Turnout-Reason", "") for one in dead]


async def _document(bucket: KeyValue, said: Said) -> dict[str, Any]:
    try:
        stored = await bucket.get(f"{said.chat.platform}.{said.chat.chat_key}")
    except KeyNotFoundError:
        return {}
    found: dict[str, Any] = json.loads(stored.value or b"{}")
    return found
