"""The simulator's mailbox, as people read it who are asked for a code."""

import asyncio
import re
from typing import Any

import httpx

CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")
ASKS_FOR_A_CODE = re.compile(r"6[ -]digit|6[ -]значн|6 цифр")
"""How the bot speaks of the code that it has sent, in its two languages."""
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
MAIL_SECONDS_MAX = 30.0
POLL_SECONDS = 0.05


class NoCode(AssertionError):
    """No mail with a code came; the message says to whom."""


def asks_for_a_code(text: str) -> bool:
    """Whether the bot has just said that a code was sent."""
    return ASKS_FOR_A_CODE.search(text) is not None


def address_in(text: str) -> str:
    """The e-mail address that a message of the bot names.

    Raises:
        NoCode: it names none.
    """
    found = ADDRESS.search(text)
    if found is None:
        raise NoCode(f"no address in {text!r}")
    return found[0]


async def mails(client: httpx.AsyncClient, simulator: str, address: str) -> list[dict[str, Any]]:
    """What came to this address so far, newest last."""
    answer = await client.get(f"{simulator}/sim/mail", params={"to": address})
    found: list[dict[str, Any]] = answer.raise_for_status().json()
    return found


async def newest_code(
    client: httpx.AsyncClient, simulator: str, address: str, *, after: int = 0
) -> tuple[str, int]:
    """Wait for a mail with a code.

    Args:
        client: any.
        simulator: its URL.
        address: whose mailbox.
        after: the number of the mail that was read last; older ones do not count.

    Returns:
        The newest code, and the number of its mail.

    Raises:
        NoCode: none comes.
    """
    deadline = asyncio.get_running_loop().time() + MAIL_SECONDS_MAX
    while asyncio.get_running_loop().time() < deadline:
        for mail in reversed(await mails(client, simulator, address)):
            if mail["n"] > after and (code := CODE.search(mail["text"] or "")):
                return code[0], mail["n"]
        await asyncio.sleep(POLL_SECONDS)
    raise NoCode(f"no code came to {address}")
