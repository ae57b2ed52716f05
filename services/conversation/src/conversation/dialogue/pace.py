"""How fast one chat may talk: everybody is answered, and nobody can flood the others.

A lane works on one thing at a time, so that whoever writes a thousand messages at once would hold
up the other chats of the lane. What counts is the platform's time of what was said, not ours of
working on it: a backlog after an outage of our own is no flood.
"""

from datetime import datetime, timedelta

from conversation.dialogue.state import State

INTERVAL = timedelta(seconds=1)
"""One thing said per second is read for as long as one likes."""
BURST = 30
"""Read at once, however fast they come; impatient people reach twenty."""
CALM = INTERVAL * (BURST // 2)
"""A flood is over, and the next one worth a word, once half the burst could be said again."""


def paced(state: State, sent_at: datetime, now: datetime) -> State | None:
    """The chat after one more thing said at that time, or None when it is one too many.

    `state.pace_at` is when the chat would be even again at one thing per `INTERVAL`: one number,
    whatever was said (the theoretical arrival time of the generic cell rate algorithm).
    """
    # Things overtake each other on their way in, and some clocks are ahead of ours: time stands
    # still for them, neither goes back (old news would look like a flood) nor jumps ahead (one
    # wrong time would silence the chat until then).
    said_at = min(max(sent_at, state.heard_at or sent_at), now)
    even_at = max(state.pace_at or said_at, said_at)
    ahead = even_at - said_at
    if ahead > INTERVAL * (BURST - 1):
        return None
    flooded = state.flooded and ahead >= CALM
    return state.model_copy(update={"pace_at": even_at + INTERVAL, "flooded": flooded})


def is_too_much(state: State, sent_at: datetime, now: datetime) -> bool:
    """Whether something said at that time would be one too many."""
    return paced(state, sent_at, now) is None
