"""Why a webhook is not taken."""


class Refused(Exception):
    """The webhook is not taken; the platform is answered with `status`."""

    def __init__(self, status: int, result: str) -> None:
        super().__init__(result)
        self.status = status
        self.result = result
        """For metrics: why."""
