"""Where people can write to us, as the notifier last said."""

import time

from contracts import AccountsAnswer, ListAccounts
from runtime.broker import Broker
from runtime.failures import Unavailable

REMEMBERED_SECONDS = 300.0
ANSWER_SECONDS_MAX = 4.0
"""More than the notifier gives a platform to answer."""


class Accounts:
    """What is known of our accounts; what was known once is kept while others are silent."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._known = AccountsAnswer()
        self._ask_after = float("-inf")

    async def known(self) -> AccountsAnswer:
        """The accounts, asked for if it is a while ago; empty if nobody has ever said."""
        if time.monotonic() >= self._ask_after:
            try:
                answer = await self._broker.ask(ListAccounts(), timeout_seconds=ANSWER_SECONDS_MAX)
            except Unavailable:
                return self._known
            assert isinstance(answer, AccountsAnswer)
            self._known = AccountsAnswer(
                telegram=answer.telegram or self._known.telegram,
                whatsapp=answer.whatsapp or self._known.whatsapp,
            )
            if answer.telegram and answer.whatsapp:
                # A platform that is left out may only have been silent: it is asked again.
                self._ask_after = time.monotonic() + REMEMBERED_SECONDS
        return self._known
