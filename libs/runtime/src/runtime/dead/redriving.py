"""Sending dead letters again: at the tail of their chat, oldest first, at a pace, each once."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nats.js import JetStreamContext

from runtime.dead.letters import Letter, Letters
from runtime.dead.ways import NoWayBack, Way, way_back
from runtime.faults import crash_point

REDRIVES_PER_SECOND = 10.0
"""Far below what the platforms take, so that people who write now are not held up."""
PUBLISH_SECONDS_MAX = 5.0
PROGRESS_SECONDS = 5.0


@dataclass
class Tally:
    """What became of the letters."""

    total: int
    sent: int = 0
    repeated: int = 0
    """Were sent by an earlier run that did not come to take them out."""
    gone: int = 0
    """Somebody else had taken them out."""
    stuck: Counter[str] = field(default_factory=Counter)
    """Cannot be sent again, by the reason."""

    def __str__(self) -> str:
        done = self.sent + self.repeated + self.gone + self.stuck.total()
        return f"{done} of {self.total}: {self.sent} sent"


async def redrive(
    jetstream: JetStreamContext,
    chosen: Sequence[Letter],
    tally: Tally,
    *,
    per_second: float = REDRIVES_PER_SECOND,
    is_trial: bool = False,
    say: Callable[[str], None],
) -> None:
    """Send the letters again, one after the other, and take each out when the stream has it.

    The message keeps its `id`; the broker knows it by a new one, derived from the letter. So it may
    be broken off anywhere and begun again: a letter that was sent but not taken out is known by
    that id to the stream, and after its window to whoever handles it, by the id of the message, and
    in the notifier's ledger by the act.

    Args:
        jetstream: the broker.
        chosen: oldest first, which is their order within a chat.
        tally: counted up as it goes, so that it is right wherever this ends.
        per_second: at most so many.
        is_trial: only look at what would be done.
        say: told how far it is, now and then.

    Raises:
        nats.errors.Error, OSError: a letter is not acknowledged; it and all later ones stay.
    """
    letters = Letters(jetstream)
    told_at = time.monotonic()
    for letter in chosen:
        begun = time.monotonic()
        await _one(jetstream, letters, letter.number, tally, is_trial=is_trial)
        if begun - told_at >= PROGRESS_SECONDS:
            told_at = begun
            say(str(tally))
        if not is_trial:
            await asyncio.sleep(max(0.0, begun + 1 / per_second - time.monotonic()))


async def _one(
    jetstream: JetStreamContext, letters: Letters, number: int, tally: Tally, *, is_trial: bool
) -> None:
    letter = await letters.read(number)
    if letter is None:
        tally.gone += 1
        return
    try:
        way = way_back(letter)
    except NoWayBack as reason:
        tally.stuck[str(reason)] += 1
        return
    if is_trial:
        tally.sent += 1
        return
    is_new = await _publish(jetstream, letter, way)
    crash_point("dead.after-publish")
    await letters.remove(letter)
    tally.sent += is_new
    tally.repeated += not is_new


async def _publish(jetstream: JetStreamContext, letter: Letter, way: Way) -> bool:
    """Append it; False if the stream has it already."""
    headers = {
        name: value
        for name, value in letter.headers.items()
        if not name.startswith(("Nats-", "Turnout-"))
    }
    # So that it is found by its own id if it is set aside once more.
    headers |= {"Nats-Msg-Id": str(letter.act), "Turnout-Id": letter.message_id}
    ack = await jetstream.publish(
        way.subject, way.body, timeout=PUBLISH_SECONDS_MAX, headers=headers
    )
    return not ack.duplicate
