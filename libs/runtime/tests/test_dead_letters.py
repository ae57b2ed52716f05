"""`./task dead`, as an operator meets it: the real command against a real nats-server."""

import asyncio
import signal
import time
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from dead_desk import NOW, WORDS, Desk, notice, outbound, said, stored_inbound

from contracts import NoticeDue, OutboundMessage
from contracts.topology import CONVERSATION_NOTICE_DUE, STREAMS
from runtime.dead.choosing import Choice
from runtime.dead.letters import Letter, Letters
from runtime.dead.redriving import Tally, redrive
from runtime.dead.ways import NoWayBack, way_back
from runtime.failures import Reject
from runtime.service import Service
from runtime.settings import ServiceSettings
from runtime.testing import NatsServer, eventually, free_port


async def test_a_list_counts_by_origin_and_reason_and_says_nothing_of_a_person(desk: Desk) -> None:
    for chat in ("42", "43", "42"):
        message = said(chat=chat)
        await desk.set_aside(message, stored_inbound(message))
    await desk.set_aside(notice(), "notice.due", reason="no such event", origin="other")

    code, printed, _ = await desk.dead("list")
    assert code == 0
    counts = [line.split()[0] for line in printed.splitlines()[1:]]
    assert counts == ["3", "1", "4"]
    assert "conversation-inbound" in printed
    assert "bug: KeyError" in printed
    code, each, _ = await desk.dead("list", "--each")
    code, as_json, _ = await desk.dead("list", "--each", "--json")
    for shown in (printed, each, as_json):
        assert "79161234567" not in shown
        assert "123456-42" not in shown, "a chat's key stands for a person"


async def test_letters_are_chosen_by_what_an_operator_knows_of_them(desk: Desk) -> None:
    broadcast = uuid4()
    first, second = said(), outbound(priority="bulk", broadcast_id=broadcast)
    third = notice(kind="organiser-message", message_id=broadcast)
    await desk.set_aside(first, stored_inbound(first), reason="bug: KeyError")
    await desk.set_aside(
        second, second.route(), reason="gave up: telegram-500", origin="notifier-bulk-telegram"
    )
    await desk.set_aside(third, "notice.due", reason="bug: ValueError")

    async def ids(*arguments: str) -> list[str]:
        return [letter["id"] for letter in await desk.listed(*arguments)]

    one, two, three = (str(message.id) for message in (first, second, third))
    assert await ids() == [one, two, three]
    assert await ids("--reason", "bug:") == [one, three]
    assert await ids("--origin", "notifier-bulk-telegram") == [two]
    assert await ids("--subject", "inbound") == [one]
    assert await ids("--subject", "bulk.bulk") == [two]
    assert await ids("--subject", "in") == []
    assert await ids("--broadcast", str(broadcast)) == [two, three]
    assert await ids("--id", one, "--id", "3") == [one, three]
    assert await ids("--since", "1h", "--reason", "gave up") == [two]
    assert await ids("--since", "2100-01-01") == []


async def test_only_who_asks_for_one_letter_sees_what_the_person_wrote(desk: Desk) -> None:
    message = said()
    await desk.set_aside(message, stored_inbound(message), reason="нет поля «имя»")
    code, printed, beside = await desk.dead("show", str(message.id))
    assert code == 0
    assert WORDS in printed
    assert "Turnout-Reason: нет поля «имя»" in printed
    assert "for your eyes" in beside
    code, printed, beside = await desk.dead("show", "99")
    assert (code, printed) == (1, "")
    assert "there is no letter 99" in beside


async def test_a_redrive_goes_to_the_chat_s_tail_oldest_first_under_a_new_message_id(
    desk: Desk,
) -> None:
    messages = [said(str(n)) for n in range(3)]
    for message in messages:
        await desk.set_aside(message, stored_inbound(message))
    waiting = said("waiting")
    await desk.broker.publish(waiting)

    code, printed, _ = await desk.dead("redrive", "--reason", "bug:", "--per-second", "50")
    assert code == 0, printed
    assert printed == "3 sent again\n"
    stored = await desk.stored_with_headers("INBOUND")
    expected = [str(message.id) for message in (waiting, *messages)]
    assert [body["id"] for body, _ in stored] == expected
    new = [headers["Nats-Msg-Id"] for _, headers in stored[1:]]
    assert len({*new, *expected}) == 7, "the broker must not take them for what it had before"
    assert [headers["Turnout-Id"] for _, headers in stored[1:]] == expected[1:]
    assert await desk.left() == 0


async def test_killed_after_a_publish_it_sends_nothing_twice(desk: Desk) -> None:
    messages = [said(str(n)) for n in range(4)]
    for message in messages:
        await desk.set_aside(message, stored_inbound(message))

    planted = {"TURNOUT_TEST": "1", "TURNOUT_CRASH_AT": "dead.after-publish:2"}
    code, _, _ = await desk.dead("redrive", "--all", **planted)
    assert code == -signal.SIGKILL
    assert len(await desk.stored("INBOUND")) == 2
    assert await desk.left() == 3, "what was not taken out is still there"

    code, printed, _ = await desk.dead("redrive", "--all")
    assert code == 0
    assert printed.splitlines() == [
        "2 sent again",
        "1 were sent by an earlier run, and are taken out now",
    ]
    assert [body["id"] for body in await desk.stored("INBOUND")] == [str(m.id) for m in messages]
    assert await desk.left() == 0


async def test_what_dies_again_at_once_is_not_sent_again_in_the_same_run(desk: Desk) -> None:
    calls = 0

    async def handle(_message: NoticeDue) -> None:
        nonlocal calls
        calls += 1
        raise Reject("still wrong")

    service = Service("tester", ServiceSettings(nats_url=desk.url))
    service.on(CONVERSATION_NOTICE_DUE, NoticeDue, handle)
    app = service.build()
    for _ in range(3):
        await desk.set_aside(notice(), "notice.due")
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        code, printed, _ = await desk.dead("redrive", "--all", "--per-second", "5")
        await eventually(lambda: calls == 3)
    assert (code, printed) == (0, "3 sent again\n")
    assert {letter["reason"] for letter in await desk.listed()} == {"still wrong"}
    # And they are found by their own ids, not by those that the broker knew them by.
    bodies = {body["id"] for body in await desk.stored("DEAD")}
    assert {letter["id"] for letter in await desk.listed()} == bodies


async def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    message = said()
    await desk.set_aside(message, stored_inbound(message))
    assert (await desk.dead("redrive", "--all", "--dry-run"))[:2] == (0, "1 would be sent again\n")
    assert await desk.stored("INBOUND") == []
    assert await desk.left() == 1


async def test_what_has_no_way_back_stays_and_it_says_why(desk: Desk) -> None:
    await desk.broker.set_aside(
        "webhook.whatsapp", b"{", reason="1 unreadable: x", id="w", origin="gateway"
    )
    await desk.broker.set_aside(
        "outbound.reply.telegram.7.x", b"{}", reason="r", id="o", origin="n"
    )
    code, printed, _ = await desk.dead("redrive", "--all")
    assert code == 1
    assert "0 sent again" in printed
    assert "1 stay: a webhook that could not be read belongs to no chat" in printed
    assert "1 stay: this release does not understand it either" in printed
    assert await desk.left() == 2


async def test_a_redrive_keeps_its_pace(desk: Desk) -> None:
    for _ in range(6):
        await desk.set_aside(notice(), "notice.due")
    begun = time.monotonic()
    assert (await desk.dead("redrive", "--all", "--per-second", "4"))[0] == 0
    assert time.monotonic() - begun >= 5 / 4


async def test_a_long_redrive_says_how_far_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.dead.redriving.PROGRESS_SECONDS", 0.1)
    for _ in range(4):
        await desk.set_aside(notice(), "notice.due")
    chosen = await Choice().among(Letters(desk.jetstream))
    told: list[str] = []
    await redrive(desk.jetstream, chosen, Tally(4), per_second=8, say=told.append)
    assert told == ["2 of 4: 2 sent", "3 of 4: 3 sent", "4 of 4: 4 sent"]


async def test_an_interrupted_redrive_says_how_far_it_came(desk: Desk) -> None:
    for _ in range(20):
        await desk.set_aside(notice(), "notice.due")
    process = await desk.start("redrive", "--all", "--per-second", "4")
    async with asyncio.timeout(20):
        while await desk.left() > 18:
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    printed, beside = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 130
    sent = len(await desk.stored("EVENTS"))
    assert printed.decode() == f"{sent} sent again\n"
    assert beside.decode().startswith("interrupted; the rest is still there")
    assert (await desk.dead("redrive", "--all", "--per-second", "100"))[0] == 0
    assert len(await desk.stored("EVENTS")) == 20


async def test_a_broker_that_goes_away_costs_nothing(desk: Desk, nats_server: NatsServer) -> None:
    for _ in range(20):
        await desk.set_aside(notice(), "notice.due")
    process = await desk.start("redrive", "--all", "--per-second", "4")
    async with asyncio.timeout(20):
        while await desk.left() > 18:
            await asyncio.sleep(0.02)
    nats_server.kill()
    try:
        _, beside = await asyncio.wait_for(process.communicate(), 30)
    finally:
        nats_server.start()
    assert process.returncode == 2
    assert "NATS does not answer" in beside.decode()
    await eventually(lambda: desk.broker.nats.is_connected)
    assert (await desk.dead("redrive", "--all", "--per-second", "100"))[0] == 0
    bodies = await desk.stored("EVENTS")
    assert len({body["id"] for body in bodies}) == len(bodies) == 20


async def test_a_stream_that_is_full_stops_it_and_keeps_the_order(desk: Desk) -> None:
    for _ in range(3):
        await desk.set_aside(notice(), "notice.due")
    config = (await desk.jetstream.stream_info("EVENTS")).config
    config.max_msgs = 1
    await desk.jetstream.update_stream(config)
    code, printed, beside = await desk.dead("redrive", "--all", "--per-second", "50")
    assert (code, printed) == (2, "1 sent again\n")
    assert "the stream refuses the next one: maximum messages exceeded" in beside
    assert await desk.left() == 2


async def test_discarding_wants_a_reason_and_to_be_sure_and_is_remembered(desk: Desk) -> None:
    message = said()
    await desk.set_aside(message, stored_inbound(message))
    assert (await desk.dead("discard", "--all", "--yes"))[0] == 2
    code, printed, beside = await desk.dead("discard", "--all", "--because", "спам и проба")
    assert code == 1
    assert "1 dead letter" in printed
    assert "add --yes" in beside
    assert await desk.left() == 1
    code, printed, _ = await desk.dead("discard", "--all", "--because", "спам и проба", "--yes")
    assert (code, printed) == (0, "1 discarded\n")
    assert await desk.listed() == []
    (kept,) = await desk.listed("--discarded")
    assert (kept["id"], kept["discarded"]) == (str(message.id), "спам и проба")
    assert (await desk.dead("redrive", "--all"))[0] == 1, "it is gone for good"
    assert await desk.stored("DEAD") == [None], "nothing of its body is left"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["redrive"], "say which: --id, --reason"),
        (["redrive", "--all", "--reason", "bug"], "say which: --id, --reason"),
        (["discard", "--because", "x"], "say which: --id, --reason"),
        (["list", "--since", "yesterday"], "--since yesterday is neither 90m, 6h, 3d nor a date"),
        (["redrive", "--all", "--per-second", "0"], "must be above 0"),
        (["list", "--broadcast", "x"], "invalid UUID value"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    desk: Desk, arguments: list[str], sentence: str
) -> None:
    code, _, beside = await desk.dead(*arguments)
    assert code == 2
    assert sentence in beside


async def test_it_says_what_is_missing(desk: Desk) -> None:
    assert (await desk.dead("list"))[:2] == (0, "no dead letters\n")
    code, _, beside = await desk.dead("redrive", "--id", "7")
    assert (code, beside) == (1, "nothing matches\n")
    away = f"nats://user:secret@127.0.0.1:{free_port()}"
    code, _, beside = await desk.dead("list", NATS_URL=away)
    assert code == 2
    assert "does not answer" in beside
    assert "secret" not in beside
    await desk.jetstream.delete_stream("DEAD")
    code, _, beside = await desk.dead("list")
    assert code == 2
    assert "has no stream DEAD; run `./task streams`" in beside


def letter(subject: str, body: bytes = b"{}") -> Letter:
    return Letter.of(7, NOW, {"Turnout-Subject": subject}, body)


@pytest.mark.parametrize(
    ("stored", "taken"),
    [
        ("inbound.whatsapp.63.a-b", "in.whatsapp.a-b"),
        ("command.claim-seat.3.event", "command.claim-seat.event"),
        ("registration.confirmed", "registration.confirmed"),
        ("notice.due", "notice.due"),
        ("delivery.whatsapp.id", "delivery.whatsapp.id"),
    ],
)
def test_each_goes_back_to_where_its_stream_takes_it_in(stored: str, taken: str) -> None:
    assert way_back(letter(stored)).subject == taken


def test_an_outbound_message_goes_back_to_its_lane_and_names_the_act() -> None:
    message = outbound()
    for stored in ("outbound.reply.telegram.9.x", message.route(), "bulk.x", "parked.telegram.x"):
        dead = letter(stored, message.model_dump_json().encode())
        way = way_back(dead)
        assert way.subject == message.route()
        again = OutboundMessage.model_validate_json(way.body)
        assert again == message.model_copy(update={"redriven": dead.act})


def test_no_two_letters_share_an_act() -> None:
    acts = {Letter.of(number, at, {}, b"").act for number in (1, 2) for at in (NOW, _later())}
    assert len(acts) == 4
    assert all(isinstance(act, UUID) for act in acts)


def _later() -> datetime:
    return NOW.replace(year=NOW.year + 1)


@pytest.mark.parametrize("subject", ["", "nonsense", "inbound.telegram", "dead.x", "webhook.x"])
def test_what_no_stream_takes_has_no_way_back(subject: str) -> None:
    with pytest.raises(NoWayBack):
        way_back(letter(subject))


def test_every_work_queue_has_a_way_back() -> None:
    queues = [stream for stream in STREAMS if stream.retention == "workqueue"]
    for stream in queues:
        for consumer in stream.consumers:
            stored = consumer.filter_subject.replace("*", "x")
            body = outbound().model_dump_json().encode()
            assert way_back(letter(stored, body)).subject
