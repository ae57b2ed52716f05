"""What Meta refuses in a template, as far as it says so; checked before anything is submitted.

Documented ("Template components", "Message templates" of Meta's WhatsApp documentation): name of
lower-case letters, digits, underscores, at most 512; body at most 1,024; quick reply at most 25;
parameters numbered without gaps, with an example each; none at the start or the end of the body
(error 100, subcode 2388299 "Leading or trailing params not allowed").

Not documented as a number: how many words a parameter needs around it (subcode 2388293, "too many
variables for its length"); several providers give `2 x parameters + 1`. How many quick replies: ten
are documented, three are shown without a list. Whether two parameters may stand side by side:
reviewers refuse it. Emoji, line breaks and formatting in buttons: refused by the form in Meta's
manager.
"""

import re
import unicodedata
from collections.abc import Iterator

from notifier.templates.catalogue import LANGUAGES, PLACEHOLDER, Language, TemplateFile, Wording

NAME = re.compile(r"[a-z0-9_]{1,512}")
BODY_CHARACTERS_MAX = 1024
BUTTONS_MAX = 3
BUTTON_CHARACTERS_MAX = 25
PAYLOAD_CHARACTERS_MAX = 128
"""The smaller of the two numbers that are told (platforms.md B4)."""
CODE_CHARACTERS_MAX = 15
BLANK_LINES_MAX = 1
"""Meta allows no more than two line breaks in a row."""


def problems(template: TemplateFile) -> list[str]:
    """What Meta would refuse, as sentences; empty when all is well."""
    found = list(_of_whole(template))
    for language in LANGUAGES:
        wording = template.wording(language)
        texts = _of_body(template, wording)
        found += [f"{template.name} in {language}: {problem}" for problem in texts]
        buttons = _of_buttons(template, language)
        found += [f"{template.name} in {language}: {problem}" for problem in buttons]
    return found


def _of_whole(template: TemplateFile) -> Iterator[str]:
    if not NAME.fullmatch(template.name):
        yield f"{template.name}: a name has lower-case letters, digits and underscores only"
    if len(template.buttons) > BUTTONS_MAX:
        yield f"{template.name}: at most {BUTTONS_MAX} buttons are shown without a list"
    if template.category == "authentication":
        if template.parameters != ("code",) or template.buttons:
            yield f"{template.name}: an authentication template has a code and nothing else"
        if template.code_expiration_minutes is None:
            yield f"{template.name}: say for how many minutes the code is valid"
    elif template.code_expiration_minutes is not None:
        yield f"{template.name}: only an authentication template has a code that expires"


def _of_body(template: TemplateFile, wording: Wording) -> Iterator[str]:
    body = wording.body
    if not 1 <= len(body) <= BODY_CHARACTERS_MAX:
        yield f"the body has {len(body)} characters, {BODY_CHARACTERS_MAX} are allowed"
    numbers = [int(number) for number in PLACEHOLDER.findall(body)]
    if sorted(numbers) != list(range(1, len(template.parameters) + 1)):
        yield "each parameter stands in the body once, numbered from 1 without gaps"
    if len(wording.examples) != len(template.parameters) or not all(wording.examples):
        yield "each parameter needs an example"
    if template.category == "authentication":
        # The words are Meta's, so its other rules are Meta's affair.
        return
    if re.match(r"\s*\{\{", body) or re.search(r"\}\}\W*$", body):
        yield "the body neither begins nor ends with a parameter"
    if re.search(r"\}\}\s*\{\{", body):
        yield "two parameters do not stand side by side"
    if "\n" * (BLANK_LINES_MAX + 2) in body or "\t" in body or " " * 4 in body:
        yield "no tabs, no four spaces and no two blank lines in a row"
    words = len(re.findall(r"\w+", PLACEHOLDER.sub(" ", body)))
    if words < 2 * len(numbers) + 1:
        yield f"{words} words are too few around {len(numbers)} parameters"


def _of_buttons(template: TemplateFile, language: Language) -> Iterator[str]:
    labels = [button.label(language) for button in template.buttons]
    copy_button = template.wording(language).copy_button
    if (copy_button is not None) != (template.category == "authentication"):
        yield "authentication templates, and no others, have a button that copies the code"
    labels += [copy_button] if copy_button else []
    if len(set(labels)) != len(labels):
        yield "two buttons have the same label"
    for label in labels:
        if not 1 <= len(label) <= BUTTON_CHARACTERS_MAX:
            yield f"button {label!r} is longer than {BUTTON_CHARACTERS_MAX} characters"
        if re.search(r"[\n*_~{}]", label) or any(unicodedata.category(c) == "So" for c in label):
            yield f"button {label!r} has an emoji, a line break or formatting"
