"""The dialogue: pure, and told what it must know."""

from conversation.dialogue.facts import FactMissing, Facts
from conversation.dialogue.owing import Owed, Step
from conversation.dialogue.pace import is_too_much
from conversation.dialogue.state import Stage, State
from conversation.dialogue.step import Heard, is_ignored, new_chat, step

__all__ = [
    "FactMissing",
    "Facts",
    "Heard",
    "Owed",
    "Stage",
    "State",
    "Step",
    "is_ignored",
    "is_too_much",
    "new_chat",
    "step",
]
