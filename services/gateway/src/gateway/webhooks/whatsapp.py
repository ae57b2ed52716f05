"""WhatsApp's side of a webhook: subscribing the app, and setting where webhooks go."""

import secrets

import httpx
from pydantic import SecretStr

from contracts import Platform
from gateway.payload import JsonObject, objects_of
from gateway.webhooks.asking import Away
from gateway.webhooks.findings import CannotSet, Finding, Report
from gateway.webhooks.graph import TOKEN_INVALID, Graph, GraphRefused, why
from gateway.webhooks.whatsapp_seen import Seen
from runtime.accounts import WhatsAppNumber

CALLBACK_CHARACTERS_MAX = 200
"""Meta takes no longer one as an override."""
VERIFICATION_FAILED = 2200
CHALLENGE_BYTES = 8


class WhatsAppWebhook:
    """One number's webhook."""

    platform: Platform = "whatsapp"

    def __init__(
        self,
        number: WhatsAppNumber,
        http: httpx.AsyncClient,
        *,
        token: SecretStr,
        verify_token: SecretStr,
        api_url: str,
        public_url: str,
        shakes_hands: bool,
    ) -> None:
        """Look at it or set it.

        Args:
            number: the number, its account and app.
            http: a client for Meta, and for our own address.
            token: of a system user who may manage the account.
            verify_token: what the gateway expects in Meta's handshake.
            api_url: the Graph API's root.
            public_url: where the world reaches us.
            shakes_hands: also ask our own address as Meta would; only where the world's way to it
                is open, as on an operator's machine, and not behind it.
        """
        self.account = number.account
        self._number = number
        self._verify_token = verify_token
        self._http = http
        self._api_url = api_url
        self._graph = Graph(http, api_url, token)
        self._url = f"{public_url}/whatsapp"
        self._shakes_hands = shakes_hands

    async def inspect(self) -> Report:
        """See `Webhook`."""
        try:
            seen = await self._look()
        except (Away, GraphRefused) as error:
            return Report(
                platform="whatsapp", account=self.account, findings=(why(error),), is_known=False
            )
        findings = seen.findings(self._url)
        if self._shakes_hands and (refused := await self._shake_hands()):
            findings.append(refused)
        return Report(
            platform="whatsapp",
            account=self.account,
            title=seen.title,
            facts=seen.facts(),
            findings=tuple(findings),
        )

    async def register(self) -> list[str]:
        """See `Webhook`."""
        try:
            seen = await self._look()
            return await self._set(seen, also_what_is_right=True)
        except (Away, GraphRefused) as error:
            raise CannotSet(self._why_not_set(error)) from None

    async def repair(self) -> list[str]:
        """See `Webhook`."""
        try:
            seen = await self._look()
            return await self._set(seen, also_what_is_right=False)
        except (Away, GraphRefused) as error:
            raise CannotSet(self._why_not_set(error)) from None

    async def _look(self) -> Seen:
        number = await self._graph.get(
            self.account,
            fields="display_phone_number,verified_name,webhook_configuration",
        )
        apps: list[JsonObject] | None = None
        if self._number.waba_id is not None:
            listed = await self._graph.get(f"{self._number.waba_id}/subscribed_apps")
            apps = objects_of(listed, "data")
        seen = Seen(number, apps, self._number.app_id)
        await self._look_at_the_app(seen)
        return seen

    async def _look_at_the_app(self, seen: Seen) -> None:
        """What the app has asked for in Meta's dashboard, which only the app itself is told."""
        app_id, secret = seen.app_id, self._number.app_secret
        if app_id is None or secret is None:
            return
        token = SecretStr(f"{app_id}|{secret.get_secret_value()}")
        try:
            listed = await Graph(self._http, self._api_url, token).get(f"{app_id}/subscriptions")
        except GraphRefused as error:
            # An app that we only guess at may be somebody else's.
            seen.secret_refused = error.code in TOKEN_INVALID and self._number.app_id is not None
        except Away:
            return
        else:
            seen.take_fields(objects_of(listed, "data"))

    async def _set(self, seen: Seen, *, also_what_is_right: bool) -> list[str]:
        if len(self._url) > CALLBACK_CHARACTERS_MAX:
            raise CannotSet(
                Finding(
                    "refused",
                    f"Meta takes no callback longer than {CALLBACK_CHARACTERS_MAX} characters",
                    "shorten PUBLIC_URL",
                )
            )
        if self._number.waba_id is None:
            return await self._set_for_the_number(seen, also_what_is_right)
        done = []
        beneath = seen.callback_beneath_the_number
        if not seen.is_subscribed:
            # Without a body: an override is only taken from an app that is subscribed already, and
            # this one takes an older override back.
            beneath = seen.callbacks.get("application")
            await self._graph.post(f"{self._number.waba_id}/subscribed_apps")
            done.append(f"subscribed the app to the account {self._number.waba_id}")
        if also_what_is_right or beneath != self._url:
            await self._graph.post(f"{self._number.waba_id}/subscribed_apps", self._override())
            done.append(f"set the account's callback to {self._url}")
        if seen.callbacks.get("phone_number") not in (None, self._url):
            # Last, so that there is no moment in which webhooks go to a third address.
            await self._graph.post(
                self.account, {"webhook_configuration": {"override_callback_uri": ""}}
            )
            done.append("took back the number's own override")
        return done

    async def _set_for_the_number(self, seen: Seen, also_what_is_right: bool) -> list[str]:
        if not also_what_is_right and seen.in_force == self._url:
            return []
        await self._graph.post(self.account, {"webhook_configuration": self._override()})
        return [f"set the number's callback to {self._url}"]

    def _override(self) -> JsonObject:
        return {
            "override_callback_uri": self._url,
            "verify_token": self._verify_token.get_secret_value(),
        }

    def _why_not_set(self, error: Exception) -> Finding:
        if isinstance(error, GraphRefused) and error.code == VERIFICATION_FAILED:
            return Finding(
                "handshake",
                f"Meta asked {self._url} and was not answered as it must be: {error}",
                "start the gateway there with the same WHATSAPP_VERIFY_TOKEN as here "
                "(403: it has another), and let the world reach it",
            )
        return why(error)

    async def _shake_hands(self) -> Finding | None:
        """Ask our own address as Meta does before it takes a callback."""
        challenge = str(int.from_bytes(secrets.token_bytes(CHALLENGE_BYTES)))
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": self._verify_token.get_secret_value(),
        }
        status, text, failed = 0, "", ""
        try:
            answer = await self._http.get(self._url, params=query)
            status, text = answer.status_code, answer.text
        except httpx.HTTPError as error:
            failed = type(error).__name__
        if status == httpx.codes.OK and text == challenge:
            return None
        if failed:
            says = f"{self._url} cannot be reached from here ({failed})"
            remedy = "start the gateway and the proxy before it; see the DNS entry of PUBLIC_URL"
        elif status == httpx.codes.FORBIDDEN:
            says = f"the gateway at {self._url} has another verify token than this command"
            remedy = "give both the same WHATSAPP_VERIFY_TOKEN"
        elif status == httpx.codes.OK:
            says = f"{self._url} does not return Meta's challenge: it is no gateway of ours"
            remedy = "compare PUBLIC_URL with what the proxy passes on"
        else:
            says = f"{self._url} answers Meta's verification with {status} and not with 200"
            remedy = "compare PUBLIC_URL with what the proxy passes on, and the gateway's accounts"
        return Finding("handshake", says, remedy)
