"""The act around the dialogue: nothing lost, nothing doubled, nobody overtaken."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from conversation_house import House, handlers_at, house_at
from conversation_talk import ANN, ANN_SENDS, SPACE, World, a_registration, an_event, an_offer

from contracts import (
    AcceptOffer,
    ChatBlocked,
    ChoiceTapped,
    CommandOutcome,
    Content,
    DeliveryReported,
    EventPublished,
    FindNotice,
    InboundMessage,
    ListEvents,
    ListRegistrations,
    NoticeAnswer,
    NoticeDue,
    SeatClaimed,
    TextSaid,
    derived_id,
)
from conversation.handlers import Handlers
from conversation.settings import Settings
from runtime import faults
from runtime.failures import Unavailable
from runtime.testing import eventually

_numbers = itertools.count()


def item(content: Content | str) -> InboundMessage:
    number = next(_numbers)
    now = datetime.now(UTC)
    return InboundMessage(
        id=uuid5(SPACE, f"input {number}"),
        occurred_at=now,
        correlation_id=uuid5(SPACE, f"input {number}"),
        address=ANN,
        sender=ANN_SENDS,
        content=TextSaid(text=content) if isinstance(content, str) else content,
        sent_at=now,
    )


def outcome_of(command_id: UUID) -> CommandOutcome:
    return CommandOutcome(
        id=derived_id(command_id, "outcome"),
        occurred_at=datetime.now(UTC),
        correlation_id=command_id,
        address=ANN,
        command_id=command_id,
        outcome=SeatClaimed(registration=a_registration(an_event())),
    )


TO_THE_LAST_LOOK = ("/start", "1", "yes", "Ann Lee", "ann@example.com")


async def reach_the_last_look(handlers: Handlers) -> None:
    for text in TO_THE_LAST_LOOK:
        await handlers.hear(item(text))


async def test_a_whole_registration_over_the_broker(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await reach_the_last_look(handlers)
        await handlers.hear(item("confirm"))
        (claim,) = await house.claims()
        assert claim.event_id == an_event().id
        await handlers.hear(outcome_of(claim.id))
        texts = [message.text for message in await house.messages()]
        assert len(texts) == 6
        assert "You're in" in texts[-1]


async def test_a_repeated_input_publishes_the_same_ids_again(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        first = item("/start")
        await handlers.hear(first)
        revision = await house.revision(first)
        async with handlers_at(provisioned) as other_replica:
            await other_replica.hear(first)
        await handlers.hear(first)
        await eventually(lambda: len(house.published) == 3)
        assert set(house.published) == {str(derived_id(first.id, 0))}
        assert len(await house.messages()) == 1
        assert await house.revision(first) == revision


async def test_a_repeated_wish_is_one_command(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await reach_the_last_look(handlers)
        wish = item("confirm")
        for _ in range(3):
            await handlers.hear(wish)
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]


@pytest.mark.parametrize("broken", [False, True])
async def test_a_wish_repeated_late_is_not_answered_anew(provisioned: str, broken: bool) -> None:
    """Without the memory of inputs it is, which shows what the memory is for."""
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await reach_the_last_look(handlers)
        look = (await house.messages())[-1]
        wish = item(ChoiceTapped(choice_id=look.choices[0].id))
        await handlers.hear(wish)
        await handlers.hear(outcome_of(derived_id(wish.id, 0)))
        told = len(await house.messages())
        if broken:
            faults.plant(Settings(turnout_test=True, turnout_break="dedup"))
        await handlers.hear(wish)
        assert len(await house.messages()) == told + broken


async def test_the_loser_of_a_race_decides_anew_on_what_the_winner_wrote(provisioned: str) -> None:
    async with (
        house_at(provisioned) as house,
        handlers_at(provisioned) as slow,
        handlers_at(provisioned) as fast,
    ):
        for text in TO_THE_LAST_LOOK[:3]:
            await slow.hear(item(text))
        house.asked.clear()
        house.gate.clear()
        racing = asyncio.create_task(slow.hear(item("/my")))
        await eventually(lambda: house.asked)
        await fast.hear(item("/language ru"))
        house.gate.set()
        await racing
        *_, winner, loser = await house.messages()
        assert winner.text.startswith("Хорошо, говорим по-русски")
        assert loser.text.startswith("Сейчас у вас нет записей")
        # It was asked once more, because the first answer belonged to what was overwritten.
        assert house.asked == [ListRegistrations(address=ANN)] * 2


async def test_what_an_earlier_input_owes_is_published_first(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        first = item("/start")
        await handlers.hear(first)
        async with handlers_at(provisioned) as restarted:
            second = item("1")
            await restarted.hear(second)
            await eventually(lambda: len(house.published) == 3)
            answers = [str(derived_id(one.id, 0)) for one in (first, first, second)]
            assert house.published == answers
            await restarted.hear(third := item("back"))
            await eventually(lambda: len(house.published) == 4)
            assert house.published[3] == str(derived_id(third.id, 0))
        assert len(await house.messages()) == 3


async def test_what_wants_no_answer_leaves_no_trace(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        blocked = item(ChatBlocked())
        await handlers.hear(blocked)
        assert await house.revision(blocked) is None


async def test_lists_are_remembered_for_a_moment_and_personal_answers_never(
    provisioned: str,
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        for text in ("/events", "/events", "/my", "/my"):
            await handlers.hear(item(text))
        kinds = [type(query) for query in house.asked]
        assert kinds.count(ListEvents) == 1
        assert kinds.count(ListRegistrations) == 2


async def test_a_silent_registry_is_admitted_and_the_claim_kept(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await reach_the_last_look(handlers)
        confirm = (await house.messages())[-1].choices[0].id
        house.world.silent = True
        await handlers.hear(item("/my"))
        assert "can't look that up" in (await house.messages())[-1].text
        wish = item(ChoiceTapped(choice_id=confirm))
        await handlers.hear(wish)
        assert "Your request is safe" in (await house.messages())[-1].text
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]


async def test_an_input_that_is_set_aside_is_apologised_for(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await handlers.apologise(item("x"), "bug: KeyError")
        (message,) = await house.messages()
        assert "I got stuck" in message.text


def a_notice(kind: str, **fields: object) -> NoticeDue:
    now = datetime.now(UTC)
    return NoticeDue.model_validate(
        {
            "id": uuid5(SPACE, kind),
            "occurred_at": now,
            "correlation_id": uuid5(SPACE, kind),
            "kind": kind,
            "registration_id": a_registration(an_event()).id,
            "event_id": an_event().id,
            "event_version": 3,
            "expires_at": now + timedelta(hours=1),
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("kind", "words", "template", "labels"),
    [
        (
            "reminder-24h",
            "Вы придёте?",
            "event_reminder",
            ["Да, приду", "Не смогу прийти", "Мой билет"],
        ),
        ("reminder-1h", "уже скоро", "event_soon", ["Мой билет", "Отменить запись"]),
        ("event-changed", "изменения", "event_changed", ["Мой билет", "Отменить запись"]),
        ("event-cancelled", "отменено", "event_cancelled", ["Все мероприятия"]),
    ],
)
async def test_a_notice_is_told_once_in_the_person_s_language(
    provisioned: str, kind: str, words: str, template: str, labels: list[str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        registration = a_registration(an_event())
        house.notice = NoticeAnswer(address=ANN, language="ru", registration=registration)
        notice = a_notice(kind)
        await handlers.tell(notice)
        await handlers.tell(notice)
        (message,) = await house.messages("BULK")
        assert message.id == derived_id(notice.id, 0)
        assert words in message.text
        assert message.template is not None
        assert message.template.name == template
        assert message.template.parameters[0] == "PyCon"
        assert [choice.label for choice in message.choices] == labels
        assert message.expires_at == notice.expires_at
        assert (message.notice_event_id, message.notice_event_version) == (notice.event_id, 3)
        reminder = kind.startswith("reminder")
        assert message.priority == ("reminder" if reminder else "bulk")


async def test_an_offer_is_told_before_any_news_and_answered_with_a_tap(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        offer = an_offer(an_event(), until=datetime.now(UTC) + timedelta(hours=1))
        house.notice = NoticeAnswer(address=ANN, registration=offer)
        house.world.registrations = [offer]
        await handlers.tell(a_notice("seat-offered", expires_at=offer.offer_expires_at))
        (message,) = await house.messages()
        assert message.route().startswith("out.transactional.telegram.")
        wish = item(ChoiceTapped(choice_id=message.choices[0].id))
        await handlers.hear(wish)
        (command,) = await house.stored("COMMANDS")
        accept = AcceptOffer.model_validate_json(command)
        assert (accept.id, accept.registration_id) == (derived_id(wish.id, 0), offer.id)
        await handlers.hear(outcome_of(accept.id))
        ticket = (await house.messages())[-1]
        assert "You're in" in ticket.text
        assert ticket.document is not None


async def test_a_notice_that_is_not_true_any_more_or_too_late_is_a_result_and_not_told(
    provisioned: str,
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        untrue = a_notice("reminder-1h")
        await handlers.tell(untrue)
        await handlers.tell(untrue)
        registration = a_registration(an_event())
        house.notice = NoticeAnswer(address=ANN, registration=registration)
        late = datetime.now(UTC) - timedelta(seconds=1)
        await handlers.tell(a_notice("reminder-24h", expires_at=late))
        assert await house.messages("BULK") == []
        assert [type(query) for query in house.asked] == [FindNotice] * 3
        stored = await house.stored("DELIVERY")
        results = [DeliveryReported.model_validate_json(body) for body in stored]
        assert [(one.status, one.reason) for one in results] == [
            ("suppressed", "not-any-more"),
            ("expired", "too-late"),
        ]
        assert (results[0].notice_id, results[0].outbound_id) == (
            untrue.id,
            derived_id(untrue.id, 0),
        )


async def test_a_notice_waits_for_the_registry(provisioned: str) -> None:
    async with handlers_at(provisioned) as handlers:
        with pytest.raises(Unavailable, match="registry"):
            await handlers.tell(a_notice("reminder-24h"))


POINTS = ("conversation.before-cas", "conversation.after-cas", "conversation.after-publish")


@pytest.mark.parametrize("point", POINTS)
async def test_a_killed_process_loses_no_answer_and_doubles_none(
    provisioned: str, point: str
) -> None:
    async with house_at(provisioned, World()) as house:
        with a_process(provisioned, TURNOUT_CRASH_AT=f"{point}:2") as doomed:
            await house.says(item("/start"))
            await house.hears(1)
            await house.says(second := item("1"))
            ended = await asyncio.to_thread(doomed.wait, 20)
            assert ended == -signal.SIGKILL
        await house.says(third := item("yes"))
        with a_process(provisioned):
            found = await house.hears(3)
            await until_worked_off(house)
        assert [message.id for message in found[1:]] == [
            derived_id(second.id, 0),
            derived_id(third.id, 0),
        ]
        assert len(await house.messages()) == 3


async def until_worked_off(house: House) -> None:
    async with asyncio.timeout(20):
        while (await house.client.jetstream().stream_info("INBOUND")).state.messages:
            await asyncio.sleep(0.02)


def a_process(url: str, **environment: str) -> subprocess.Popen[bytes]:
    """A replica as it really runs; used as a context it is waited for."""

    class Replica(subprocess.Popen[bytes]):
        def __exit__(self, *_problem: object) -> None:
            self.terminate()
            self.wait(20)

    return Replica(
        [sys.executable, "-m", "conversation"],
        env={**os.environ, "NATS_URL": url, "TURNOUT_TEST": "1", **environment},
        stdout=subprocess.DEVNULL,
    )


async def test_news_of_an_event_makes_the_next_look_a_fresh_one(
    provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So long that only the news can end the memory within this test.
    monkeypatch.setattr("conversation.registry.FRESH_SECONDS", 3600.0)
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await handlers.hear(item("/events"))
        await handlers.hear(item("/events"))
        assert house.asked.count(ListEvents()) == 1
        now = datetime.now(UTC)
        news = EventPublished(
            id=uuid5(SPACE, "news"),
            occurred_at=now,
            correlation_id=uuid5(SPACE, "news"),
            event_id=an_event().id,
            event_version=1,
        )
        await house.client.jetstream().publish(news.route(), news.model_dump_json().encode())
        async with asyncio.timeout(10):
            while house.asked.count(ListEvents()) == 1:
                await handlers.hear(item("/events"))
