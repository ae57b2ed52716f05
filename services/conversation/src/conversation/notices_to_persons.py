"""What a person is told about themselves and about no event: a code, or who joined them."""

from dataclasses import dataclass
from datetime import datetime

from contracts import (
    Choice,
    NoticeToPersonAnswer,
    NoticeToPersonDue,
    NoticeToPersonKind,
    OutboundMessage,
    Template,
    derived_id,
)
from contracts.people import CODE_MINUTES
from conversation.dialogue.parting import MESSENGERS
from conversation.texts import Texts, texts


@dataclass(frozen=True, slots=True)
class _Told:
    headline: str
    text: str
    choices: tuple[Choice, ...] = ()
    template: Template | None = None


def render(
    notice: NoticeToPersonDue, answer: NoticeToPersonAnswer, now: datetime
) -> OutboundMessage | None:
    """What the person is told, or None when it is not true any more, or too late.

    A code is told by itself, without a word on whose registrations it opens: whoever is shown one
    by mistake learns nothing. It is no answer in a chat, so it needs no chat's document.
    """
    expires_at = min(notice.expires_at, answer.expires_at or notice.expires_at)
    if answer.recipient is None or now >= expires_at:
        return None
    told = _told(texts(answer.language), notice.kind, answer)
    if told is None:
        return None
    return OutboundMessage(
        id=derived_id(notice.id, 0),
        occurred_at=notice.occurred_at,
        correlation_id=notice.correlation_id,
        address=answer.recipient.address,
        email_to=answer.recipient.email_to,
        alternatives=answer.alternatives,
        priority="transactional",
        language=answer.language,
        headline=told.headline,
        text=told.text,
        choices=told.choices,
        template=told.template,
        expires_at=expires_at,
    )


def _told(words: Texts, kind: NoticeToPersonKind, answer: NoticeToPersonAnswer) -> _Told | None:
    if answer.messenger is None:
        return None
    messenger = MESSENGERS[answer.messenger]
    match kind:
        case "code":
            return _code(words, messenger, answer.code)
        case "joined":
            return _joined(words, messenger, answer)
        case "parted":
            return _Told(
                headline=words.say("person.parted-headline", messenger=messenger),
                text=words.say("person.parted", messenger=messenger),
                template=Template(name="messenger_parted", parameters=(messenger,)),
            )


def _code(words: Texts, messenger: str, code: str | None) -> _Told | None:
    if code is None:
        return None
    return _Told(
        # Without the code: a subject is shown on a locked screen, and listed by whoever looks in.
        headline=words.say("person.code-headline", messenger=messenger),
        text=words.say("person.code", code=code, messenger=messenger, minutes=CODE_MINUTES),
        template=Template(name="code", parameters=(code,)),
    )


def _joined(words: Texts, messenger: str, answer: NoticeToPersonAnswer) -> _Told:
    headline = words.say("person.joined-headline", messenger=messenger)
    text = words.say("person.joined", messenger=messenger)
    if answer.link_id is None:
        return _Told(headline, text)
    not_me = Choice(id=f"disown:{answer.link_id}", label=words.say("button.not-me"))
    warning = words.say("person.joined-not-me", button=not_me.label)
    template = Template(name="messenger_joined", parameters=(messenger,))
    return _Told(headline, f"{text}\n\n{warning}", (not_me,), template)
