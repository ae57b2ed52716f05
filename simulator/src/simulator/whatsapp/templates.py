"""Message templates: the approved texts that may be sent outside the 24-hour window."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from simulator.people import Choice
from simulator.whatsapp.errors import GraphError, invalid_parameter

TemplateStatus = Literal["APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED"]
Category = Literal["UTILITY", "MARKETING", "AUTHENTICATION"]
STATUSES: tuple[str, ...] = get_args(TemplateStatus)
CATEGORIES: tuple[str, ...] = get_args(Category)

BODY_LENGTH_MAX = 1024
BUTTON_LENGTH_MAX = 25
CODE_LENGTH_MAX = 15
PAGE_DEFAULT, PAGE_MAX = 25, 100
"""Templates in one answer."""
PRESET_CODE_BODY = "*{{1}}* is your verification code. For your security, do not share this code."
"""The words of an authentication template are Meta's own."""
ALREADY_EXISTS_SUBCODE = 2388024
EXAMPLE_MISSING_SUBCODE = 2388043
PARAMETER_AT_EDGE_SUBCODE = 2388299
TEMPLATES_MAX = 250
QUICK_REPLIES_MAX = 10
PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")
NAME = re.compile(r"[a-z0-9_]{1,512}")


@dataclass(frozen=True)
class Template:
    """One template in one language; `{{1}}` … in the body are its parameters."""

    name: str
    language: str
    body: str
    category: str = "UTILITY"
    status: str = "APPROVED"
    buttons: tuple[str, ...] = ()
    id: str = ""

    @property
    def parameter_count(self) -> int:
        """How many parameters the body needs."""
        return len(set(PLACEHOLDER.findall(self.body)))

    def as_json(self) -> dict[str, Any]:
        """As `/sim/templates` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "language": self.language,
            "category": self.category,
            "status": self.status,
            "body": self.body,
            "buttons": list(self.buttons),
        }

    def as_graph_json(self) -> dict[str, Any]:
        """As `GET /<WABA>/message_templates` shows it."""
        body: dict[str, Any] = {"type": "BODY", "text": self.body}
        if self.parameter_count:
            # Examples are part of every template with parameters; clients insist on them.
            body["example"] = {
                "body_text": [[f"example {n}" for n in range(1, self.parameter_count + 1)]]
            }
        components = [body]
        if self.category == "AUTHENTICATION":
            copy = {"type": "URL", "text": self.buttons[0], "url": "https://www.whatsapp.com/otp/"}
            components.append({"type": "BUTTONS", "buttons": [copy]})
        elif self.buttons:
            quick = [{"type": "QUICK_REPLY", "text": text} for text in self.buttons]
            components.append({"type": "BUTTONS", "buttons": quick})
        return {
            "name": self.name,
            "parameter_format": "POSITIONAL",
            "components": components,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "rejected_reason": "INVALID_FORMAT" if self.status == "REJECTED" else "NONE",
            "id": self.id,
        }


@dataclass(frozen=True)
class Rendered:
    """What a person sees of a sent template."""

    template: Template
    text: str
    choices: tuple[Choice, ...] = ()


def check_template(template: Template) -> None:
    """Raises `ValueError` with a sentence where WhatsApp would not take the template."""
    if not NAME.fullmatch(template.name):
        raise ValueError("A template's name has only lower-case letters, digits and underscores.")
    if not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", template.language):
        raise ValueError("A template's language looks like en_US or ru.")
    if template.category not in CATEGORIES:
        raise ValueError(f"A template's category is one of {', '.join(CATEGORIES)}.")
    if template.status not in STATUSES:
        raise ValueError(f"A template's status is one of {', '.join(STATUSES)}.")
    if not 1 <= len(template.body) <= BODY_LENGTH_MAX:
        raise ValueError(f"A template's body has 1 to {BODY_LENGTH_MAX} characters.")
    numbers = sorted({int(number) for number in PLACEHOLDER.findall(template.body)})
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError("A template's parameters are numbered {{1}}, {{2}} … without gaps.")
    if template.category != "AUTHENTICATION" and _has_parameter_at_edge(template.body):
        raise ValueError("A template's body neither begins nor ends with a parameter.")
    if len(template.buttons) > QUICK_REPLIES_MAX:
        raise ValueError(f"A template has at most {QUICK_REPLIES_MAX} quick replies.")
    if any(not 1 <= len(label) <= BUTTON_LENGTH_MAX for label in template.buttons):
        raise ValueError(f"A template's button has 1 to {BUTTON_LENGTH_MAX} characters.")


@dataclass
class Templates:
    """The registry of one WhatsApp business account, by name and language."""

    _templates: dict[tuple[str, str], Template] = field(default_factory=dict)
    _made: int = 0

    def all(self) -> list[Template]:
        """Every template, oldest first."""
        return list(self._templates.values())

    def put(self, template: Template) -> Template:
        """Create or replace a template; raises `ValueError` with a sentence."""
        check_template(template)
        self._made += 1
        stored = replace(template, id=str(594425479261590 + self._made))
        self._templates[template.name, template.language] = stored
        return stored

    def submit(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer of `POST /<WABA>/message_templates`; the review takes no time here."""
        template = _submitted(body)
        if (template.name, template.language) in self._templates:
            raise GraphError(
                100,
                "Invalid parameter",
                subcode=ALREADY_EXISTS_SUBCODE,
                user_message="There is already content in this language for this template.",
            )
        try:
            stored = self.put(template)
        except ValueError as error:
            raise invalid_parameter(str(error)) from error
        return {"id": stored.id, "status": stored.status, "category": stored.category}

    def set_status(self, name: str, language: str | None, status: str) -> list[Template]:
        """Approve, pause or reject a template, in one language or in all it has."""
        if status not in STATUSES:
            raise ValueError(f"A template's status is one of {', '.join(STATUSES)}.")
        changed = []
        for key, template in self._templates.items():
            if template.name == name and language in (None, template.language):
                self._templates[key] = replace(template, status=status)
                changed.append(self._templates[key])
        return changed

    def seed(self) -> None:
        """The templates that a new account has."""
        for sample in SAMPLES:
            self.put(sample)

    def approve_all(self) -> None:
        """As if nobody had paused or rejected any."""
        for key, template in self._templates.items():
            self._templates[key] = replace(template, status="APPROVED")

    def render(self, name: str, language: str, components: list[dict[str, Any]]) -> Rendered:
        """What the person sees; raises the platform's error if it cannot be sent."""
        template = self._templates.get((name, language))
        # A template that was never approved does not exist for those who send.
        if template is None or template.status in ("PENDING", "REJECTED"):
            raise GraphError(132001, details=f"template name ({name}) does not exist in {language}")
        if template.status == "PAUSED":
            raise GraphError(132015)
        if template.status == "DISABLED":
            raise GraphError(132016)
        values = _body_values(components)
        expected = template.parameter_count
        if len(values) != expected:
            raise GraphError(
                132000,
                details=f"body: number of localizable_params ({len(values)}) does not match the "
                f"expected number of params ({expected})",
            )
        is_code = template.category == "AUTHENTICATION"
        if is_code:
            _check_code(components, values[0])
        text = PLACEHOLDER.sub(lambda found: values[int(found[1]) - 1], template.body)
        if len(text) > BODY_LENGTH_MAX:
            raise GraphError(132005, details="Translated text too long")
        if is_code:
            copying = (Choice(label, copies=values[0], kind="copy") for label in template.buttons)
            return Rendered(template, text, tuple(copying))
        return Rendered(template, text, _quick_replies(template, components))


def listed(templates: list[Template], query: Mapping[str, str]) -> dict[str, Any]:
    """The answer of `GET /<WABA>/message_templates`; the summary only if it is asked for."""
    found = [
        template.as_graph_json()
        for template in templates
        if query.get("name", "") in template.name
        and query.get("language", template.language) == template.language
        and query.get("status", template.status).upper() == template.status
    ]
    start = int(query["after"]) if query.get("after", "").isdigit() else 0
    size = int(query["limit"]) if query.get("limit", "").isdigit() else PAGE_DEFAULT
    end = start + min(size, PAGE_MAX)
    paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(end)}}
    if end < len(found):
        paging["next"] = f"https://graph.facebook.com/message_templates?after={end}"
    answer: dict[str, Any] = {"data": found[start:end], "paging": paging}
    if "summary" in query:
        answer["summary"] = {
            "total_count": len(found),
            "message_template_count": len(templates),
            "message_template_limit": TEMPLATES_MAX,
            "are_translations_complete": True,
        }
    return answer


def _has_parameter_at_edge(body: str) -> bool:
    return bool(re.match(r"\s*\{\{", body) or re.search(r"\}\}\s*$", body))


def _submitted(body: dict[str, Any]) -> Template:
    """The template that a request describes; raises the platform's error if it is none."""
    for name in ("name", "language", "category", "components"):
        if not body.get(name):
            raise invalid_parameter(f"The parameter {name} is required.")
    category = str(body["category"]).upper()
    components = {
        str(component.get("type", "")).upper(): component
        for component in body["components"]
        if isinstance(component, dict)
    }
    words = components.get("BODY", {})
    text = PRESET_CODE_BODY if category == "AUTHENTICATION" else str(words.get("text", ""))
    given = (words.get("example") or {}).get("body_text") or [[]]
    if category != "AUTHENTICATION":
        if len(given[0]) != len(set(PLACEHOLDER.findall(text))):
            raise GraphError(
                100,
                "Invalid parameter",
                subcode=EXAMPLE_MISSING_SUBCODE,
                user_message="component of type BODY is missing expected field(s) (example)",
            )
        if _has_parameter_at_edge(text):
            raise GraphError(
                100,
                "Invalid parameter",
                subcode=PARAMETER_AT_EDGE_SUBCODE,
                user_message="Variables can't be at the start or end of the template.",
            )
    buttons = components.get("BUTTONS", {}).get("buttons") or []
    labels = tuple(str(button.get("text", "")) for button in buttons if isinstance(button, dict))
    return Template(str(body["name"]), str(body["language"]), text, category, buttons=labels)


def _body_values(components: list[dict[str, Any]]) -> list[str]:
    values: list[str] = []
    for component in components:
        if str(component.get("type", "")).lower() != "body":
            continue
        for parameter in component.get("parameters") or []:
            if not isinstance(parameter, dict) or parameter.get("type") != "text":
                raise GraphError(132012, details="body: Expected parameters of type text")
            value = parameter.get("text")
            if not isinstance(value, str) or not value:
                raise GraphError(131008, details="Parameter of type text is missing text value")
            if re.search(r"[\n\t]| {5}", value):
                raise invalid_parameter(
                    "Param text cannot have new-line/tab characters or more than 4 "
                    "consecutive spaces"
                )
            values.append(value)
    return values


def _check_code(components: list[dict[str, Any]], code: str) -> None:
    """The code stands in the body and, once more, in the button that copies it ("Authentication
    templates" of Meta's WhatsApp documentation); the button is one of the type URL.
    """
    if len(code) > CODE_LENGTH_MAX:
        raise invalid_parameter(f"Param text must be at most {CODE_LENGTH_MAX} characters long.")
    for component in components:
        kind, sub_type = component.get("type"), component.get("sub_type")
        if (str(kind).lower(), str(sub_type).lower()) == ("button", "url"):
            given = component.get("parameters") or [{}]
            if given[0].get("type") == "text" and given[0].get("text") == code:
                return
    raise GraphError(131008, details="buttons: Button at index 0 of type Url requires a parameter")


def _quick_replies(template: Template, components: list[dict[str, Any]]) -> tuple[Choice, ...]:
    payloads: dict[int, str] = {}
    for component in components:
        if str(component.get("type", "")).lower() == "button":
            parameters = component.get("parameters") or [{}]
            payloads[int(component.get("index", 0))] = str(parameters[0].get("payload", ""))
    return tuple(
        Choice(label, data=payloads.get(index) or label, kind="reply")
        for index, label in enumerate(template.buttons)
    )


SAMPLES = (
    Template(
        "hello_world",
        "en_US",
        "Welcome and congratulations!! This message demonstrates your ability to send a WhatsApp "
        "message notification from the Cloud API, hosted by Meta. Thank you for taking the time to "
        "test with us.",
    ),
)
"""What Meta gives to a new account; every other template is submitted."""
