"""Nobody can be recognised in a transcript: names, addresses and numbers become stand-ins."""

import re
from collections.abc import Iterable
from itertools import count

from conversation.dialogue.digits import code_said_in
from conversation.dialogue.domains import COMMON_DOMAINS
from conversation.dialogue.people import suggested_email
from conversation.replay.people import CODE
from conversation.replay.transcript import Transcript, Turn

STAND_INS = {
    "latin": ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gina", "Hugo"),
    "cyrillic": ("Анна", "Борис", "Вера", "Глеб", "Дина", "Егор", "Жанна", "Захар"),
}
FAMILY = {"latin": "Example", "cyrillic": "Пример"}
"""Every stand-in for a person is of this family, and nobody else."""

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_STAND_IN_EMAIL = re.compile(
    r"ann\d*@[\w.-]+|[\w.+-]+@(?:[\w-]+\.)*example(?:\.\w+)?", re.IGNORECASE
)
PHONE = re.compile(r"(?<![\w.])\+?\d[\d ()-]{7,17}\d(?![\w.])")
DIGITS_MIN = 9
"""However they are grouped; a date has eight."""
_STAND_IN_PHONE = re.compile(r"\d{1,3}0{6,}\d{1,2}")
_DIGITS = re.compile(r"\D")
PART_CHARACTERS_MIN = 3
"""A shorter part of a name is a word like any other."""


def is_stand_in(name: str) -> bool:
    """Whether this names nobody."""
    return not name or name.rsplit(maxsplit=1)[-1] in FAMILY.values()


def offences(transcript: Transcript, names: Iterable[str]) -> list[str]:
    """Where somebody may be recognised, never quoting it.

    Args:
        transcript: what is looked at.
        names: what the person was called when it was played.
    """
    found = []
    if not all(is_stand_in(name) for name in names):
        found.append("a name: call people Ann Example or Анна Пример")
    if transcript.phone is not None and not _tells_of_nobody(transcript.phone):
        found.append("a phone number: write +440000000001")
    for number, turn in enumerate(transcript.turns, start=1):
        for text in _texts(turn):
            if any(not _STAND_IN_EMAIL.fullmatch(one) for one in EMAIL.findall(text)):
                found.append(f"turn {number}: an e-mail address: write ann@example.org")
            if any(not _tells_of_nobody(one) for one in PHONE.findall(text)):
                found.append(f"turn {number}: a phone number: write +440000000001")
    return list(dict.fromkeys(found))


class Redaction:
    """Stand-ins for one chat; the same person has the same one everywhere."""

    def __init__(self, names: Iterable[str]) -> None:
        self._emails: dict[str, str] = {}
        self._phones: dict[str, str] = {}
        self._names: dict[str, str] = {}
        numbers = count()
        # Longer names first, so that none is replaced inside of another.
        for name in sorted({one for one in names if one.strip()}, key=len, reverse=True):
            if not is_stand_in(name):
                self._names[name] = _name(name, next(numbers))
        for name, stand_in in [*self._names.items()]:
            first = stand_in.split()[0]
            for part in name.split():
                if len(part) >= PART_CHARACTERS_MIN:
                    self._names.setdefault(part, first)

    def of(self, transcript: Transcript) -> Transcript:
        """The transcript without anybody in it."""
        changed: dict[str, object] = {
            field: self.of_text(text)
            for field in ("name", "phone")
            if (text := getattr(transcript, field)) is not None
        }
        changed["turns"] = tuple(self._of_turn(turn) for turn in transcript.turns)
        return transcript.model_copy(update=changed)

    def of_text(self, text: str) -> str:
        """One text without anybody in it."""
        text = EMAIL.sub(lambda found: self._email(found[0]), text)
        text = PHONE.sub(lambda found: self._phone(found[0]), text)
        for name, stand_in in self._names.items():
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", stand_in, text, flags=re.IGNORECASE)
        return text

    def _of_turn(self, turn: Turn) -> Turn:
        changed: dict[str, object] = {
            field: self.of_text(text)
            for field in ("says", "taps", "edits")
            if (text := getattr(turn, field)) is not None
        }
        if turn.says is not None and code_said_in(turn.says) is not None:
            changed["says"] = CODE  # what a replay knows
        if turn.hears is not None:
            changed["hears"] = tuple(
                heard.model_copy(
                    update={
                        "text": self.of_text(heard.text),
                        "choices": tuple(map(self.of_text, heard.choices)),
                    }
                )
                for heard in turn.hears
            )
        return turn.model_copy(update=changed)

    def _email(self, email: str) -> str:
        if _STAND_IN_EMAIL.fullmatch(email):
            return email
        # A slip in the domain is what many chats are about, and tells of nobody.
        local, _, domain = email.casefold().rpartition("@")
        telling = domain not in COMMON_DOMAINS and suggested_email(email) is None
        stand_in = self._emails.setdefault(local, f"ann{len(self._emails) + 1}")
        return f"{stand_in}@{'example.org' if telling else domain}"

    def _phone(self, phone: str) -> str:
        digits = _DIGITS.sub("", phone)
        if _tells_of_nobody(phone):
            return phone
        # The country stays: the language is guessed from it.
        country = digits[0] if digits[0] in "17" else digits[:2]
        return self._phones.setdefault(digits, f"+{country}00000000{len(self._phones) + 1:02}")


def _tells_of_nobody(phone: str) -> bool:
    digits = _DIGITS.sub("", phone)
    return len(digits) < DIGITS_MIN or _STAND_IN_PHONE.fullmatch(digits) is not None


def _name(name: str, number: int) -> str:
    script = "cyrillic" if re.search("[а-яё]", name, re.IGNORECASE) else "latin"
    given = STAND_INS[script][number % len(STAND_INS[script])]
    return f"{given} {FAMILY[script]}"


def _texts(turn: Turn) -> list[str]:
    said = [text for text in (turn.says, turn.taps, turn.edits) if text is not None]
    for heard in turn.hears or ():
        said += [heard.text, *heard.choices]
    return said
