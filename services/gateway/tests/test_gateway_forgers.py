"""Ten thousand forgeries: none comes in, and none breaks anything."""

import asyncio
import hashlib
import hmac
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from gateway_house import (
    APP_SECRET,
    BOT,
    PHONE_ID,
    TELEGRAM_SECRET,
    VERIFY_TOKEN,
    private_in,
    process,
)

FORGERIES = 10_000
CONNECTIONS = 16
PIPELINED = 8
ANSWER_SECONDS_MAX = 20.0
DROPPED_SECRET = "an-old-telegram-secret"
DROPPED_APP_SECRET = "an-old-whatsapp-secret"
PHONE, NAME, WORDS, CHAT = "16505559876", "Annabel Forgotten", "nobody-may-read-this", 7391739173

Dice = random.Random


@dataclass
class Forgery:
    """A request that is not from a platform."""

    kind: str
    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    ends: bool = False
    """The server can tell no further request behind it."""

    def octets(self) -> bytes:
        named = {name.lower() for name, _ in self.headers}
        headers = list(self.headers)
        if not named & {b"content-length", b"transfer-encoding"}:
            headers.append((b"Content-Length", b"%d" % len(self.body)))
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        return b"%s %s HTTP/1.1\r\nHost: gateway\r\n%s\r\n%s" % (
            self.method,
            self.target,
            head,
            self.body,
        )


def update(dice: Dice) -> bytes:
    return json.dumps(
        {
            "update_id": dice.randrange(10**9),
            "message": {
                "message_id": dice.randrange(10**6),
                "from": {"id": CHAT, "is_bot": False, "first_name": NAME},
                "chat": {"id": CHAT, "type": "private"},
                "date": 1763800000,
                "text": WORDS + " привет",
            },
        }
    ).encode()


def notification(dice: Dice) -> bytes:
    message = {
        "from": PHONE,
        "id": f"wamid.{dice.randrange(10**9)}",
        "timestamp": "1763800000",
        "type": "text",
        "text": {"body": WORDS + " привет"},
    }
    value = {"metadata": {"phone_number_id": PHONE_ID}, "messages": [message]}
    return json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()


def signature(body: bytes, secret: str = APP_SECRET, algorithm: str = "sha256") -> bytes:
    made = hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()
    return f"{algorithm}={made}".encode()


SECRET = TELEGRAM_SECRET.encode()
SECRET_HEADER, SIGNATURE_HEADER = b"X-Telegram-Bot-Api-Secret-Token", b"X-Hub-Signature-256"


def flipped(octets: bytes, dice: Dice) -> bytes:
    """One bit of it is another."""
    at = dice.randrange(len(octets))
    return octets[:at] + bytes([octets[at] ^ 1 << dice.randrange(8)]) + octets[at + 1 :]


def flipped_in_header(octets: bytes, dice: Dice) -> bytes:
    """One bit is another, and it still is a header."""
    while True:
        found = flipped(octets, dice)
        if all(32 < octet < 127 for octet in found):
            return found


def noise(dice: Dice, size: int) -> bytes:
    """Octets that a header may hold, ASCII and other."""
    return bytes(dice.choice((*range(33, 127), *range(128, 256))) for _ in range(size))


WRONG_SECRETS: dict[str, Callable[[Dice], list[bytes]]] = {
    "no secret": lambda _: [],
    "an empty secret": lambda _: [b""],
    "a short secret": lambda dice: [SECRET[: dice.randrange(len(SECRET))]],
    "a long secret": lambda dice: [SECRET + noise(dice, dice.randint(1, 300))],
    "a secret of other letters": lambda _: [SECRET.upper()],
    "a flipped secret": lambda dice: [flipped_in_header(SECRET, dice)],
    "a secret of any octets": lambda dice: [noise(dice, len(SECRET))],
    "a secret in other letters": lambda _: ["демо-секрет".encode()],
    "a dropped secret": lambda _: [DROPPED_SECRET.encode()],
    "WhatsApp's secret": lambda _: [APP_SECRET.encode()],
    "a list of secrets": lambda _: [SECRET + b", " + SECRET],
    "a quoted secret": lambda _: [b'"' + SECRET + b'"'],
    "two secrets, the first right": lambda _: [SECRET, b"wrong"],
    "two secrets, the last right": lambda _: [b"wrong", SECRET],
}


def signatures(body: bytes) -> dict[str, Callable[[Dice], list[bytes]]]:
    right = signature(body)
    return {
        "no signature": lambda _: [],
        "an empty signature": lambda _: [b""],
        "only the prefix": lambda _: [b"sha256="],
        "no prefix": lambda _: [right[7:]],
        "in capitals": lambda _: [b"sha256=" + right[7:].upper()],
        "a prefix in capitals": lambda _: [b"SHA256=" + right[7:]],
        "a short signature": lambda dice: [right[: dice.randrange(len(right))]],
        "a long signature": lambda dice: [right + noise(dice, dice.randint(1, 300))],
        "a flipped signature": lambda dice: [flipped_in_header(right, dice)],
        "any octets": lambda dice: [b"sha256=" + noise(dice, 64)],
        "of sha1": lambda _: [signature(body, algorithm="sha1")],
        "sha1 that says sha256": lambda _: [b"sha256=" + signature(body, algorithm="sha1")[5:]],
        "of no key": lambda _: [b"sha256=" + hashlib.sha256(body).hexdigest().encode()],
        "of an empty key": lambda _: [signature(body, "")],
        "of a dropped secret": lambda _: [signature(body, DROPPED_APP_SECRET)],
        "of another secret": lambda _: [signature(body, VERIFY_TOKEN)],
        "of Telegram's secret": lambda _: [signature(body, TELEGRAM_SECRET)],
        "of another body": lambda dice: [signature(notification(dice))],
        "of no body": lambda _: [signature(b"")],
        "of the body again": lambda _: [signature(json.dumps(json.loads(body), indent=1).encode())],
        "two, the first right": lambda _: [right, b"sha256=" + b"0" * 64],
        "two, the last right": lambda _: [b"sha256=" + b"0" * 64, right],
    }


def forged_updates(dice: Dice) -> Iterator[Forgery]:
    body = update(dice)
    for kind, make in WRONG_SECRETS.items():
        headers = [(SECRET_HEADER, value) for value in make(dice)]
        target = dice.choice([b"/telegram", b"/telegram/" + BOT.encode()])
        yield Forgery(kind, b"POST", target, headers, body)
    right = [(SECRET_HEADER, SECRET)]
    yield Forgery("another header", b"POST", b"/telegram", [(b"Authorization", SECRET)], body)
    yield Forgery("a secret in the query", b"POST", b"/telegram?secret_token=" + SECRET, [], body)
    for account in (b"999", b"123456/", b"12345", b"1234567", b"%31", b"..%2f123456", b"0123456"):
        yield Forgery("an unknown bot", b"POST", b"/telegram/" + account, right, body)
    for method in (b"GET", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"HEAD"):
        if method != b"HEAD":  # its answer has a length and no body
            yield Forgery("another method", method, b"/telegram", right, body)
    for target in (b"/Telegram", b"/telegramm", b"//telegram", b"/", b"/webhook", b"/telegram%00"):
        yield Forgery("another path", b"POST", target, right, body)
    yield Forgery(
        "a length below the body's", b"POST", b"/telegram", [(b"Content-Length", b"-1")], body, True
    )
    yield Forgery(
        "a length that is no number",
        b"POST",
        b"/telegram",
        [(b"Content-Length", b"1e3")],
        body,
        True,
    )
    both = [(b"Content-Length", b"%d" % len(body)), (b"Transfer-Encoding", b"chunked")]
    yield Forgery("two kinds of length", b"POST", b"/telegram", both, body, True)
    yield Forgery(
        "a length of 4 MB", b"POST", b"/telegram", [(b"Content-Length", b"4194304")], body, True
    )


def forged_notifications(dice: Dice) -> Iterator[Forgery]:
    body = notification(dice)
    for kind, make in signatures(body).items():
        headers = [(SIGNATURE_HEADER, value) for value in make(dice)]
        yield Forgery(kind, b"POST", b"/whatsapp", headers, body)
    right = [(SIGNATURE_HEADER, signature(body))]
    for kind, changed in {
        "a flipped body": flipped(body, dice),
        "a cut body": body[: dice.randrange(len(body))],
        "a longer body": body + b" ",
        "a body in other words": json.dumps(json.loads(body), ensure_ascii=False).encode(),
        "a body in another order": json.dumps(json.loads(body), sort_keys=True).encode() + b"\n",
        "no body": b"",
        "an update": update(dice),
    }.items():
        yield Forgery(kind, b"POST", b"/whatsapp", right, changed)
    yield Forgery(
        "the older header", b"POST", b"/whatsapp", [(b"X-Hub-Signature", right[0][1])], body
    )
    yield Forgery("an account", b"POST", b"/whatsapp/" + PHONE_ID.encode(), right, body)
    for method in (b"PUT", b"PATCH", b"DELETE", b"OPTIONS"):
        yield Forgery("another method", method, b"/whatsapp", right, body)
    token = VERIFY_TOKEN.encode()
    for query in (
        b"hub.mode=unsubscribe&hub.verify_token=%s&hub.challenge=1" % token,
        b"hub.mode=subscribe&hub.verify_token=%s&hub.challenge=1" % flipped_in_header(token, dice),
        b"hub.mode=subscribe&hub.verify_token=%s&hub.challenge=1" % token[:-1],
        b"hub.mode=subscribe&hub.verify_token=%ff%00&hub.challenge=1",
        b"hub.mode=subscribe&hub.challenge=1",
        b"hub.mode=subscribe&hub.verify_token=%s" % token,
        b"mode=subscribe&verify_token=%s&challenge=1" % token,
        b"",
    ):
        # Everything that is no letter or digit is spelled out, so that it is one target.
        spelled = b"".join(
            bytes([octet]) if 32 < octet < 127 and octet not in b"#" else b"%%%02X" % octet
            for octet in query
        )
        yield Forgery("a wrong handshake", b"GET", b"/whatsapp?" + spelled, [], b"")


def forgeries(count: int, seed: int) -> list[Forgery]:
    """So many, of every kind alike; the same for the same seed."""
    dice = Dice(seed)
    found: list[Forgery] = []
    while len(found) < count:
        found += [*forged_updates(dice), *forged_notifications(dice)]
    dice.shuffle(found)
    return found[:count]


async def post_all(port: int, forged: list[Forgery]) -> Counter[int]:
    """The answers' statuses; a few requests of a connection are on their way at the same time."""
    waiting = iter(forged)
    statuses: Counter[int] = Counter()

    async def worker() -> None:
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while batch := [one for _, one in zip(range(PIPELINED), waiting, strict=False)]:
                for part in parts(batch):
                    line = line or await asyncio.open_connection("127.0.0.1", port)
                    reader, writer = line
                    writer.write(b"".join(one.octets() for one in part))
                    async with asyncio.timeout(ANSWER_SECONDS_MAX):
                        for _ in part:
                            statuses[await answer(reader)] += 1
                    if part[-1].ends:
                        await hang_up(writer)
                        line = None
        finally:
            if line is not None:
                await hang_up(line[1])

    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    return statuses


def parts(batch: list[Forgery]) -> Iterator[list[Forgery]]:
    """A request behind which nothing can be told is the last of its part."""
    part: list[Forgery] = []
    for one in batch:
        if one.ends:
            if part:
                yield part
            yield [one]
            part = []
        else:
            part.append(one)
    if part:
        yield part


async def answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"content-length: " in head:
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    return int(head.split()[1])


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):  # the other side may have been first
        await writer.wait_closed()


async def test_of_ten_thousand_forgeries_none_comes_in_and_none_breaks_anything(
    provisioned: str,
) -> None:
    async with process(provisioned) as gateway:
        forged = forgeries(FORGERIES, seed=5)
        statuses = await post_all(gateway.port, forged)
        stored = [await gateway.house.raw(stream) for stream in ("INBOUND", "DEAD", "DELIVERY")]
        metrics = (await gateway.house.http.get("/metrics")).text
        # The same gateway still takes what is authentic.
        body = notification(Dice(1))
        headers = {SIGNATURE_HEADER.decode(): signature(body).decode()}
        right = await gateway.house.http.post("/whatsapp", content=body, headers=headers)
        told = gateway.told()

    assert sum(statuses.values()) == FORGERIES
    assert set(statuses) <= {400, 401, 403, 404, 405, 413}, statuses
    assert stored == [[], [], []]
    assert right.status_code == 200
    private = [PHONE, NAME, WORDS, str(CHAT), DROPPED_SECRET, DROPPED_APP_SECRET, "wamid."]
    assert private_in(told + metrics, private=private) == []


async def test_with_the_guarantee_switched_off_forgeries_come_in(provisioned: str) -> None:
    faults = {"TURNOUT_TEST": "1", "TURNOUT_BREAK": "signature"}
    async with process(provisioned, **faults) as gateway:
        statuses = await post_all(gateway.port, forgeries(1000, seed=5))

        assert statuses[200] > 100
        assert len(await gateway.house.raw("INBOUND")) > 10


@pytest.mark.parametrize("seed", [1, 2])
def test_every_forgery_differs_from_what_a_platform_sends(seed: int) -> None:
    for forgery in forgeries(500, seed):
        given: dict[bytes, list[bytes]] = {}
        for name, value in forgery.headers:
            given.setdefault(name, []).append(value)
        proven: Any = (
            given.get(SECRET_HEADER) == [SECRET]
            if forgery.target in (b"/telegram", b"/telegram/" + BOT.encode())
            else forgery.target == b"/whatsapp"
            and given.get(SIGNATURE_HEADER) == [signature(forgery.body)]
        )
        assert not (proven and forgery.method == b"POST"), forgery.kind
