"""Which event somebody means who names it in words: by its title, or by its code among others."""

from conversation.dialogue import codes, switching
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.state import Stage
from conversation.dialogue.turn import Reply, Turn
from conversation.dialogue.words import plain

TITLE_PART_CHARACTERS_MIN = 3
"""Part of a title that is worth looking for."""


def by_code(turn: Turn, text: str) -> Reply | None:
    """The event whose code stands somewhere in the text, if there is such an event."""
    naming = turn.state.stage is Stage.ENTERING_NAME
    found = _in_a_name(text) if naming else codes.candidates(text)
    return next((card for code in found if (card := _known(turn, code)) is not None), None)


def by_title(turn: Turn, text: str) -> Reply | None:
    """The event of this title, or of a part that only one title has."""
    said = plain(text)
    found = turn.facts.events()
    exact = [event for event in found if plain(event.title) == said]
    if exact:
        return switching.to_card(turn, exact[0].code)
    if turn.state.stage is Stage.START or len(said) < TITLE_PART_CHARACTERS_MIN:
        return None  # a mere hello is part of many a title
    part = [event for event in found if said in plain(event.title)]
    return switching.to_card(turn, part[0].code) if len(part) == 1 else None


def _in_a_name(text: str) -> tuple[str, ...]:
    """Martha may be called like an event; what is in brackets, or has a digit, is worth asking."""
    found = codes.bracketed_code(text) or codes.lone_candidate(text)
    return () if found is None else (found,)


def _known(turn: Turn, code: str) -> Reply | None:
    try:
        event = turn.facts.event(code)
    except RegistrySilent:
        return None
    return None if event is None else switching.to_card(turn, code)
