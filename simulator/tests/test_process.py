"""The simulator as a process: it starts, takes mail, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import sys
from email.message import EmailMessage

import httpx
from simulator_driver import POLL_SECONDS

START_SECONDS_MAX = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def send_mail(port: int) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "desk@example.org", "Ann@example.org", "Билет"
    mail.set_content("Привет, Ann")
    mail.add_attachment(b"BEGIN:VCALENDAR", maintype="text", subtype="calendar", filename="e.ics")
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.send_message(mail)


async def test_it_serves_takes_mail_and_stops_at_once() -> None:
    port, smtp_port = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator",
        "--port",
        str(port),
        "--smtp-port",
        str(smtp_port),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            deadline = asyncio.get_running_loop().time() + START_SECONDS_MAX
            while True:
                try:
                    health = await http.get("/sim/health")
                    break
                except httpx.ConnectError:
                    assert process.returncode is None, "the simulator died"
                    assert asyncio.get_running_loop().time() < deadline
                    await asyncio.sleep(POLL_SECONDS)
            assert health.json() == {"status": "ok"}
            await asyncio.to_thread(send_mail, smtp_port)
            [mail] = (await http.get("/sim/mail", params={"to": "ann@example.org"})).json()
            assert (mail["subject"], mail["text"].strip()) == ("Билет", "Привет, Ann")
            assert mail["attachments"] == [{"name": "e.ics", "mime": "text/calendar"}]
            assert (await http.get("/sim/mail", params={"to": "ben@example.org"})).json() == []
            ann = (await http.post("/sim/people", json={"platform": "telegram"})).json()["id"]
            open_page = asyncio.create_task(
                http.get(f"/sim/people/telegram/{ann}/next", params={"timeout": 60}, timeout=60)
            )
            await http.get("/sim/health")  # by now the other call waits
            process.terminate()
            assert (await open_page).status_code == 204
    finally:
        if process.returncode is None:
            process.terminate()
        _, error = await asyncio.wait_for(process.communicate(), 10)
    assert error == b""
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_a_busy_port_is_named_and_nothing_stays_running() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulator"),
            *("--port", str(free_port()), "--smtp-port", str(port)),
            stderr=asyncio.subprocess.PIPE,
        )
        _, error = await asyncio.wait_for(process.communicate(), START_SECONDS_MAX)
    assert process.returncode == 1
    assert str(port) in error.decode()
