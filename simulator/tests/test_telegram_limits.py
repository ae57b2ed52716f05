"""Flood control of the Bot API."""

from __future__ import annotations

import time

from simulator_driver import Driver, calling, with_telegram

from simulator.limits import Gcra, SlidingWindow


async def test_a_fourth_message_at_once_to_one_chat_is_too_many(sim: Driver) -> None:
    ann = await sim.person("telegram")
    answers = [await sim.bot("sendMessage", chat_id=ann, text="x") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json() == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    }
    assert answers[3].headers["Retry-After"] == "1"
    stats = await sim.stats("telegram")
    assert (stats["accepted"], stats["over_limit"], stats["refused"]) == (3, 1, {"429": 1})
    assert stats["per_person_peak"] == 3


async def test_a_thirty_first_message_within_a_second_is_too_many(sim: Driver) -> None:
    people = [await sim.person("telegram") for _ in range(31)]
    began = time.monotonic()
    answers = [await sim.bot("sendMessage", chat_id=person, text="x") for person in people]
    assert time.monotonic() - began < 1.0, "the machine was too slow for this test"

    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert (await sim.stats("telegram"))["peak_per_second"] == 30


async def test_edits_and_answers_are_not_counted_as_messages(sim: Driver) -> None:
    ann = await sim.person("telegram")
    sent = (await sim.bot("sendMessage", chat_id=ann, text="0")).json()["result"]
    for turn in range(1, 8):
        answer = await sim.bot(
            "editMessageText", chat_id=ann, message_id=sent["message_id"], text=str(turn)
        )
        assert answer.status_code == 200
    assert (await sim.stats("telegram"))["edited"] == 7


async def test_in_hold_mode_a_short_flood_looks_like_latency() -> None:
    async with calling(with_telegram(flood="hold")) as sim:
        ann = await sim.person("telegram")
        began = time.monotonic()
        answers = [await sim.bot("sendMessage", chat_id=ann, text="x") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200] * 4
        assert 0.8 < time.monotonic() - began < 3


class _Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_window_allows_its_count_wherever_it_begins() -> None:
    now = _Time()
    window = SlidingWindow(2, 1.0, now)
    taken = []
    for at in (0.0, 0.9, 0.95, 1.0, 1.5, 1.9):
        now.now = 100 + at
        if window.wait_seconds() == 0:
            window.take()
            taken.append(at)
    assert taken == [0.0, 0.9, 1.0, 1.9]


def test_a_burst_borrows_from_the_future() -> None:
    now = _Time()
    pair = Gcra(6.0, 45, now)
    allowed = 0
    while pair.wait_seconds() == 0:
        pair.take()
        allowed += 1
    assert (allowed, pair.wait_seconds()) == (45, 6.0)
    now.now += 6
    assert pair.wait_seconds() == 0
    pair.take()
    assert pair.wait_seconds() == 6.0
