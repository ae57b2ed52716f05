"""What Meta says of a number's webhooks, and what is wrong with it.

A number's callback is in force before its account's, and that one before the app's (Meta, "Webhook
overrides"). `webhook_configuration` shows the three as this token's app has them: another app's are
not shown, which is known from the field and not from Meta's pages [unverified]. So is it that an
app token may stand in the header, and which codes a wrong app secret has.
"""

from gateway.payload import JsonObject, object_of, objects_of, text_of
from gateway.webhooks.addresses import URL_CHARACTERS_MAX, shown
from gateway.webhooks.findings import REPAIR, Finding

LEVELS = {
    "phone_number": "the number's own override",
    "whatsapp_business_account": "the account's override",
    "application": "the app's callback in Meta's dashboard",
}
"""Where a callback may stand, the first that is set being in force."""
FIELD = "messages"
"""What people say, and what becomes of our messages."""


class Seen:
    """What Meta says of one number."""

    def __init__(
        self, number: JsonObject, apps: list[JsonObject] | None, app_id: str | None
    ) -> None:
        configuration = object_of(number, "webhook_configuration")
        self._number = number
        self._apps = apps
        self._app_id = app_id
        self._fields: list[str] | None = None
        self.secret_refused = False
        """Meta does not take our app secret as the app's."""
        self.callbacks = {
            level: url
            for level in LEVELS
            if (url := text_of(configuration, level, URL_CHARACTERS_MAX)) is not None
        }

    @property
    def app_id(self) -> str | None:
        """Our app, or the only one that is subscribed."""
        ids = [_id_of(app) for app in self._apps or ()]
        return self._app_id or (ids[0] if len(ids) == 1 else None)

    def take_fields(self, subscriptions: list[JsonObject]) -> None:
        """Note what the app has asked for."""
        for one in subscriptions:
            if text_of(one, "object") == "whatsapp_business_account":
                names = (text_of(each, "name") for each in objects_of(one, "fields"))
                self._fields = [name for name in names if name]

    @property
    def title(self) -> str:
        """The name that people see."""
        return text_of(self._number, "verified_name") or ""

    @property
    def in_force(self) -> str | None:
        """Where webhooks go."""
        return next(iter(self.callbacks.values()), None)

    @property
    def callback_beneath_the_number(self) -> str | None:
        """Where webhooks would go without the number's own override."""
        return next((u for level, u in self.callbacks.items() if level != "phone_number"), None)

    @property
    def is_subscribed(self) -> bool:
        """Whether the app is; without its id, whether any is: the account's token sees no more."""
        if self._apps is None:
            return True
        ids = [_id_of(app) for app in self._apps]
        return bool(ids) if self._app_id is None else self._app_id in ids

    def facts(self) -> dict[str, str]:
        """What an operator may want to see."""
        facts = {"number": text_of(self._number, "display_phone_number") or "?"}
        for level, url in self.callbacks.items():
            facts[LEVELS[level]] = shown(url)
        if self._apps is None:
            facts["subscribed"] = "not looked at: WHATSAPP_WABA_ID is not set"
        else:
            facts["subscribed"] = ", ".join(map(_app_in_words, self._apps)) or "no app"
        if self._fields is not None:
            facts["fields"] = ", ".join(self._fields) or "none"
        return facts

    def findings(self, url: str) -> list[Finding]:
        """What is wrong, if `url` is where webhooks should go."""
        found = self._findings_of_the_app()
        level = next(iter(self.callbacks), None)
        if level is None:
            found.append(Finding("callback", "Meta knows no callback for this number"))
        elif self.callbacks[level] != url:
            where = f"{LEVELS[level]} sends webhooks to {shown(self.callbacks[level])}"
            hides = level == "phone_number" and self.callback_beneath_the_number == url
            found.append(
                Finding(
                    "overridden" if level == "phone_number" else "callback",
                    f"{where}, and {'hides' if hides else 'not to'} {url}",
                    f"{REPAIR}; whoever set it will get nothing more"
                    if level == "phone_number"
                    else REPAIR,
                )
            )
        return found

    def _findings_of_the_app(self) -> list[Finding]:
        found = []
        if not self.is_subscribed:
            app = "the app" if self._app_id is None else f"the app {self._app_id}"
            found.append(
                Finding(
                    "not-subscribed",
                    f"{app} is not subscribed to the account: nothing that people say arrives",
                )
            )
        if self._fields is not None and FIELD not in self._fields:
            found.append(
                Finding(
                    "fields",
                    f"the app has not asked for the field {FIELD}: nothing that people say arrives",
                    f"in Meta's dashboard: WhatsApp, Configuration, Webhook fields, {FIELD}",
                )
            )
        if self.secret_refused:
            found.append(
                Finding(
                    "app-secret",
                    f"Meta does not take the app secret for the app {self._app_id}: the gateway "
                    "would take every webhook for forged",
                    "set WHATSAPP_APP_SECRET to the one that Meta's dashboard shows for this app",
                )
            )
        return found


def _app_in_words(app: JsonObject) -> str:
    data = object_of(app, "whatsapp_business_api_data")
    return f"{text_of(data, 'name') or 'an app'} ({_id_of(app) or '?'})"


def _id_of(app: JsonObject) -> str | None:
    return text_of(object_of(app, "whatsapp_business_api_data"), "id")
