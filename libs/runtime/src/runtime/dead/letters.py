"""What `DEAD` holds, as an operator sees it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import nats.errors
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from contracts.ids import TURNOUT, derived_id
from contracts.topology import DEAD
from runtime.dead.owners import letter_subject, owner_of

DISCARDED = "discarded"
"""The kind as which it is kept that a letter was discarded, and why; without its body."""
PAGE = 200
"""Letters looked at per request; without their bodies, which may have 3 MB each."""
PAGE_SECONDS_MAX = 5.0
UNREAD_SECONDS_MAX = 30.0
"""After this long without a request the broker forgets where we were."""
NO_MESSAGE_ERROR = 10043
"""JetStream's code for a message to be deleted that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message that was set aside."""

    number: int
    """DEAD's sequence: the newer, the higher; never used twice."""
    subject: str
    """Where it was when it was set aside. Holds the chat's key: never for a list or a log."""
    reason: str
    origin: str
    """The consumer that gave up, or `gateway`."""
    at: datetime
    message_id: str
    """The `id` in its body."""
    deliveries: int | None
    discarded: str | None
    """Why it was discarded; None while it is there."""
    headers: Mapping[str, str]
    body: bytes | None = None
    """As it came. Not read for a list."""

    @classmethod
    def of(cls, number: int, at: datetime, headers: Mapping[str, str], body: bytes | None) -> Self:
        """Read what the runtime wrote beside the body; what is missing stays empty."""
        said = headers.get("Turnout-At")
        deliveries = headers.get("Turnout-Deliveries", "")
        return cls(
            number=number,
            subject=headers.get("Turnout-Subject", ""),
            reason=headers.get("Turnout-Reason", ""),
            origin=headers.get("Turnout-Origin", ""),
            at=datetime.fromisoformat(said) if said else at,
            message_id=headers.get("Turnout-Id") or headers.get("Turnout-Message-Id", ""),
            deliveries=int(deliveries) if deliveries.isdecimal() else None,
            discarded=headers.get("Turnout-Discarded"),
            headers=headers,
            body=body,
        )

    @property
    def kind(self) -> str:
        """What it is, without the keys that stand for a person or an event."""
        tokens = self.subject.split(".")
        if tokens[0] == "out":
            tokens[0] = "outbound"  # as it was published, and not as its stream keeps it
        return ".".join(tokens[: 3 if tokens[0] in ("outbound", "bulk") else 2])

    @property
    def act(self) -> UUID:
        """Names sending it again: the same, however often that is begun."""
        # The time too, so that a stream that was made anew repeats no name.
        return derived_id(TURNOUT, f"redrive:{self.number}:{self.at.isoformat()}")


class Letters:
    """The stream of dead letters."""

    def __init__(self, jetstream: JetStreamContext) -> None:
        self._jetstream = jetstream

    async def all(self, *subjects: str) -> AsyncIterator[Letter]:
        """What is there now, oldest first and without bodies; only at these subjects, if any.

        Bounded by what was there at the start: a letter that comes back while others are sent again
        would be sent again without end.
        """
        last = (await self._jetstream.stream_info(DEAD.name)).state.last_seq
        config = api.ConsumerConfig(
            deliver_policy=api.DeliverPolicy.ALL,
            ack_policy=api.AckPolicy.NONE,
            headers_only=True,
            inactive_threshold=UNREAD_SECONDS_MAX,
            mem_storage=True,
            filter_subjects=list(subjects) or None,
        )
        pages = await self._jetstream.pull_subscribe("dead.>", stream=DEAD.name, config=config)
        try:
            left = (await pages.consumer_info()).num_pending or 0
            while left:
                page = await pages.fetch(min(left, PAGE), timeout=PAGE_SECONDS_MAX)
                for raw in page:
                    metadata = raw.metadata
                    if metadata.sequence.stream > last:
                        return
                    left = metadata.num_pending
                    yield Letter.of(
                        metadata.sequence.stream, metadata.timestamp, raw.headers or {}, None
                    )
        except nats.errors.TimeoutError:
            # The last ones were removed while they were being counted.
            return
        finally:
            await pages.unsubscribe()

    async def read(self, number: int) -> Letter | None:
        """One letter with its body; None if it is not there (any more)."""
        try:
            # Asked the other way, nats-py takes headers for an e-mail's: only ASCII is text there.
            raw = await self._jetstream.get_msg(DEAD.name, seq=number, direct=True)
        except NotFoundError:
            return None
        return Letter.of(number, raw.time or datetime.now(UTC), raw.headers or {}, raw.data or b"")

    async def remove(self, letter: Letter) -> bool:
        """Take it out; False if somebody else did."""
        try:
            return await self._jetstream.delete_msg(DEAD.name, letter.number)
        except NotFoundError:
            return False
        except nats.js.errors.APIError as error:
            if error.err_code == NO_MESSAGE_ERROR:
                return False
            raise

    async def discard(self, letter: Letter, why: str) -> bool:
        """Take it out and keep that it was there, and why it is not; False if it was gone."""
        whole = await self.read(letter.number)
        if whole is None:
            return False
        # Its headers name the chat too, so that what is left of it ends in the chat's key as well.
        kept_at = letter_subject(DISCARDED, owner_of(whole.subject, whole.body or b""))
        trace = {
            name: value for name, value in letter.headers.items() if name.startswith("Turnout-")
        }
        trace |= {
            "Nats-Msg-Id": f"discarded-{letter.act}",
            "Turnout-Discarded": " ".join(why.split()),
            "Turnout-Discarded-At": datetime.now(UTC).isoformat(),
        }
        await self._jetstream.publish(kept_at, b"", timeout=5, headers=trace)
        return await self.remove(letter)
