"""Talking to a mail server that answers as real ones do."""

import asyncio

import pytest
from notifier_smtp import HANGS_UP, Script, answering
from pydantic import SecretStr

from notifier.email_errors import judge
from notifier.email_server import Connection, MailServer
from notifier.verdicts import Accepted, Down, Failed, Later, Stopped, Throttled, Unknown, Verdict
from runtime.settings import Misconfigured


def a_server(url: str) -> MailServer:
    return MailServer.of(SecretStr(url))


async def sent(script: Script, url: str | None = None) -> Verdict:
    connection = Connection(a_server(url or script.url))
    try:
        return await connection.send("us@example.org", "ann@example.org", b"Hi\r\n", utf8=False)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Accepted()),
        ({"CONNECT": "421 busy"}, Down(reason="email-421")),
        ({"CONNECT": "554 5.7.1 not you"}, Stopped(reason="email-5.7.1")),
        ({"CONNECT": HANGS_UP}, Down(reason="email-unreachable")),
        ({"MAIL": "530 5.7.0 log in first"}, Stopped(reason="email-5.7.0")),
        ({"MAIL": "550 5.7.1 not your address"}, Stopped(reason="email-5.7.1")),
        ({"MAIL": "552 5.3.4 too large"}, Failed(reason="email-5.3.4")),
        ({"MAIL": HANGS_UP}, Down(reason="email-no-answer")),
        ({"RCPT": "550 5.1.1 no such user"}, Failed(reason="email-5.1.1")),
        ({"RCPT": "550 nobody"}, Failed(reason="email-550")),
        ({"RCPT": "554 5.7.1 relaying denied"}, Failed(reason="email-5.7.1")),
        ({"RCPT": HANGS_UP}, Down(reason="email-no-answer")),
        ({"DATA": "554 5.7.1 spam"}, Failed(reason="email-5.7.1")),
        ({".": "554 5.7.1 spam"}, Failed(reason="email-5.7.1")),
        ({".": "421 bye"}, Down(reason="email-421")),
        # The content is there, its answer is not.
        ({".": HANGS_UP}, Unknown(reason="email-no-answer")),
    ],
)
async def test_what_a_server_answers_means_something(
    changes: dict[str, str], expected: Verdict
) -> None:
    async with answering(changes) as script:
        assert await sent(script) == expected


@pytest.mark.parametrize("command", ["RCPT", "."])
@pytest.mark.parametrize("answer", ["450 4.2.0 greylisted", "451 4.3.0 later", "452 full"])
async def test_a_server_that_asks_for_later_is_asked_later(command: str, answer: str) -> None:
    async with answering({command: answer}) as script:
        verdict = await sent(script)
    assert isinstance(verdict, Later)
    assert verdict.after_seconds == 300


@pytest.mark.parametrize("answer", ["421 4.7.0 too many", "450 4.7.1 slow down"])
async def test_a_server_that_finds_us_too_fast_pauses_all_mail(answer: str) -> None:
    async with answering({"MAIL": answer}) as script:
        verdict = await sent(script)
    assert isinstance(verdict, Throttled)
    assert (verdict.scope, verdict.after_seconds) == ("account", 60)


async def test_who_is_not_there_is_unreachable() -> None:
    async with answering({}) as script:
        pass
    assert await sent(script) == Down(reason="email-unreachable")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("235 welcome", Accepted()),
        ("535 5.7.8 wrong password", Stopped(reason="email-5.7.8")),
        ("454 4.7.0 later", Down(reason="email-4.7.0")),
    ],
)
async def test_a_password_is_good_or_a_human_must_act(answer: str, expected: Verdict) -> None:
    async with answering({"AUTH": answer}) as script:
        url = script.url.replace("//", "//us:secret@") + "?starttls=off"
        assert await sent(script, url) == expected
        connection = Connection(a_server(url))
        assert await connection.probe() == expected
        await connection.close()


async def test_a_password_does_not_cross_the_network_in_the_clear() -> None:
    async with answering({}) as script:
        verdict = await sent(script, script.url.replace("//", "//us:secret@"))
    assert verdict == Stopped(reason="email-tls")
    assert not any(line.startswith("AUTH") for line in script.said)


async def test_one_connection_carries_many_mails() -> None:
    async with answering({}) as script:
        connection = Connection(a_server(script.url))
        verdicts = await asyncio.gather(
            *(connection.send("us@b.c", f"a{n}@b.c", b"Hi\r\n", utf8=False) for n in range(5))
        )
        await connection.close()
    assert verdicts == [Accepted()] * 5
    assert script.connections == 1


async def test_a_refused_mail_does_not_spoil_the_next() -> None:
    async with answering({"RCPT": "550 5.1.1 nobody"}) as script:
        connection = Connection(a_server(script.url))
        assert isinstance(await connection.send("us@b.c", "a@b.c", b"x", utf8=False), Failed)
        script.answers["RCPT"] = "250 ok"
        assert await connection.send("us@b.c", "b@b.c", b"x", utf8=False) == Accepted()
        await connection.close()
    assert script.connections == 1
    assert "RSET" in script.said


async def test_after_a_lost_connection_there_is_a_new_one() -> None:
    async with answering({".": HANGS_UP}) as script:
        connection = Connection(a_server(script.url))
        assert isinstance(await connection.send("us@b.c", "a@b.c", b"x", utf8=False), Unknown)
        script.answers["."] = "250 taken"
        assert await connection.send("us@b.c", "a@b.c", b"x", utf8=False) == Accepted()
        await connection.close()
    assert script.connections == 2


async def test_letters_that_a_server_cannot_carry_are_refused_here() -> None:
    async with answering({}) as script:
        connection = Connection(a_server(script.url))
        verdict = await connection.send("us@b.c", "анна@b.c", b"x", utf8=True)
        assert verdict == Failed(reason="email-5.6.7")
        script.answers["EHLO"] = "250-here\r\n250 SMTPUTF8"
        await connection.close()
        assert await connection.send("us@b.c", "анна@b.c", b"x", utf8=True) == Accepted()
        await connection.close()
    assert any("анна@b.c" in line for line in script.said)


def test_no_answer_is_without_a_verdict() -> None:
    for step in ("connect", "login", "sender", "recipient", "content"):
        for code in range(400, 600):
            for words in ("", "4.7.1 x", "5.1.1 x", "nonsense"):
                assert judge(step, code, words).reason.startswith("email-")


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "starttls", "user"),
    [
        ("smtp://mail.example", "mail.example", 25, False, "offered", None),
        ("smtp://mail.example:2525?starttls=off", "mail.example", 2525, False, "off", None),
        ("smtp://us:p%40ss@mail.example", "mail.example", 587, False, "required", "us"),
        ("smtps://us:x@mail.example", "mail.example", 465, True, "off", "us"),
    ],
)
def test_a_server_s_address_says_how_to_talk_to_it(  # one for each part of it
    url: str, host: str, port: int, tls: bool, starttls: str, user: str | None
) -> None:
    server = a_server(url)
    assert (server.host, server.port, server.uses_tls) == (host, port, tls)
    assert (server.starttls, server.user) == (starttls, user)
    if server.password is not None:
        assert server.password.get_secret_value() in ("p@ss", "x")


@pytest.mark.parametrize(
    "url", ["mail.example", "http://mail.example", "smtp://", "smtp://a:b", "smtp://a?starttls=yes"]
)
def test_an_address_that_makes_no_sense_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(Misconfigured, match="SMTP_URL"):
        a_server(url)
