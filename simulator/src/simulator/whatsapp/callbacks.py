"""Where a number's webhooks go: three levels of callbacks, and whether the app hears at all.

Meta's "Webhook overrides": the number's own is in force before the account's, and that one before
the app's; an override is only taken from an app that is subscribed, and once the address has
answered the handshake.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import httpx

from simulator.settings import WhatsAppSettings
from simulator.whatsapp.errors import GraphError, invalid_parameter

OVERRIDE_CHARACTERS_MAX = 200
VERIFICATION_FAILED = 2200
APP_TOKEN_NEEDED = 15
FIELDS_SENT = ("messages", "user_id_update")
"""Every field that this simulator has webhooks of."""
FIELD_VERSION = "v23.0"

Json = dict[str, Any]


class HandshakeFailed(ValueError):
    """The address did not answer the verification as it must; the message says how."""

    def __init__(self, sentence: str, as_meta_says: str) -> None:
        super().__init__(sentence)
        self.as_meta_says = as_meta_says


@dataclass
class Callbacks:
    """What the dashboard and the API have set."""

    application: str | None
    """The app's own, from Meta's dashboard."""
    account: str | None = None
    number: str | None = None
    is_subscribed: bool = True
    """The dashboard subscribes the app of a new account by itself."""
    fields: list[str] = field(default_factory=lambda: list(FIELDS_SENT))
    """What the app wants to hear of, from the dashboard."""
    known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once there is a callback."""

    def __post_init__(self) -> None:
        self._note()

    @property
    def in_force(self) -> str | None:
        """Where webhooks go now."""
        return self.number or self.account or self.application

    def hears(self, field_name: str) -> bool:
        """Whether the app gets webhooks of this field."""
        return self.is_subscribed and field_name in self.fields

    def set(self, level: str, url: str | None) -> None:
        """Set or take back one level's callback."""
        setattr(self, level, url)
        self._note()

    def _note(self) -> None:
        if self.in_force:
            self.known.set()
        else:
            self.known.clear()

    def configuration(self) -> Json:
        """The field `webhook_configuration` of a number: the levels that are set."""
        levels = {
            "phone_number": self.number,
            "whatsapp_business_account": self.account,
            "application": self.application,
        }
        return {name: url for name, url in levels.items() if url}

    def subscribed_apps(self, settings: WhatsAppSettings) -> Json:
        """GET /<account>/subscribed_apps."""
        if not self.is_subscribed:
            return {"data": []}
        app: Json = {
            "whatsapp_business_api_data": {
                "link": f"https://www.facebook.com/games/?app_id={settings.app_id}",
                "name": settings.app_name,
                "id": settings.app_id,
            }
        }
        if self.account:
            app["override_callback_uri"] = self.account
        return {"data": [app]}

    def subscriptions(self) -> Json:
        """GET /<app>/subscriptions: what the dashboard's page "Configuration" shows."""
        if not self.application:
            return {"data": []}
        fields = [{"name": name, "version": FIELD_VERSION} for name in self.fields]
        subscription = {
            "object": "whatsapp_business_account",
            "callback_url": self.application,
            "active": True,
            "fields": fields,
        }
        return {"data": [subscription]}

    def subscribe(self) -> None:
        """POST /<account>/subscribed_apps without a body; it also takes an override back."""
        self.is_subscribed = True
        self.set("account", None)

    def unsubscribe(self) -> None:
        """DELETE /<account>/subscribed_apps."""
        self.is_subscribed = False
        self.set("account", None)

    async def override(
        self, level: str, given: Json, http: httpx.AsyncClient, rng: random.Random
    ) -> None:
        """Set an override, once its address has shaken hands.

        Raises:
            GraphError: not subscribed, too long, without a token, or no handshake.
        """
        url, verify_token = given.get("override_callback_uri"), given.get("verify_token")
        if not isinstance(url, str) or len(url) > OVERRIDE_CHARACTERS_MAX:
            raise invalid_parameter(
                "Param override_callback_uri must be a URI of at most "
                f"{OVERRIDE_CHARACTERS_MAX} characters."
            )
        if not isinstance(verify_token, str) or not verify_token:
            raise invalid_parameter("The parameter verify_token is required.")
        if not self.is_subscribed:
            raise invalid_parameter(
                "Before override the current callback uri, your app must be subscribed to "
                "receive messages for WhatsApp Business Account"
            )
        try:
            await shake_hands(url, verify_token, http, rng)
        except HandshakeFailed as error:
            raise GraphError(
                VERIFICATION_FAILED,
                "(#2200) Callback verification failed with the following errors: "
                f"{error.as_meta_says}",
                http_status=400,
            ) from error
        self.set(level, url)


async def shake_hands(
    url: str, verify_token: str, http: httpx.AsyncClient, rng: random.Random
) -> None:
    """Ask an address whether it belongs to whoever knows the token.

    Raises:
        HandshakeFailed: it does not answer 200 with the challenge.
    """
    challenge = str(rng.randrange(10**8, 10**10))
    query = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": verify_token,
    }
    try:
        answer = await http.get(url, params=query)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise HandshakeFailed(
            f"The callback URL could not be reached ({type(error).__name__}).",
            "curl_errno = 7; curl_error = Failed to connect; HTTP Status Code = 200; "
            "HTTP Message = Unknown Error",
        ) from error
    if answer.status_code != httpx.codes.OK:
        raise HandshakeFailed(
            f"The callback URL answered the verification with {answer.status_code}, not 200.",
            f"HTTP Status Code = {answer.status_code}; HTTP Message = {answer.reason_phrase}",
        )
    if answer.text.strip() != challenge:
        raise HandshakeFailed(
            "The callback URL did not return the challenge it was given.",
            f'Response does not match challenge, expected value="{challenge}", '
            f'received="{answer.text[:20]}..."',
        )
