"""What the conversation does with what it hears."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import ParamSpec
from uuid import UUID

from contracts import (
    Address,
    ChatForgotten,
    ChatMoved,
    CommandOutcome,
    FindNotice,
    FindNoticeToPerson,
    InboundItem,
    InboundMessage,
    MoveIdentity,
    NoticeAnswer,
    NoticeDue,
    NoticeToPersonAnswer,
    NoticeToPersonDue,
    OutboundMessage,
    PersonForgotten,
    derived_id,
)
from conversation import notices, notices_to_persons
from conversation.dialogue import (
    FactMissing,
    Facts,
    Heard,
    Owed,
    State,
    Step,
    is_ignored,
    new_chat,
    step,
)
from conversation.floods import Floods
from conversation.forgetting import known_by, told_elsewhere
from conversation.reach import change_told_by
from conversation.registry import Registry
from conversation.store import Chats
from conversation.texts import texts
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.documents import Conflict
from runtime.failures import Retry
from runtime.faults import broken, crash_point, slow_point
from runtime.metrics import counter

CONFLICTS_MAX = 5
CONFLICT_RETRY_SECONDS = 0.5
FACTS_MAX = 64
"""Questions in one step; one thing said needs eight at most, and five may have been kept."""
PUBLISHED_REMEMBERED_MAX = 10_000

_inputs = counter("turnout_inputs_total", "What people did, by what became of it.", ("result",))

Taken = ParamSpec("Taken")


class Handlers:
    """Load, decide, save, say."""

    def __init__(self, broker: Broker, chats: Chats, registry: Registry, clock: Clock) -> None:
        self._broker = broker
        self._chats = chats
        self._registry = registry
        self._clock = clock
        self._published: OrderedDict[UUID, None] = OrderedDict()
        self._floods = Floods()

    async def hear(self, item: InboundItem) -> None:
        """A person said something, the answer to the person's wish is here, or they are to be
        forgotten.
        """
        if isinstance(item, ChatForgotten):
            await self._uncontended(self._forget, item)
            return
        if isinstance(item, InboundMessage) and isinstance(item.content, ChatMoved):
            await self._uncontended(self._move, item, item.content.previous)
            await self._tell_reach(item)
            return
        if is_ignored(item):
            await self._tell_reach(item)
            _inputs.labels(result="ignored").inc()
            return
        if isinstance(item, InboundMessage) and self._floods.covers(item, self._clock.now()):
            _inputs.labels(result="shed").inc()
            return
        await self._uncontended(self._take_in, item)

    async def _uncontended(
        self, work: Callable[Taken, Awaitable[str]], *args: Taken.args, **kwargs: Taken.kwargs
    ) -> None:
        for _ in range(CONFLICTS_MAX):
            with suppress(Conflict):  # somebody else was faster: decide anew on what they wrote
                _inputs.labels(result=await work(*args, **kwargs)).inc()
                return
        raise Retry("the chat's document is contended", CONFLICT_RETRY_SECONDS)

    async def _take_in(self, item: Heard) -> str:
        chat = await self._chats.load(
            item, partial(self._tell_who_it_is, item, number_changed=False)
        )
        if chat.address != item.address:
            item = item.model_copy(update={"address": chat.address})
        document, now = chat.document, self._clock.now()
        if document.has_seen(item.id) and not broken("dedup"):
            await self._chats.confirm(chat.stored)
            await self._answer(item, document.owed_for(item.id))
            return "repeated"
        if isinstance(item, CommandOutcome):
            self._registry.expect_news()
        await slow_point()
        taken = await self._decide(document.state, item, now)
        if taken.shed and not taken.owed:
            # One too many in a flood: the first costs one look at the document, the others none.
            self._floods.note(item.address, document.state)
            return "shed"
        for earlier_id, owed in document.pending(now, self._published).items():
            await self._chats.confirm(chat.stored)
            await self._publish(earlier_id, owed)
        crash_point("conversation.before-cas")
        after = document.after(item.id, taken.state, taken.owed, now)
        if _begins_anew(document.state, item):
            after = after.begun(item.occurred_at)
        await self._chats.save(chat, after)
        crash_point("conversation.after-cas")
        await self._answer(item, taken.owed)
        crash_point("conversation.after-publish")
        return "shed" if taken.shed else "answered"

    async def _move(self, told: InboundMessage, previous: str) -> str:
        # A scoped id is never given to anybody else; a number that the person gave up is.
        number_changed = previous != told.sender.phone
        given_up = previous.isdecimal() and number_changed
        before = told.address.model_copy(update={"chat_id": previous})
        if await self._chats.knows(before):
            await self._tell_who_it_is(told, before, number_changed=number_changed)
            crash_point("conversation.after-telling-who")
        await self._chats.move(before, told.address, left_at=told.sent_at if given_up else None)
        return "moved"

    async def _forget(self, item: ChatForgotten) -> str:
        """Forget a chat; whatever is cut short is done by the next repetition."""
        found = [
            (stored, document, document and document.since(item.at))
            for stored in await self._chats.places(item.address)
            for document in (stored.document,)
        ]
        going = [one for one in found if one[1] is None or one[1] != one[2]]
        for stored, document, _ in going:
            if document is None or document.moved_to is not None or not item.elsewhere:
                continue
            # Once: when this is repeated, there is nothing any more that it could be said from.
            await self._chats.confirm(stored)
            told = told_elsewhere(item, stored.address, document.state, self._clock.now())
            await self._broker.publish(told)
        crash_point("conversation.before-forgetting")
        is_back = any(left for _, _, left in found)
        for stored, document, left in found:
            await self._broker.forget_dead(
                stored.address,
                mentions=known_by(stored.address, None if document == left else document),
                before=item.at if is_back else None,
            )
        for stored, _, left in going:
            await self._chats.forget(stored, left)
            crash_point("conversation.after-forgetting")
        return "forgotten"

    async def _tell_who_it_is(self, told: Heard, before: Address, *, number_changed: bool) -> None:
        """Tell the registry of a move, before anything is said from where the chat is then.

        It is true whether or not the chat then moves, and has the same id when it comes again.
        """
        assert isinstance(told, InboundMessage), "only people tell by which ids they are known"
        if broken("following"):
            return
        await self._broker.publish(
            MoveIdentity(
                id=derived_id(told.id, "identity"),
                occurred_at=told.occurred_at,
                correlation_id=told.correlation_id,
                chat=told.address,
                previous=before.chat_id,
                at=told.sent_at,
                number_changed=number_changed,
                phone=told.sender.phone,
            )
        )

    async def apologise(self, item: InboundItem, _reason: str) -> None:
        """What the person said could not be answered and is set aside: nobody is left waiting."""
        if isinstance(item, ChatForgotten) or is_ignored(item):
            return
        language = new_chat(item).language
        await self._broker.publish(
            OutboundMessage(
                id=derived_id(item.id, "dead"),
                occurred_at=self._clock.now(),
                correlation_id=item.correlation_id,
                address=item.address,
                priority="reply",
                language=language,
                text=texts(language).say("conversation.failed"),
                heard_at=item.sent_at if isinstance(item, InboundMessage) else None,
            )
        )

    async def tell(self, notice: NoticeDue) -> None:
        """A reminder or news of an event is due for one person."""
        answer = await self._broker.ask(
            FindNotice(
                kind=notice.kind,
                registration_id=notice.registration_id,
                event_version=notice.event_version,
                message_id=notice.message_id,
            )
        )
        assert isinstance(answer, NoticeAnswer)
        message = notices.render(notice, answer)
        now = self._clock.now()
        if message is None:
            await self._broker.publish(notices.untold(notice, "suppressed", "not-any-more", now))
        elif now >= notice.expires_at:
            await self._broker.publish(notices.untold(notice, "expired", "too-late", now))
        else:
            await self._broker.publish(message)

    async def tell_person(self, notice: NoticeToPersonDue) -> None:
        """A code was asked for, or another messenger joined a person or was parted from them.

        What is not due any more is let go without a word: nobody waits for its result, as the
        registry does with a notice of an event.
        """
        answer = await self._broker.ask(
            FindNoticeToPerson(kind=notice.kind, about=notice.about, recipient=notice.recipient)
        )
        assert isinstance(answer, NoticeToPersonAnswer)
        message = notices_to_persons.render(notice, answer, self._clock.now())
        if message is not None:
            await self._broker.publish(message)

    async def _decide(self, state: State, item: Heard, now: datetime) -> Step:
        facts = Facts()
        for _ in range(FACTS_MAX):
            try:
                return step(state, item, facts, now)
            except FactMissing as missing:
                known = await self._registry.answer(missing.query)
                if known is None:
                    facts = facts.with_answer(missing.query, None)
                else:
                    facts = facts.with_answer(missing.query, known.answer, known.last_known_at)
        raise AssertionError("a step asks for more than it can need")

    async def _answer(self, item: Heard, owed: tuple[Owed, ...]) -> None:
        """Say what is owed for something; when that is nothing, that the person was heard."""
        await self._publish(item.id, owed)
        if not any(isinstance(message, OutboundMessage) for message in owed):
            await self._tell_reach(item)

    async def _tell_reach(self, item: Heard) -> None:
        change = change_told_by(item)
        if change is not None:
            await self._broker.publish(change)

    async def _publish(self, input_id: UUID, owed: tuple[Owed, ...]) -> None:
        for message in owed:
            await self._broker.publish(message)
        self._published[input_id] = None
        self._published.move_to_end(input_id)
        if len(self._published) > PUBLISHED_REMEMBERED_MAX:
            self._published.popitem(last=False)


def _begins_anew(state: State, item: Heard) -> bool:
    """Whether nothing of the state is left after it: the wish to be forgotten came true.

    One that the chat does not wait for any more is told, and changes nothing.
    """
    return (
        isinstance(item, CommandOutcome)
        and isinstance(item.outcome, PersonForgotten)
        and state.waiting is not None
        and state.waiting.command_id == item.command_id
    )
