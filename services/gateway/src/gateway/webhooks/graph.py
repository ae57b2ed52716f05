"""Meta's Graph API, as far as webhooks need it."""

import httpx
from pydantic import SecretStr

from gateway.payload import JsonObject, number_of, object_of, text_of
from gateway.webhooks.asking import Away, Busy, ask, patiently
from gateway.webhooks.findings import Finding

API_VERSION = "23.0"
THROTTLED = frozenset({4, 80007, 80008, 613})
"""The management API's limits, of hours and not of seconds (platforms.md B5, B6)."""
TOKEN_INVALID = frozenset({0, 101, 102, 190})
PERMISSION_MISSING = frozenset({3, 10, *range(200, 300)})
NO_SUCH_OBJECT_SUBCODE = 33
BUSY_SECONDS = 2.0


class GraphRefused(Exception):
    """The API refuses; the message is Meta's, without anything that we sent."""

    def __init__(self, code: int, subcode: int | None, says: str) -> None:
        super().__init__(says)
        self.code = code
        self.subcode = subcode


class Graph:
    """Calls with one token."""

    def __init__(self, http: httpx.AsyncClient, api_url: str, token: SecretStr) -> None:
        self._http = http
        self._root = f"{api_url.rstrip('/')}/v{API_VERSION}"
        self._token = token

    async def get(self, path: str, **query: str) -> JsonObject:
        """An object or a list.

        Raises:
            Away, GraphRefused: there is none.
        """
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: JsonObject | None = None) -> None:
        """Set something.

        Raises:
            Away, GraphRefused: it is not set.
        """
        await self._call("POST", path, **({} if body is None else {"json": body}))

    async def _call(self, method: str, path: str, **options: object) -> JsonObject:
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}

        async def call() -> JsonObject:
            answer, body = await ask(
                self._http, method, f"{self._root}/{path}", headers=headers, **options
            )
            if answer.is_success and "error" not in body:
                return body
            error = object_of(body, "error")
            code = number_of(error, "code") or answer.status_code
            # The HTTP status says nothing reliable (platforms.md B6): codes decide.
            if code in THROTTLED:
                raise Away(f"the limit of its management calls is reached (code {code})")
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                raise Busy("it asks for a pause", BUSY_SECONDS)
            raise GraphRefused(code, number_of(error, "error_subcode"), _says(error))

        return await patiently(call)


def why(error: Exception) -> Finding:
    """The finding behind a call that failed."""
    if not isinstance(error, GraphRefused):
        return Finding(
            "away",
            f"Meta's API cannot be asked: {error}",
            "wait, or look at the way out of this network to WHATSAPP_API_URL",
        )
    if error.code in TOKEN_INVALID:
        return Finding(
            "token",
            "Meta does not take the token (any more): it is wrong, was taken back, or has expired",
            "make a system user's token that does not expire, with whatsapp_business_management "
            "and whatsapp_business_messaging, and set WHATSAPP_TOKEN",
        )
    if error.code in PERMISSION_MISSING or error.subcode == NO_SUCH_OBJECT_SUBCODE:
        return Finding(
            "refused",
            "Meta does not show this number or account to the token: the id is wrong, or the token "
            "may not see it",
            "see WHATSAPP_PHONE_ID (no phone number) and WHATSAPP_WABA_ID; assign both to the "
            "system user, with whatsapp_business_management",
        )
    return Finding("refused", f"Meta refuses: {error} (code {error.code})", "see what it says")


def _says(error: JsonObject) -> str:
    return text_of(error, "message") or "no reason"
