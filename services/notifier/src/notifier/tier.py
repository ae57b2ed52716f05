"""WhatsApp's limit of people who may be written to first within 24 h (platforms.md B5).

Exact over all replicas, because the broker judges: a stream with one message per person refuses a
new one when it is full, and forgets each a day after they were last written to.
"""

from contextlib import suppress
from uuid import uuid4

import nats.errors
import nats.js.errors

from contracts import Address
from contracts.topology import Tier
from notifier.purging import purge
from runtime.broker import STREAM_FULL_ERROR, Broker
from runtime.failures import Unavailable
from runtime.metrics import counter, gauge

PUBLISH_SECONDS_MAX = 5.0

_used = gauge(
    "turnout_tier_recipients",
    "People whom a WhatsApp portfolio has written to first within 24 h.",
    ("portfolio",),
)
_limit = gauge(
    "turnout_tier_limit", "People whom the portfolio may write to first in 24 h.", ("portfolio",)
)
_refused = counter(
    "turnout_tier_refused_total",
    "Messages that were not sent because the portfolio had written to enough people.",
    ("portfolio",),
)


class TierLimit:
    """The limit of one portfolio."""

    def __init__(self, broker: Broker, tier: Tier) -> None:
        self._broker = broker
        self._tier = tier

    async def admit(self, address: Address) -> bool:
        """Whether this person may be written to outside the window; if so, they count from now.

        Raises:
            Unavailable: nobody can tell.
        """
        tier = self._tier
        try:
            await self._broker.jetstream.publish(
                self._subject(address), b"", timeout=PUBLISH_SECONDS_MAX
            )
        except nats.js.errors.APIError as error:
            if error.err_code != STREAM_FULL_ERROR:
                raise Unavailable("nats") from error
            _refused.labels(portfolio=tier.portfolio).inc()
            return False
        except nats.js.errors.NoStreamResponseError as error:
            raise Unavailable(f"{tier.stream} (run `task streams`)") from error
        except (nats.errors.Error, OSError) as error:
            raise Unavailable("nats") from error
        return True

    async def forget(self, address: Address) -> None:
        """Nobody can tell any more that this person was written to; that somebody was, counts on.

        Raises:
            Unavailable: the broker does not answer; doing it again is harmless.
        """
        if not await purge(self._broker, self._tier.stream, self._subject(address)):
            return
        with suppress(nats.js.errors.APIError):  # meanwhile somebody else has taken the place
            await self._broker.jetstream.publish(
                f"{self._tier.subject}.somebody-{uuid4().hex}", b"", timeout=PUBLISH_SECONDS_MAX
            )

    async def look(self) -> None:
        """Show how far it is used; nothing changes when the broker does not say."""
        try:
            info = await self._broker.jetstream.stream_info(self._tier.stream)
        except (nats.errors.Error, nats.js.errors.APIError, OSError):
            return
        _used.labels(portfolio=self._tier.portfolio).set(info.state.messages)
        _limit.labels(portfolio=self._tier.portfolio).set(info.config.max_msgs or 0)

    def _subject(self, address: Address) -> str:
        # Two numbers of a portfolio that write to a person have written to one person.
        person = address.model_copy(update={"account": self._tier.portfolio}).chat_key
        return f"{self._tier.subject}.{person}"
