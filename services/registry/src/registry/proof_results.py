"""What becomes of a wish for a code."""

from typing import Literal

from contracts.model import Value


class CodeRequested(Value):
    """As many codes are on their way; none where nobody is who could read one, or where enough
    have been sent in the last hour. The chat is told nothing of it.
    """

    kind: Literal["code-requested"] = "code-requested"
    sent: int
    within_limits: bool
