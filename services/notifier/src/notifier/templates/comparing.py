"""Our files against what Meta has of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from notifier.templates.catalogue import (
    LANGUAGE_CODES,
    LANGUAGES,
    Language,
    TemplateFile,
)
from notifier.templates.graph import Listed

MISSING = "missing"
APPROVED = "approved"
UNDER_WAY = frozenset({APPROVED, "pending", "in_appeal"})
"""What is as it should be, or will be without anybody's doing."""
REMEDIES: Mapping[str, str] = {
    MISSING: "./task templates -- submit",
    "pending": "wait; Meta's review takes from minutes to a day",
    "in_appeal": "wait; Meta looks at it again",
    "rejected": "see the reason in Meta's manager, change the file, and submit it under a new name",
    "paused": "people reported it; Meta takes it up again by itself after 3 or 6 hours",
    "disabled": "people reported it too often; change the file and submit it under a new name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One template in one language, in one account."""

    name: str
    language: Language
    status: str
    """Meta's word in lower case, or `missing`."""
    reason: str | None = None
    """Why it was rejected, in Meta's word for it."""
    differs: tuple[str, ...] = ()
    """What Meta has otherwise than our file: body, buttons, category."""

    @property
    def remedy(self) -> str | None:
        """What to do about it; None when there is nothing to do."""
        if self.status != APPROVED:
            return REMEDIES.get(self.status, "see it in Meta's manager")
        if self.differs:
            return "make Meta's words those of the file in its manager, or the file's those of Meta"
        return None


def compare(files: Iterable[TemplateFile], listed: Iterable[Listed]) -> list[Standing]:
    """Every template of ours in every language, as the account has it."""
    known = {(one.name, one.language): one for one in listed}
    return [
        _standing(template, language, known.get((template.name, LANGUAGE_CODES[language])))
        for template in files
        for language in LANGUAGES
    ]


def _standing(template: TemplateFile, language: Language, found: Listed | None) -> Standing:
    if found is None:
        return Standing(name=template.name, language=language, status=MISSING)
    return Standing(
        name=template.name,
        language=language,
        status=found.status,
        reason=found.rejected_reason,
        differs=tuple(_differences(template, language, found)),
    )


def _differences(template: TemplateFile, language: Language, found: Listed) -> Iterable[str]:
    if found.category != template.category:
        yield "category"
    if template.category == "authentication":
        # Its words are Meta's own, in the language of the account's choice.
        return
    if _squeezed(found.body) != _squeezed(template.wording(language).body):
        yield "body"
    if found.buttons != tuple(button.label(language) for button in template.buttons):
        yield "buttons"


def _squeezed(body: str) -> str:
    # Meta trims lines; nobody would see the difference.
    return re.sub(r"[ \t]*\n[ \t]*", "\n", body.strip())
