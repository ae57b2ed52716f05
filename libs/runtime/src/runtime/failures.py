"""A failure says what is to be done about it.

Exception
├── Unavailable   something we need is away: hold the message and try until it returns
├── Retry         not now: deliver it again after a while, until it is too old
├── Reject        never: set it aside for a human, with the reason
└── anything else is a bug: tried a few times, then set aside
"""


class Unavailable(Exception):
    """`what` does not answer; the message is held, not counted, and readiness fails."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is unavailable")
        self.what = what


class Retry(Exception):
    """Deliver this message again after `after_seconds`."""

    def __init__(self, reason: str, after_seconds: float) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_seconds = after_seconds


class Reject(Exception):
    """This message can never succeed; `reason` is for the operator and holds nothing personal."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
