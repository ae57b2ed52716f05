"""Reading a request's body within a limit."""

from starlette.types import Receive, Scope

from gateway.limits import Room
from gateway.refusals import Refused

BODY_BYTES_MAX = 3 * 1024 * 1024
"""WhatsApp's batches reach 3 MB (platforms.md B1); the broker takes 4 MB."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """The octets of a header, or None if there is none; `name` is in lower case.

    Raises:
        Refused: it is there twice, and the two ends of a chain of proxies may each see another.
    """
    found: bytes | None = None
    for key, value in scope["headers"]:
        if key == name:
            if found is not None:
                raise Refused(403, "forged")
            found = value
    return found


class Body:
    """The raw bytes of one request, exactly as they were signed, counted while they are held."""

    __slots__ = ("_held_bytes", "_room")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held_bytes = 0

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """All of it.

        Raises:
            Refused: it is too long, there is no room for it, or the other side hung up.
        """
        for key, value in scope["headers"]:
            # The server has checked that it is a number.
            if key == b"content-length" and int(value) > BODY_BYTES_MAX:
                raise Refused(413, "too-large")
        whole: bytearray | None = None
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise Refused(400, "disconnected")
            chunk: bytes = event.get("body", b"")
            # A body may also come in chunks of unannounced length.
            if self._held_bytes + len(chunk) > BODY_BYTES_MAX:
                raise Refused(413, "too-large")
            self._room.hold(len(chunk))
            self._held_bytes += len(chunk)
            if not event.get("more_body", False):
                break
            # Most bodies are one chunk, and need not be copied.
            whole = bytearray() if whole is None else whole
            whole += chunk
        if whole is None:
            return chunk
        whole += chunk
        return bytes(whole)

    def release(self) -> None:
        """Say that the bytes are no longer needed."""
        self._room.release(self._held_bytes)
        self._held_bytes = 0
