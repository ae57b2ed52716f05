"""Which port belongs to what, and who sits on one that is taken."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import ClassVar

import psutil

LOOPBACK = "127.0.0.1"
REPLICA_OFFSETS = range(30, 100)
"""Where replicas 2 and up look for a free port: below the system's range of passing ports, so
that a dead one's port is still free a second later."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The fixed ports, counted from `base` (TURNOUT_PORT_BASE)."""

    base: int

    offsets: ClassVar[dict[str, int]] = {
        "gateway": 0,
        "conversation": 1,
        "registry": 2,
        "notifier": 3,
        "scheduler": 4,
        "simulator": 10,
        "smtp": 13,
        "nats": 20,
        "nats-monitor": 21,
        "postgres": 22,
        "redis": 23,
    }

    def of(self, name: str) -> int:
        """The fixed port of a process's first replica, or of a server's second door."""
        return self.base + self.offsets[name]

    def url(self, name: str) -> str:
        """Where its HTTP is."""
        return f"http://{LOOPBACK}:{self.of(name)}"

    def spare(self) -> Iterator[int]:
        """Free ports for more replicas."""
        return (port for port in (self.base + o for o in REPLICA_OFFSETS) if is_free(port))


def is_free(port: int) -> bool:
    """Whether a server of ours could listen there now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # As our servers do: a port whose old connections only linger is not busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def owner(port: int) -> str:
    """Who listens there, in words; other people's processes may be hidden from us."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            here = connection.status == psutil.CONN_LISTEN and port in connection.laddr
            if here and connection.pid:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return "another process"


def complaint(names: Iterable[str], ports: Ports) -> str | None:
    """Which of these ports are taken, by whom, and what to do; None when all are free."""
    busy = [(name, ports.of(name)) for name in names if not is_free(ports.of(name))]
    if not busy:
        return None
    lines = [f"port {port} ({name}) is taken by {owner(port)}" for name, port in busy]
    other = ports.base + 1000
    return "\n".join([*lines, f"Stop that, or use other ports: TURNOUT_PORT_BASE={other}"])
