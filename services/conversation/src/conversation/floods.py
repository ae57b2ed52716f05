"""Chats that flood at this moment, so that what is one too many costs no look at the document."""

from collections import OrderedDict
from datetime import datetime

from contracts import Address, InboundMessage
from conversation.dialogue import State, is_too_much

FLOODS_MAX = 100
"""Remembered per process; forgotten ones only cost a look each."""


class Floods:
    """What this process saw of floods.

    It may be older than the document, and that is safe: a chat's pace is only ever used up, so what
    is too much for an older state is too much for a newer one, and what was taken in by a newer one
    is not too much for an older one: a repetition of it still finds its document.
    """

    def __init__(self) -> None:
        self._states: OrderedDict[Address, State] = OrderedDict()

    def note(self, address: Address, state: State) -> None:
        """Something said in this chat was too much for its state."""
        # No more than its pace: it may stay here for as long as the process lives.
        self._states[address] = State(
            heard_at=state.heard_at, pace_at=state.pace_at, flooded=state.flooded
        )
        self._states.move_to_end(address)
        if len(self._states) > FLOODS_MAX:
            self._states.popitem(last=False)

    def covers(self, item: InboundMessage, now: datetime) -> bool:
        """Whether this is known to be too much as well."""
        state = self._states.get(item.address)
        if state is None:
            return False
        # What overtook other things on its way in is measured otherwise: the document knows how.
        in_order = state.heard_at is None or item.sent_at >= state.heard_at
        if in_order and is_too_much(state, item.sent_at, now):
            return True
        del self._states[item.address]
        return False
