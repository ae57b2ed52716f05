"""What became of a message and why, in words for organisers: reason codes to sentences, as data.

The codes are those of `DeliveryReported.reason`. A code that is not here is told as it is, so that
whoever runs the installation can look it up.
"""

from registry.links import Language

Words = dict[Language, str]

CHANNELS: dict[str, Words] = {
    "telegram": {"en": "Telegram", "ru": "Telegram"},
    "whatsapp": {"en": "WhatsApp", "ru": "WhatsApp"},
    "email": {"en": "e-mail", "ru": "эл. почта"},
}

STATES: dict[str, Words] = {
    "pending": {"en": "Their turn has not come yet.", "ru": "Очередь ещё не дошла."},
    "on-the-way": {"en": "It is on its way.", "ru": "Сообщение в пути."},
    "accepted": {
        "en": "{channel} has taken it; whether it arrived is not known yet.",
        "ru": "{channel}: сообщение принято, доставлено ли оно, пока неизвестно.",
    },
    "sent": {
        "en": "{channel} has sent it to their phone; it has not arrived yet.",
        "ru": "{channel}: сообщение отправлено на телефон, но ещё не доставлено.",
    },
    "delivered": {"en": "It has arrived.", "ru": "Сообщение доставлено."},
    "read": {"en": "They have read it.", "ru": "Сообщение прочитано."},
    "in-the-chat": {"en": "It is in their chat.", "ru": "Сообщение в чате получателя."},
    "unknown": {
        "en": "The connection broke while it was sent: they may have it or not. It is not sent "
        "again, so that nobody gets it twice.",
        "ru": "Связь прервалась во время отправки: возможно, сообщение дошло, а возможно, нет. "
        "Повторно оно не отправляется, чтобы никто не получил его дважды.",
    },
    "set-aside": {
        "en": "It could not be sent and waits for an operator.",
        "ru": "Отправить не удалось, сообщение ждёт решения оператора.",
    },
    "expired": {
        "en": "Its time was over before it could be sent.",
        "ru": "Срок сообщения истёк раньше, чем его удалось отправить.",
    },
    "suppressed": {
        "en": "It was not sent on purpose ({reason}).",
        "ru": "Сообщение намеренно не отправлено ({reason}).",
    },
    "failed": {
        "en": "{channel} refused it ({reason}).",
        "ru": "{channel}: сообщение отклонено ({reason}).",
    },
    "cancelled": {
        "en": "It was cancelled before their turn came.",
        "ru": "Отправку отменили раньше, чем дошла очередь.",
    },
    "late": {
        "en": "The time for it was over before their turn came.",
        "ru": "Время отправки истекло раньше, чем дошла очередь.",
    },
}
"""By status, or where none is known by what is going on."""

_BLOCKED: Words = {
    "en": "They have blocked us on {channel}, or are not there any more.",
    "ru": "{channel}: получатель заблокировал нас или больше там не бывает.",
}
_STOPPED: Words = {
    "en": "They want no messages from organisers on {channel}.",
    "ru": "{channel}: получатель не хочет сообщений от организаторов.",
}
_WINDOW: Words = {
    "en": "They have not written on WhatsApp for a day, and then only approved texts may be sent.",
    "ru": "Получатель больше суток не писал нам в WhatsApp, а тогда там можно отправить только "
    "одобренный шаблон.",
}
_TEMPLATE: Words = {
    "en": "They have not written on WhatsApp for a day, and the text approved for that may not be "
    "used at the moment.",
    "ru": "Получатель больше суток не писал нам в WhatsApp, а одобренного шаблона для этого случая "
    "сейчас нет.",
}
_CHANNEL_STANDS: Words = {
    "en": "{channel} does not let us send at the moment; whoever runs this installation knows.",
    "ru": "{channel}: отправка сейчас закрыта, администратор системы об этом знает.",
}

_NO_MAILBOX: Words = {
    "en": "Their e-mail address does not take mail any more.",
    "ru": "Адрес электронной почты больше не принимает письма.",
}

REASONS: dict[str, Words] = {
    "blocked": _BLOCKED,
    "telegram-403": _BLOCKED,
    "whatsapp-131026": {
        "en": "WhatsApp cannot reach them: no account, an old app, or they have blocked us.",
        "ru": "WhatsApp не может доставить сообщение: нет аккаунта, старое приложение или нас "
        "заблокировали.",
    },
    "marketing-stopped": _STOPPED,
    "whatsapp-131050": _STOPPED,
    "whatsapp-131049": {
        "en": "WhatsApp lets them get no more messages of this kind today.",
        "ru": "WhatsApp сегодня больше не доставляет получателю сообщения такого рода.",
    },
    "whatsapp-130472": {
        "en": "WhatsApp holds messages of this kind back from their number.",
        "ru": "WhatsApp не доставляет на этот номер сообщения такого рода.",
    },
    "whatsapp-130497": {
        "en": "WhatsApp does not let us write to their country.",
        "ru": "WhatsApp не разрешает нам писать в эту страну.",
    },
    "window-closed": _WINDOW,
    "whatsapp-131047": _WINDOW,
    "text-unfit-for-template": {
        "en": "They have not written on WhatsApp for a day, and the text is too long for what may "
        "be sent then.",
        "ru": "Получатель больше суток не писал нам в WhatsApp, а текст слишком длинный для "
        "шаблона.",
    },
    "template-not-approved": _TEMPLATE,
    "whatsapp-132001": _TEMPLATE,
    "whatsapp-132015": _TEMPLATE,
    "whatsapp-132016": _TEMPLATE,
    "tier-limit": {
        "en": "WhatsApp lets us write to no more new people today.",
        "ru": "WhatsApp не разрешает нам сегодня писать новым людям.",
    },
    "newer-notice": {
        "en": "Something newer took its place, or it was cancelled.",
        "ru": "Вместо него отправлено более новое, или его отменили.",
    },
    "not-any-more": {
        "en": "When their turn came it did not concern them any more: they had given up their "
        "place, asked for silence, or it was cancelled.",
        "ru": "Когда дошла очередь, это их уже не касалось: они отменили запись, отключили "
        "сообщения или отправку отменили.",
    },
    "too-late": STATES["expired"],
    "no-address": {
        "en": "We know no chat of theirs: an organiser registered them.",
        "ru": "У нас нет их чата: запись сделал организатор.",
    },
    "answer-lost": STATES["unknown"],
    "email-550": _NO_MAILBOX,
    "email-5.1.1": _NO_MAILBOX,
    "email-5.2.1": _NO_MAILBOX,
    "email-5.2.2": {"en": "Their mailbox is full.", "ru": "Почтовый ящик переполнен."},
    "no-mail-server": {
        "en": "This installation sends no e-mail.",
        "ru": "В этой системе отправка писем не настроена.",
    },
    "no-token": _CHANNEL_STANDS,
    "no-token-for-account": _CHANNEL_STANDS,
}

_PASSED_ON: Words = {
    "en": "{first} So it went another way: {channel}. {then}",
    "ru": "{first} Поэтому отправили иначе: {channel}. {then}",
}
_TWICE: Words = {
    "en": "They may have got it twice.",
    "ru": "Возможно, сообщение пришло дважды.",
}

PERSONAL = (
    *("telegram-403", "whatsapp-131026", "whatsapp-130497", "whatsapp-131049"),
    *("whatsapp-131050", "whatsapp-130472"),
    *("email-550", "email-5.1.1", "email-5.2.1", "email-5.2.2"),
)
"""Refusals that are about the one person: nothing is wrong with the message."""


def explain(
    state: str,
    reason: str | None,
    channel: str | None,
    language: Language,
    *,
    passed_on_because: str | None = None,
    repeated: bool = False,
) -> str:
    """What became of somebody's message, and why.

    Args:
        state: a status of `DeliveryStatus`, or another key of `STATES`.
        reason: the code that was reported with it.
        channel: the platform that it is about.
        language: of the sentences.
        passed_on_because: the code of why the way before did not reach them.
        repeated: it may have been sent twice.
    """
    if state == "accepted" and channel == "telegram":
        # Telegram says no more than this; what it has taken is in the chat.
        state = "in-the-chat"
    said = _because(state, reason, channel, language)
    if passed_on_because is not None:
        said = _PASSED_ON[language].format(
            first=_because("failed", passed_on_because, None, language),
            channel=_name(channel, language),
            then=said,
        )
    return f"{said} {_TWICE[language]}" if repeated else said


def _because(state: str, reason: str | None, channel: str | None, language: Language) -> str:
    words = STATES[state]
    if state in ("failed", "suppressed", "expired") and reason in REASONS:
        words = REASONS[reason]
    on = channel or (reason or "").partition("-")[0]
    return words[language].format(channel=_name(on, language), reason=reason or state)


def _name(channel: str | None, language: Language) -> str:
    known = CHANNELS.get(channel or "")
    if known is None:
        return "the messenger" if language == "en" else "мессенджер"
    return known[language]
