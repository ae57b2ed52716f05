"""One step of the dialogue, with every question answered by the played registry."""

from datetime import datetime

from conversation.dialogue import FactMissing, Facts, Heard, State, Step, step
from conversation.replay.registry import PlayedRegistry


def take(state: State, item: Heard, registry: PlayedRegistry, now: datetime) -> Step:
    """Take the step; asking changes nothing, so it may be asked as often as the step likes."""
    facts = Facts()
    while True:
        try:
            return step(state, item, facts, now)
        except FactMissing as missing:
            answered = registry.answer(missing.query, now)
            facts = facts.with_answer(missing.query, answered.answer, answered.last_known_at)
