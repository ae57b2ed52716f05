"""What is going on with a message, in a sentence that its organiser can act on."""

from math import ceil

from sqlalchemy import RowMapping

from registry.links import Language
from registry.messages.store import stop_of
from registry.reasons import CHANNELS

_WORDS: dict[str, dict[Language, str]] = {
    "running": {
        "en": "It is being sent; about {minutes} min are left.",
        "ru": "Сообщение отправляется, осталось примерно {minutes} мин.",
    },
    "paused": {
        "en": "It is paused. Whoever was handed over in the last minute still gets it.",
        "ru": "Отправка приостановлена. Те, чья очередь подошла в последнюю минуту, ещё получат "
        "сообщение.",
    },
    "canary": {
        "en": "It stopped by itself: of the first {of} on {platform} {errors} did not get it. Look "
        "at the reasons in …/delivery, then resume or cancel it.",
        "ru": "Отправка остановлена автоматически: из первых {of} получателей ({platform}) "
        "{errors} сообщение не получили. Посмотрите причины в …/delivery и продолжите или "
        "отмените отправку.",
    },
    "errors": {
        "en": "It stopped by itself: of the last {of} on {platform} {errors} did not get it. Look "
        "at the reasons in …/delivery, then resume or cancel it.",
        "ru": "Отправка остановлена автоматически: из последних {of} получателей ({platform}) "
        "{errors} сообщение не получили. Посмотрите причины в …/delivery и продолжите или "
        "отмените отправку.",
    },
    "cancelled": {
        "en": "It was cancelled; nobody gets it any more.",
        "ru": "Отправка отменена, больше никто сообщение не получит.",
    },
    "finished": {
        "en": "It is done: everybody whose turn came has a result.",
        "ru": "Отправка завершена: для всех, до кого дошла очередь, результат известен.",
    },
    "late": {
        "en": "Its time is over: {pending} people did not get their turn.",
        "ru": "Время отправки истекло: до {pending} чел. очередь не дошла.",
    },
}


def sentence(
    message: RowMapping, states: dict[str, int], seconds_left: float | None, language: Language
) -> str:
    """What is going on with this message."""
    kind = message["status"]
    stop = stop_of(message)
    if kind == "paused" and stop is not None:
        kind = stop.because
    elif kind == "finished" and states.get("pending"):
        kind = "late"
    return _WORDS[kind][language].format(
        minutes=max(1, ceil((seconds_left or 0) / 60)),
        pending=states.get("pending", 0),
        platform=CHANNELS[stop.platform][language] if stop else "",
        errors=stop.errors if stop else 0,
        of=stop.of if stop else 0,
    )
