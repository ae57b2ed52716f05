"""Meta's management API for templates.

Its calls count per hour (200 for an app and account, platforms.md B5), not among the messages.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from notifier.templates.catalogue import LANGUAGE_CODES, Language, TemplateFile

API_VERSION = "23.0"
ANSWER_SECONDS_MAX = 10.0
PAGE_TEMPLATES = 100
PAGES_MAX = 20
"""More templates than Meta lets an account have (250, or 6,000 after verification, by far the most
of them somebody else's)."""
FIELDS = "name,language,status,category,components,rejected_reason"
TOO_MANY_CALLS = frozenset({4, 80007, 80008, 613})
TOKEN_INVALID = frozenset({0, 101, 102, 190})
PERMISSION_MISSING = frozenset({3, 10, *range(200, 300)})
NO_SUCH_OBJECT_SUBCODE = 33
ALREADY_EXISTS_SUBCODES = frozenset({2388024, 2388023})

JsonObject = dict[str, Any]


class Refused(Exception):
    """Meta did not do it; the message is a sentence that says why and what to do."""


class AlreadyThere(Refused):
    """There is a template of that name and language already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One template in one language, as Meta has it."""

    name: str
    language: str
    """Meta's code of it."""
    status: str
    """In lower case: approved, pending, rejected, paused, disabled, in_appeal, …"""
    category: str
    """In lower case. Meta may have changed what was asked for."""
    body: str
    buttons: tuple[str, ...] = ()
    rejected_reason: str | None = None


class TemplateApi:
    """The templates of one WhatsApp business account."""

    def __init__(
        self, http: httpx.AsyncClient, api_url: str, waba_id: str, token: SecretStr
    ) -> None:
        self._http = http
        self._url = f"{api_url.rstrip('/')}/v{API_VERSION}/{waba_id}/message_templates"
        self._token = token

    async def listed(self) -> tuple[Listed, ...]:
        """Every template of the account.

        Raises:
            Refused: Meta does not tell.
        """
        found: list[Listed] = []
        query = {"fields": FIELDS, "limit": str(PAGE_TEMPLATES)}
        for _ in range(PAGES_MAX):
            page = await self._call("GET", params=query)
            items = page.get("data")
            found += [_read(item) for item in items or () if isinstance(item, dict)]
            paging = _object(page, "paging")
            after = _object(paging, "cursors").get("after")
            if "next" not in paging or not after:
                return tuple(found)
            query["after"] = str(after)
        raise Refused(f"Meta lists more than {PAGES_MAX * PAGE_TEMPLATES} templates")

    async def create(self, template: TemplateFile, language: Language) -> str:
        """Submit a template for review; what its status is right away.

        Raises:
            AlreadyThere: somebody has submitted it before.
            Refused: Meta does not take it.
        """
        answer = await self._call("POST", json=submission(template, language))
        return str(answer.get("status", "pending")).lower()

    async def _call(self, method: str, **options: Any) -> JsonObject:
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        try:
            answer = await self._http.request(method, self._url, headers=headers, **options)
        except httpx.TimeoutException:
            raise Refused(f"Meta did not answer within {ANSWER_SECONDS_MAX:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Not the exception itself: it may name the address.
            raise Refused(
                f"Meta cannot be reached ({type(error).__name__}); look at WHATSAPP_API_URL and "
                "at the way out of this network"
            ) from None
        body: Any = None
        with suppress(ValueError):
            body = answer.json()
        if not isinstance(body, dict):
            raise Refused(f"Meta answers {answer.status_code} with something that is no JSON")
        if answer.is_success and "error" not in body:
            return body
        raise _refusal(_object(body, "error"), answer.status_code)


def client() -> httpx.AsyncClient:
    """A client for the management API; redirects are not followed, they would take the token."""
    return httpx.AsyncClient(
        timeout=ANSWER_SECONDS_MAX,
        follow_redirects=False,
        # A proxy of the environment may be the way to Meta, but never to a simulator here.
        mounts={"all://127.0.0.1": None, "all://localhost": None},
    )


def submission(template: TemplateFile, language: Language) -> JsonObject:
    """The request that creates a template."""
    wording = template.wording(language)
    components: list[JsonObject]
    if template.category == "authentication":
        # The words are Meta's; it only asks which of them are wanted.
        otp = {"type": "OTP", "otp_type": "COPY_CODE", "text": wording.copy_button}
        components = [
            {"type": "BODY", "add_security_recommendation": True},
            {"type": "FOOTER", "code_expiration_minutes": template.code_expiration_minutes},
            {"type": "BUTTONS", "buttons": [otp]},
        ]
    else:
        example = {"body_text": [list(wording.examples)]}
        components = [{"type": "BODY", "text": wording.body, "example": example}]
        if template.buttons:
            quick = [
                {"type": "QUICK_REPLY", "text": button.label(language)}
                for button in template.buttons
            ]
            components.append({"type": "BUTTONS", "buttons": quick})
    return {
        "name": template.name,
        "language": LANGUAGE_CODES[language],
        "category": template.category.upper(),
        "components": components,
    }


def _read(item: JsonObject) -> Listed:
    components = [part for part in item.get("components") or () if isinstance(part, dict)]
    by_type = {str(part.get("type", "")).upper(): part for part in components}
    buttons = _object(by_type, "BUTTONS").get("buttons") or ()
    reason = str(item.get("rejected_reason") or "NONE")
    return Listed(
        name=str(item.get("name", "")),
        language=str(item.get("language", "")),
        status=str(item.get("status", "")).lower(),
        category=str(item.get("category", "")).lower(),
        body=str(_object(by_type, "BODY").get("text", "")),
        buttons=tuple(str(one.get("text", "")) for one in buttons if isinstance(one, dict)),
        rejected_reason=None if reason == "NONE" else reason,
    )


def _refusal(error: Mapping[str, Any], http_status: int) -> Refused:
    code, subcode = error.get("code", http_status), error.get("error_subcode")
    if subcode in ALREADY_EXISTS_SUBCODES:
        return AlreadyThere("Meta has a template of that name and language already")
    if code in TOO_MANY_CALLS or http_status == httpx.codes.TOO_MANY_REQUESTS:
        return Refused("the limit of management calls per hour is reached; try again in an hour")
    if code in TOKEN_INVALID:
        return Refused(
            "Meta does not take the token; make a system user's token with "
            "whatsapp_business_management and set WHATSAPP_TOKEN"
        )
    if code in PERMISSION_MISSING or subcode == NO_SUCH_OBJECT_SUBCODE:
        return Refused(
            "Meta does not show this account to the token; see WHATSAPP_WABA_ID (no phone number), "
            "and assign the account to the system user with whatsapp_business_management"
        )
    says = error.get("error_user_msg") or error.get("message") or "no reason"
    return Refused(f"Meta refuses: {says} (code {code})")


def _object(value: Mapping[str, Any], key: str) -> JsonObject:
    found = value.get(key)
    return found if isinstance(found, dict) else {}
