"""A mail server that answers as it is told to."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HANGS_UP = ""
GOES_WELL = {
    "CONNECT": "220 here",
    "EHLO": "250-here\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
    "AUTH": "235 welcome",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    ".": "250 taken",
    "RSET": "250 ok",
    "NOOP": "250 ok",
    "QUIT": "221 bye",
}


@dataclass
class Script:
    """A server that answers by the book, but for some commands."""

    answers: dict[str, str]
    url: str = ""
    said: list[str] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = "CONNECT"
        while True:
            answer = self.answers.get(command, "500 what?")
            if answer == HANGS_UP:
                return
            writer.write(f"{answer}\r\n".encode())
            await writer.drain()
            if command == "DATA" and answer.startswith("354"):
                await reader.readuntil(b"\r\n.\r\n")
                command = "."
                continue
            line = (await reader.readuntil(b"\r\n")).decode().strip()
            self.said.append(line)
            command = line.split()[0].upper()


@asynccontextmanager
async def answering(changes: Mapping[str, str]) -> AsyncIterator[Script]:
    script = Script({**GOES_WELL, **changes})
    async with await asyncio.start_server(script.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        script.url = f"smtp://127.0.0.1:{port}"
        yield script
