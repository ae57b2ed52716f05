"""One turn of a chat: what was said, all that is known, and what is said in return."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    Address,
    CancelRegistration,
    ChangePreferences,
    ClaimSeat,
    DisownLink,
    Document,
    DropTransfer,
    ForgetPerson,
    ProveEmail,
    RequestCode,
    Sender,
    Unlink,
    derived_id,
)
from contracts.outbound import CHOICES_MAX
from conversation.dialogue.facts import Facts
from conversation.dialogue.state import Context, Offer, Stage, State
from conversation.texts import Texts, texts

PAGE_ROWS = 8
"""With a row for the next page and one for the last there are 10 in all (platforms.md C)."""

T = TypeVar("T")

ChatCommand = (
    ClaimSeat
    | CancelRegistration
    | AcceptOffer
    | AcceptTransfer
    | DropTransfer
    | ProveEmail
    | Unlink
    | DisownLink
    | ForgetPerson
)
"""What a chat may ask the registry for, and waits for the outcome of."""
ByTheWay = ChangePreferences | RequestCode
"""What the registry is told without an outcome."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is to be said, before it becomes a message."""

    text: str
    offers: tuple[Offer, ...] = ()
    choices_label: str | None = None
    document: Document | None = None

    def led_by(self, sentence: str) -> "Prompt":
        """The same with a sentence before it, in one bubble."""
        return replace(self, text=f"{sentence}\n\n{self.text}")


@dataclass(frozen=True, slots=True)
class Reply:
    """How a turn ends."""

    state: State
    prompt: Prompt | None
    command: ChatCommand | None = None
    """The one whose outcome the chat waits for."""
    beside: tuple[ByTheWay, ...] = ()
    """What the registry is told by the way: the chat is answered at once and waits for nothing."""

    def led_by(self, sentence: str) -> "Reply":
        """The same with a sentence before what is said, in one bubble."""
        prompt = Prompt(sentence) if self.prompt is None else self.prompt.led_by(sentence)
        return replace(self, prompt=prompt)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a decision is made from."""

    state: State
    cause: UUID
    """The id of what was said; the ids of what it brings about are derived from it."""
    correlation_id: UUID
    address: Address
    sender: Sender
    facts: Facts
    now: datetime
    provider_id: str | None = None
    """The platform's id of what was said; the answer is one to it."""
    aside: bool = False
    """The chat stays where it is, whatever this turn says: no question may be opened in it."""

    @property
    def texts(self) -> Texts:
        """The texts in the person's language."""
        return texts(self.state.language)

    @property
    def new_token(self) -> str:
        """The name of a question that is opened in this turn."""
        return derived_id(self.cause, "question").hex[:8]

    def say(self, key: str, **values: object) -> str:
        """See `Texts.say`."""
        return self.texts.say(key, **values)

    def count(self, key: str, number: int, **values: object) -> str:
        """See `Texts.count`."""
        return self.texts.count(key, number, **values)

    def on(self, state: State) -> "Turn":
        """The same turn in a changed chat."""
        return replace(self, state=state)

    def at(self, stage: Stage, context: Context | None = None) -> "Turn":
        """The same turn with the chat at another stage, by default with nothing begun."""
        return self.on(self.state.at(stage, context or Context()))

    def ends(self, prompt: Prompt) -> Reply:
        """End the turn with this prompt."""
        return Reply(self.state, prompt)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list that fits the messengers' lists."""

    items: tuple[T, ...]
    number: int
    count: int

    @classmethod
    def of(
        cls, items: Sequence[T], number: int, *, rows_taken: int = 0, taken_at_first: int = 0
    ) -> "Page[T]":
        """Page `number`, from 1; one that does not exist becomes the nearest.

        Args:
            items: all that is listed.
            number: which part of it.
            rows_taken: for other choices, on every page.
            taken_at_first: for those on the first page alone, where no row leads back. They do not
                count for a page, or going on would leave out what the first page had no room for.
        """
        if len(items) <= CHOICES_MAX - rows_taken - taken_at_first:
            return cls(tuple(items), 1, 1)
        rows = PAGE_ROWS - rows_taken
        count = -(-len(items) // rows)
        number = min(max(number, 1), count)
        return cls(tuple(items[(number - 1) * rows : number * rows]), number, count)

    def offers(self, turn: Turn, verb: str) -> tuple[Offer, ...]:
        """The rows that lead to the neighbours."""
        offers = []
        if self.number > 1:
            label = turn.say("button.previous-page")
            offers.append(Offer(id=f"{verb}:{self.number - 1}", label=label, role="previous"))
        if self.number < self.count:
            label = turn.say("button.next-page")
            offers.append(Offer(id=f"{verb}:{self.number + 1}", label=label, role="next"))
        return tuple(offers)


def page_number(argument: str) -> int:
    """The page that a choice names; 1 when it names none."""
    return int(argument) if argument.isascii() and argument.isdigit() else 1
