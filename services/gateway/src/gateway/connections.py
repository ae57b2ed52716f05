"""One connection: how long a request may take to arrive, and how long its head may be.

uvicorn bounds neither, and its parser neither: a head without an end would be kept in memory, and
a few hundred clients that send one byte a minute would keep everybody else out.
"""

import asyncio
import enum
import resource
import time
from typing import Any, Literal
from weakref import WeakKeyDictionary

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.answers import RETRY_AFTER_SECONDS
from runtime.metrics import counter

HEAD_BYTES_MAX = 16 * 1024
"""Request line and headers. A platform's are below 2 KB; proxies add their own."""
HEAD_SECONDS_MAX = 10.0
"""From the connection, or the first byte of a further request, to the end of the head."""
BODY_SECONDS_MAX = 30.0
"""From there to the end of the body: 3 MB at 100 KB a second."""
IDLE_SECONDS_MAX = 75.0
"""Between two requests: longer than a load balancer's 60 s, so that it is the one who hangs up."""
CONNECTIONS_MAX = 8_192
"""Per process: all webhooks that may be held (limits.py), and room for idle ones and probes."""
READING_MAX = 1_024
"""Of them, those that have not sent a whole request: all that a client without a secret can have,
and a slow one holds a head of 16 KB. Platforms and proxies send theirs in one piece."""
FILES_KEPT = 256
"""Files that a process may open and connections leave: libraries, the broker, what else there is.
"""
PIPELINED_MAX = 32
"""Requests of one connection that wait for the one before them."""
LOOK_SECONDS = 1.0
"""How often a connection's time is looked at: cheaper than a timer for each step."""

Reason = Literal[
    "malformed",
    "head-too-large",
    "head-too-slow",
    "body-too-slow",
    "idle",
    "pipelined",
    "crowded-out",
    "full",
]

_ended = counter(
    "turnout_connections_ended_total", "Connections that the gateway ended, by why.", ("reason",)
)


class _Doing(enum.Enum):
    OPENED = enum.auto()
    """Nobody has asked anything yet."""
    WAITING = enum.auto()
    """For a further request to begin."""
    HEAD = enum.auto()
    BODY = enum.auto()
    WORKING = enum.auto()
    """The request is here, its answer is not."""


def _seconds_max(doing: _Doing) -> float | None:
    if doing is _Doing.WORKING:
        return None  # what it works for has its own limits
    if doing is _Doing.WAITING:
        return IDLE_SECONDS_MAX
    return BODY_SECONDS_MAX if doing is _Doing.BODY else HEAD_SECONDS_MAX


class _Crowd:
    """The connections of one server that nobody works for, each group by how long it waits."""

    def __init__(self) -> None:
        self.connections_max = min(CONNECTIONS_MAX, max(files_max() - FILES_KEPT, 1))
        self.reading: dict[BoundedProtocol, None] = {}
        self.resting: dict[BoundedProtocol, None] = {}

    def moves(self, one: "BoundedProtocol", doing: "_Doing") -> None:
        """Put a connection at the end of the group that it belongs to from now on."""
        self.leaves(one)
        if one.transport.is_closing():
            return
        if doing is _Doing.WAITING:
            self.resting[one] = None
        elif doing is not _Doing.WORKING:
            self.reading[one] = None
            if len(self.reading) > READING_MAX:
                next(iter(self.reading)).end(None, "crowded-out")

    def leaves(self, one: "BoundedProtocol") -> None:
        """Forget a connection."""
        self.reading.pop(one, None)
        self.resting.pop(one, None)

    def makes_room(self) -> bool:
        """Whether a connection that nobody works for could be ended."""
        one = next(iter(self.resting), None) or next(iter(self.reading), None)
        if one is None:
            return False
        one.end(None, "crowded-out")
        return True


_crowds: WeakKeyDictionary[ServerState, _Crowd] = WeakKeyDictionary()


def files_max() -> int:
    """How many files this process may open; asks for as many as all connections need.

    Most systems let a process begin with 1,024 and go far beyond if it asks.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_KEPT
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft


class _Refused(Exception):
    """The head cannot be taken; only this connection's parser sees it."""

    def __init__(self, status: int, reason: Reason) -> None:
        super().__init__(reason)
        self.status = status
        self.reason: Reason = reason


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's connection, with an end to everything."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # There is nothing here to talk to over a web socket.
        self.ws_protocol_class = None
        self.timeout_keep_alive = int(IDLE_SECONDS_MAX)
        self.doing = _Doing.OPENED
        self.since = time.monotonic()
        self._head_bytes = 0
        self._chunk_bytes = 0
        self._begun = 0
        self._refusal: _Refused | None = None
        self._look: asyncio.TimerHandle | None = None
        self._crowd = _crowds.get(server_state) or _crowds.setdefault(server_state, _Crowd())

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection in, in the place of the one that waits longest if there is no other."""
        is_full = len(self.connections) >= self._crowd.connections_max
        super().connection_made(transport)
        if is_full and not self._crowd.makes_room():
            self.end(503, "full")
            return
        self._does(_Doing.OPENED)
        self._look = self.loop.call_later(LOOK_SECONDS, self._look_at_time)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._look is not None:
            self._look.cancel()
        self._crowd.leaves(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that does not end is ended here."""
        self._unset_keepalive_if_required()
        clean = self.doing in (_Doing.OPENED, _Doing.WAITING)
        self._chunk_bytes, self._begun = len(data), 0
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Answered as if it had not asked for another protocol; what follows is not HTTP.
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            refusal = self._refusal or _Refused(400, "malformed")
            self.end(refusal.status, refusal.reason)
        else:
            # Of a chunk in which more than one request begins, one cannot tell how much is the head
            # that is still open; the next chunk is all its own.
            if self.doing is _Doing.HEAD and (not self._begun or (clean and self._begun == 1)):
                self._head_bytes += len(data)
                if self._head_bytes > HEAD_BYTES_MAX:
                    self.end(431, "head-too-large")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._begun += 1
        self._head_bytes = 0
        self._does(_Doing.HEAD)

    def on_headers_complete(self) -> None:
        """The head is there."""
        # Only a head that came in much data can be too long.
        if self._head_bytes + self._chunk_bytes > HEAD_BYTES_MAX:
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > HEAD_BYTES_MAX:
                raise self._refused(431, "head-too-large")
        if len(self.pipeline) >= PIPELINED_MAX:
            raise self._refused(400, "pipelined")
        self._does(_Doing.BODY)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._does(_Doing.WORKING)
        super().on_message_complete()
        if self.cycle.response_complete:
            # It was answered before its body was there.
            self._does(_Doing.WAITING)

    def on_response_complete(self) -> None:
        """The answer is given."""
        super().on_response_complete()
        if self.doing is _Doing.WORKING and not self.pipeline:
            self._does(_Doing.WAITING)

    def _does(self, doing: _Doing) -> None:
        self.doing = doing
        self.since = time.monotonic()
        self._crowd.moves(self, doing)

    def _refused(self, status: int, reason: Reason) -> _Refused:
        # The parser wraps what a callback raises, so it is kept here.
        self._refusal = _Refused(status, reason)
        return self._refusal

    def _look_at_time(self) -> None:
        if self.transport.is_closing():
            return
        self._look = self.loop.call_later(LOOK_SECONDS, self._look_at_time)
        if self.flow.read_paused:
            # It is we who do not read.
            self.since = time.monotonic()
            return
        seconds_max = _seconds_max(self.doing)
        if seconds_max is None or time.monotonic() - self.since <= seconds_max:
            return
        if self.doing is _Doing.WAITING:
            self.end(None, "idle")
        else:
            self.end(408, "body-too-slow" if self.doing is _Doing.BODY else "head-too-slow")

    def end(self, status: int | None, reason: Reason) -> None:
        """Hang up, with an answer if `status` is given and nobody would take it for another's."""
        _ended.labels(reason=reason).inc()
        self._crowd.leaves(self)
        if self.transport.is_closing():
            return
        # It answers the request that is being read; an earlier one may still owe its own.
        cycle = self.cycle
        reading_body = self.doing is _Doing.BODY
        free = cycle is None or (
            not cycle.response_started if reading_body else cycle.response_complete
        )
        if status is not None and free:
            self.transport.write(
                STATUS_LINE[status]
                + (b"retry-after: %d\r\n" % RETRY_AFTER_SECONDS if status == 503 else b"")
                + b"content-length: 0\r\nconnection: close\r\n\r\n"
            )
        self.transport.close()
