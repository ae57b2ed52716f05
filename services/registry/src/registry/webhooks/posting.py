"""One HTTP request to a receiver, which may be slow, broken, or somebody who wants to get in."""

import asyncio
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpcore

from registry.webhooks.targets import is_public

ANSWER_SECONDS_MAX = 10.0
"""For everything: finding the address, connecting, TLS, sending, and the answer."""
ANSWER_BYTES_MAX = 64 * 1024
"""Of the answer's body, which says nothing to us; it is read so that a receiver that writes a few
words is not cut off while it does."""
ADDRESSES_TRIED_MAX = 4
"""Of a name that stands for several."""
PROBLEM_CHARACTERS_MAX = 200


class Undelivered(Exception):
    """There was no answer; the text says why and holds nothing that was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a receiver said."""

    status: int
    retry_after_seconds: float = 0.0


class _Forbidden(Exception):
    """The name stands for an address that is not public."""


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were looked at, and not to what a name stands for later.

    Checking a name and then connecting to the name would let its owner answer twice differently.
    TLS still sees the name: certificates are verified against it.
    """

    def __init__(self, *, is_test: bool) -> None:
        self._network = httpcore.AnyIOBackend()
        self._is_test = is_test

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first public address that answers."""
        failure: Exception = httpcore.ConnectError("the name stands for no address")
        for address in (await self._addresses(host, port))[:ADDRESSES_TRIED_MAX]:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise httpcore.ConnectError("the name stands for no address") from None
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        # One private address among public ones is a trick as well, so all must be public.
        if not self._is_test and not all(map(is_public, addresses)):
            raise _Forbidden
        return addresses


class Poster:
    """Posts to receivers. No proxy, no redirect, no connection kept, no cookie."""

    def __init__(
        self,
        *,
        connections_max: int,
        is_test: bool,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self._answer_seconds_max = answer_seconds_max
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=connections_max,
            # A kept connection that the receiver has just closed would cost an attempt.
            max_keepalive_connections=0,
            network_backend=_CheckedNetwork(is_test=is_test),
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pool.__aexit__(kind, error, traceback)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post and say what was answered.

        Raises:
            Undelivered: no answer, or none in time.
        """
        answer: Answer | None = None
        try:
            async with (
                asyncio.timeout(self._answer_seconds_max),
                self._pool.stream(
                    "POST", url, headers=list(headers.items()), content=body
                ) as response,
            ):
                answer = Answer(
                    status=response.status, retry_after_seconds=_retry_after_seconds(response)
                )
                await _drain(response)
        except Exception as error:
            # The status is the answer; what is wrong with the rest of it does not matter.
            if answer is None:
                if (meaning := self._meaning(error)) is None:
                    raise
                raise Undelivered(meaning) from None
        return answer

    def _meaning(self, error: Exception) -> str | None:
        match error:
            case _Forbidden():
                return "The address is not in the public Internet."
            case TimeoutError() | httpcore.TimeoutException():
                return f"No answer within {self._answer_seconds_max:g} s."
            case httpcore.ConnectError():
                return f"No connection: {error}."[:PROBLEM_CHARACTERS_MAX]
            case httpcore.NetworkError():
                return "The connection was lost."
            case httpcore.RemoteProtocolError():
                return "What came back is no answer in HTTP."
            case httpcore.LocalProtocolError() | httpcore.UnsupportedProtocol():
                return "The address cannot be asked by HTTP."
        return None


async def _drain(response: httpcore.Response) -> None:
    read_bytes = 0
    async for piece in response.aiter_stream():
        read_bytes += len(piece)
        if read_bytes > ANSWER_BYTES_MAX:
            return


def _retry_after_seconds(response: httpcore.Response) -> float:
    for name, value in response.headers:
        # As seconds; the form with a date is rare, and our own schedule will do.
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 10:
            return float(value)
    return 0.0
