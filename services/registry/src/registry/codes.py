"""Short event codes, for links and posters."""

from uuid import UUID

from contracts import derived_id

CODE_CHARACTERS = 6
CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, O, 1 and I, which people mix up: 32 signs, so 30 bits in a code."""


def event_code(event_id: UUID, attempt: int = 0) -> str:
    """The code of an event; `attempt` counts up when another event already has it."""
    number = derived_id(event_id, f"code:{attempt}").int
    signs = []
    for _ in range(CODE_CHARACTERS):
        number, sign = divmod(number, len(CODE_ALPHABET))
        signs.append(CODE_ALPHABET[sign])
    return "".join(signs)
