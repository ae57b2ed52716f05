"""Reading a request's body within a limit."""

from starlette.requests import ClientDisconnect, Request

BODY_BYTES_MAX = 3 * 1024 * 1024
"""WhatsApp's batches reach 3 MB (platforms.md B1); the broker takes 4 MB."""


class Refused(Exception):
    """The webhook is not taken; the platform is answered with `status`."""

    def __init__(self, status: int, result: str) -> None:
        super().__init__(result)
        self.status = status
        self.result = result
        """For metrics: why."""


async def read_body(request: Request) -> bytes:
    """The raw bytes, exactly as they were signed.

    Raises:
        Refused: it is too long, or the other side hung up.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise Refused(413, "too-large")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            # A body may also come in chunks of unannounced length.
            if len(body) > BODY_BYTES_MAX:
                raise Refused(413, "too-large")
    except ClientDisconnect:
        raise Refused(400, "disconnected") from None
    return bytes(body)
